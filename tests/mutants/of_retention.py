"""Mutants of retention, erasure and the end of tenants."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_DAYS = "tests/promises/test_row_clean_up.py"
_TO_THE_DAY = f"{_DAYS}::test_what_a_profile_keeps_ends_to_the_day_with_a_certificate"
_CHOSEN = "tests/promises/test_chosen_retention.py"
_END = "tests/promises/test_tenant_end.py"
_WARNED = "tests/promises/test_warning.py"
_RECORDS = "tests/promises/test_records_end.py::test_each_ends_on_its_day"
_CARRIED = (
    "tests/promises/test_living_records_end.py"
    "::test_books_of_the_living_are_carried_forward_on_their_day"
)
_PERIODS = ("CTX-04.B-01", "SIP-08.1-01", "CCA-04.0-02")
_FIRST = "return today - (installed if chosen is None else chosen)"
_DUE = "domains/privacy/rules/due.py"

MUTANTS = (
    Mutant(
        "a-day-too-long", "expired-gone", _PERIODS, _DUE, _FIRST, f"{_FIRST} - 1", (_TO_THE_DAY,)
    ),
    Mutant(
        "a-day-too-early", "expired-gone", _PERIODS, _DUE, _FIRST, f"{_FIRST} + 1", (_TO_THE_DAY,)
    ),
    Mutant(
        "certificates-unsigned",
        "expired-gone",
        _PERIODS,
        "domains/privacy/usecases/certify.py",
        "return signed(settings.RINGFENCE.data_dir, said)",
        'return {**said, "key": "0" * 64, "signature": "0" * 128}',
        (_TO_THE_DAY,),
    ),
    Mutant(
        "keys-of-a-day-live-on",
        "expired-gone",
        _PERIODS,
        "platform/keys/erasure.py",
        "    store.condemn(list(_expire(store, tenant, buckets)))\n",
        "",
        (_TO_THE_DAY,),
    ),
    Mutant(
        "choice-of-the-tenant-ignored",
        "expired-gone",
        ("CTX-04.B-04",),
        _DUE,
        _FIRST,
        "return today - installed",
        (_CHOSEN,),
    ),
    Mutant(
        "rows-of-a-day-stay",
        "expired-gone",
        ("SIP-08.2-01",),
        "domains/privacy/usecases/clear_rows.py",
        "    for bucket in destruction.buckets:\n",
        "    for bucket in ():\n",
        (_DAYS,),
    ),
    Mutant(
        "any-number-may-be-chosen",
        "periods-as-promised",
        ("CTX-04.B-04",),
        "domains/accounts/usecases/choose_retention.py",
        "            raise RetentionOutOfBounds(\n",
        "            RetentionOutOfBounds(\n",
        (_CHOSEN, "tests/http/test_retention.py"),
    ),
    Mutant(
        "bounds-of-the-strictest-always",
        "periods-as-promised",
        ("CTX-04.B-04",),
        "domains/privacy/profiles.py",
        "return load_profile() if found is None else found",
        "return load_profile()",
        ("tests/http/test_retention.py",),
    ),
    Mutant(
        "choices-kept-beyond-new-bounds",
        "periods-as-promised",
        ("CTX-04.B-04",),
        "policies/profiles/kept.py",
        "return min(max(days, self.least), self.most)",
        "return days",
        ("tests/http/test_retention.py",),
    ),
    Mutant(
        "installed-a-day-less",
        "periods-as-promised",
        ("CTX-04.B-01", "SIP-08.1-01"),
        "platform/settings.py",
        "call_records: Days = 550",
        "call_records: Days = 547",
        ("tests/e2e/test_promises.py::test_a_fresh_installation_keeps_what_is_backed",),
    ),
    Mutant(
        "rows-of-an-ended-tenant-stay",
        "closed-gone",
        ("CCA-04.0-06",),
        "domains/privacy/tenant_end.py",
        "    return _rows[0](tenant)\n",
        "    return 0\n",
        (_END,),
    ),
    Mutant(
        "files-of-an-ended-tenant-stay",
        "closed-gone",
        ("CCA-04.0-06",),
        "domains/privacy/tenant_end.py",
        "    for callback in _files:\n",
        "    for callback in ():\n",
        (_END,),
    ),
    Mutant(
        "records-a-day-too-long",
        "records-end",
        ("CMX-07.0-04", "SIP-08.1-05"),
        "policies/profiles/ends.py",
        "        if end is not None and end >= today:\n",
        "        if end is not None and end >= today - timedelta(days=1):\n",
        (_RECORDS,),
    ),
    Mutant(
        "records-a-day-too-early",
        "records-end",
        ("CMX-07.0-04", "SIP-08.1-05"),
        "policies/profiles/ends.py",
        "        if end is not None and end >= today:\n",
        "        if end is not None and end > today:\n",
        (_RECORDS,),
    ),
    Mutant(
        "books-of-the-ended-stay",
        "records-end",
        ("CMX-07.0-04",),
        "domains/ledger/ended.py",
        'cursor.execute("SELECT ringfence_end_books(%s, %s)", [tenant, first])',
        'cursor.execute("SELECT 1")',
        (_RECORDS,),
    ),
    Mutant(
        "books-of-the-living-stay",
        "records-end",
        ("CMX-07.0-04",),
        "domains/ledger/ended.py",
        'cursor.execute("SELECT ringfence_carry_books(%s, %s)", [tenant, before])',
        'cursor.execute("SELECT 1")',
        (_CARRIED,),
    ),
    Mutant(
        "carried-without-a-checkpoint",
        "records-end",
        ("CMX-07.0-04",),
        "domains/ledger/migrations/0003_carried.py",
        "SET sum_micros = c.sum_micros - s.total",
        "SET sum_micros = c.sum_micros",
        (_CARRIED,),
    ),
    Mutant(
        "name-of-the-ended-stays",
        "records-end",
        ("SIP-08.1-05",),
        "domains/accounts/ended.py",
        '.update(name="")',
        ".count()",
        (_RECORDS,),
    ),
    Mutant(
        "who-is-erased-keeps-a-key",
        "",
        ("SIP-08.2-02",),
        "platform/keys/erasure.py",
        "        store.condemn(list(_erase_person(store, tenant, person, kept)))\n",
        "        list(_erase_person(store, tenant, person, kept))\n",
        ("tests/promises/test_erasure_attack.py",),
    ),
    Mutant(
        "ended-untold",
        "told-before-end",
        ("SIP-08.2-03",),
        "domains/accounts/usecases/end_tenant.py",
        "    if notice:\n",
        "    if not notice:\n",
        (_WARNED,),
    ),
    Mutant(
        "a-day-less-of-notice",
        "told-before-end",
        ("SIP-08.2-03",),
        "domains/accounts/usecases/end_tenant.py",
        "return timedelta(days=promised.notice_days if",
        "return timedelta(days=promised.notice_days - 1 if",
        (_WARNED,),
    ),
    Mutant(
        "noted-without-mail",
        "told-before-end",
        ("SIP-08.2-03",),
        "domains/policy/usecases/warn_of_end.py",
        "                queue_mail(email, SUBJECT, text, db=db)\n",
        "                pass\n",
        (_WARNED,),
    ),
)
