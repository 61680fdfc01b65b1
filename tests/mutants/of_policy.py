"""Mutants of the published policy."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_CONTROL = "policy-published"
_PAGE = "entry/promises/policy.py"
_WRITTEN = ("tests/unit/promises/test_policy.py",)
_PUBLISHED = ("tests/http/test_policy.py",)

MUTANTS = (
    Mutant(
        "published-without-contact",
        _CONTROL,
        ("CMX-14.0-02", "CCA-10.0-01", "CLX-12.0-01"),
        _PAGE,
        "    if head is not None and who.missing:\n",
        "    if head is not None and not who.operator:\n",
        _WRITTEN,
    ),
    Mutant(
        "contact-left-out",
        _CONTROL,
        ("CMX-14.0-02", "SIP-13.0-02", "CCA-10.0-01", "CLX-12.0-01"),
        _PAGE,
        "    lines = [f",
        "    lines = [] and [f",
        _WRITTEN,
    ),
    Mutant(
        "dates-left-out",
        _CONTROL,
        ("CMX-14.0-02", "SIP-13.0-02"),
        _PAGE,
        '    if head is None:\n        return "<p><strong>Draft; not published.</strong></p>"\n',
        '    return ""\n',
        _WRITTEN,
    ),
    Mutant(
        "changes-left-out",
        _CONTROL,
        ("SIP-13.0-03",),
        _PAGE,
        "    if not items:\n",
        "    if items:\n",
        _WRITTEN,
    ),
    Mutant(
        "what-goes-is-no-change",
        _CONTROL,
        ("SIP-13.0-03",),
        "domains/policy/rules/changes.py",
        "for id_ in sorted(before - after)]",
        "for id_ in sorted(before - before)]",
        ("tests/unit/policy/test_changes.py",),
    ),
    Mutant(
        "notice-a-day-short",
        _CONTROL,
        ("CMX-14.0-01",),
        "domains/policy/rules/changes.py",
        "    days = max(notice_days, default=0) if found else 0\n",
        "    days = max(notice_days, default=0) - 1 if found else 0\n",
        _PUBLISHED,
    ),
    Mutant(
        "nobody-is-told",
        "",
        ("SIP-13.0-01",),
        "domains/policy/usecases/publish.py",
        "            queue_mail(people[user], SUBJECT, text)\n",
        "",
        _PUBLISHED,
    ),
    Mutant(
        "worse-binds-at-once",
        "",
        ("SIP-13.0-04",),
        "domains/policy/rules/binding.py",
        "        free = awaits is None and not one.needs_consent\n",
        "        free = True\n",
        ("tests/unit/policy/test_binding.py", *_PUBLISHED),
    ),
    Mutant(
        "nothing-is-worse",
        "",
        ("SIP-13.0-04",),
        "domains/policy/rules/changes.py",
        "return frozenset(one.path for one in choices if one.chosen != one.b)",
        "return frozenset()",
        ("tests/unit/policy/test_changes.py",),
    ),
    Mutant(
        "an-old-version-shows-the-new-one",
        "",
        ("SIP-13.0-05", "CCA-09.0-01"),
        "domains/policy/queries.py",
        "        found = Version.objects.using(db).filter(number=number).values_list("
        '"html", flat=True)\n',
        "        found = Version.objects.using(db).filter(number__gte=number).order_by("
        '"-number").values_list("html", flat=True)\n',
        _PUBLISHED,
    ),
)
