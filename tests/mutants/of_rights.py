"""Mutants of the requests of data subjects."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_RULES = "domains/privacy/rules/rights.py"
_UNIT = ("tests/unit/domains/test_rights_rules.py",)
_TIME = ("CTX-05.C-05", "CCA-06.0-08")
_WHO = ("CTX-05.C-04",)
_DUE = "return min(after(received, terms.deadline), after(received, terms.law))"

MUTANTS = (
    Mutant(
        "an-answer-a-day-later",
        "rights-answered",
        _TIME,
        _RULES,
        _DUE,
        f"{_DUE} + timedelta(days=1)",
        _UNIT,
    ),
    Mutant(
        "extended-again-and-again",
        "rights-answered",
        _TIME,
        _RULES,
        "is_open(state) and not extended and now <= due",
        "is_open(state) and now <= due",
        _UNIT,
    ),
    Mutant(
        "run-unverified",
        "rights-answered",
        _WHO,
        _RULES,
        "_STATES.RECEIVED: {_STATES.VERIFIED, _STATES.REFUSED}",
        "_STATES.RECEIVED: {_STATES.VERIFIED, _STATES.RUNNING, _STATES.REFUSED}",
        _UNIT,
    ),
)
