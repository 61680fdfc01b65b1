"""Mutants of consent and preferences."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_CONTROL = "consent-evidence"
_HTTP = "tests/http/test_consents.py"
_PAGES = "tests/http/test_preferences.py"
_MATRIX = "tests/promises/test_purpose_matrix.py"

MUTANTS = (
    Mutant(
        "evidence-may-be-changed",
        _CONTROL,
        ("SIP-01.3-04",),
        "domains/consent/migrations/0001_initial.py",
        'grant("consent_evidence", Role.APP, "SELECT, INSERT")',
        'grant("consent_evidence", Role.APP, "SELECT, INSERT, UPDATE")',
        (f"{_HTTP}::test_grant_revoke_grant_are_three_rows_that_nobody_changes",),
    ),
    Mutant(
        "an-edit-unseen",
        _CONTROL,
        ("SIP-01.3-04",),
        "domains/consent/rules/chain.py",
        "if link.digest != digest_of(link.previous, link.facts) or link",
        "if link",
        ("tests/unit/consent/test_rules.py",),
    ),
    Mutant(
        "evidence-a-day-too-long",
        "periods-as-promised",
        ("SIP-08.1-04",),
        "platform/settings.py",
        "consents: Days = 1461",
        "consents: Days = 1462",
        (f"{_HTTP}::test_the_number_goes_after_four_years_and_what_was_said_stays",),
    ),
    Mutant(
        "a-refusal-dies-with-its-person",
        "",
        ("SIP-02.2-04",),
        "domains/consent/queries.py",
        "state = ConsentState.WITHDRAWN if listed else None",
        "state = None",
        (f"{_HTTP}::test_a_refusal_outlives_who_said_it",),
    ),
    Mutant(
        "a-withdrawal-forgotten",
        "",
        ("CCA-06.0-07",),
        "domains/consent/rules/effects.py",
        "withdraw=tuple(sorted(purpose for purpose, yes in purposes.items() if not yes)),",
        "withdraw=(),",
        (f"{_MATRIX}::test_a_withdrawal_bites_within_a_second",),
    ),
    Mutant(
        "without-cookies-nothing-is-said",
        "",
        ("CLX-09.0-05",),
        "domains/consent/pages.py",
        '"lost": "saved" in request.GET and not kept,',
        '"lost": False,',
        (f"{_PAGES}::test_without_cookies_everything_works",),
    ),
    Mutant(
        "a-cookie-unexplained",
        "",
        ("SIP-06.2-03",),
        "domains/consent/inventory.py",
        '"Proves that a form was sent from our own page."',
        '""',
        (f"{_PAGES}::test_each_cookie_is_explained",),
    ),
)
