"""Mutants of how children are kept out."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_CONTROL = "children-kept-out"
_OUT = ("SIP-11.0-01", "CCA-08.0-01", "CLX-10.0-01", "CMX-12.0-01")
_GATE = "tests/http/test_age_gate.py"
_REPORTS = "tests/http/test_rights_children.py"
_REQUEST = "domains/privacy/usecases/request_rights.py"

MUTANTS = (
    Mutant(
        "signed-up-without-an-age",
        _CONTROL,
        _OUT,
        "domains/identity/sign_in/forms.py",
        'if not data.get("of_age"):',
        'if data.get("of_age") is None:',
        (f"{_GATE}::test_who_signs_up_says_so_or_is_not_stored",),
    ),
    Mutant(
        "joined-without-an-age",
        _CONTROL,
        _OUT,
        "domains/identity/usecases/attest_age.py",
        "return (said or 0) < minimum_age(tenant_id)",
        "return said is not None and said < minimum_age(tenant_id)",
        (f"{_GATE}::test_who_has_an_account_is_asked_when_they_join",),
    ),
    Mutant(
        "brought-by-a-provider-without-an-age",
        _CONTROL,
        _OUT,
        "domains/identity/sso/adapter.py",
        "return said if isinstance(said, int) else 0",
        "return said or 99",
        (f"{_GATE}::test_a_provider_brings_nobody_who_says_nothing",),
    ),
    Mutant(
        "reported-and-still-used",
        _CONTROL,
        ("SIP-11.0-03", "CMX-12.0-02"),
        _REQUEST,
        "        if kind is RightsKind.CHILD:\n            freeze(row, actor=actor)\n",
        "",
        (f"{_REPORTS}::test_a_report_ends_all_use_at_once",),
    ),
    Mutant(
        "confirmed-and-not-erased",
        _CONTROL,
        ("SIP-11.0-02", "CMX-12.0-02", "CLX-10.0-01"),
        _REQUEST,
        "return row.kind == RightsKind.CHILD and frozen",
        "return row.kind == RightsKind.CHILD",
        (f"{_REPORTS}::test_once_confirmed_they_are_erased",),
    ),
    Mutant(
        "lifted-by-anybodys-word",
        _CONTROL,
        ("SIP-11.0-03",),
        "domains/privacy/usecases/lift_report.py",
        "if not evidence.parent.strip() or not fit:",
        "if not evidence.parent.strip():",
        (f"{_REPORTS}::test_a_parent_alone_ends_it_and_shows_something",),
    ),
    Mutant(
        "brought-back-by-the-child",
        _CONTROL,
        ("CMX-12.0-02",),
        "domains/privacy/usecases/settle_use.py",
        "if reports.exclude(state=RightsState.REFUSED).exists():",
        "if not reports:",
        (f"{_REPORTS}::test_no_other_request_of_theirs_ends_it",),
    ),
)
