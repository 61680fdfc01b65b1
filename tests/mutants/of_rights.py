"""Mutants of the requests of data subjects."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_RULES = "domains/privacy/rules/rights.py"
_UNIT = ("tests/unit/domains/test_rights_rules.py",)
_TIME = ("CTX-05.C-05", "CCA-06.0-08")
_WHO = ("CTX-05.C-04",)
_DUE = "return min(after(received, terms.deadline), after(received, terms.law))"

_OPT_OUT = "tests/http/test_rights_opt_out.py"

MUTANTS = (
    Mutant(
        "opted-out-of-something-else",
        "opt-outs-hold",
        ("CTX-02.G-03",),
        "domains/consent/usecases/opt_out.py",
        "RightsKind.OPT_OUT_CPNI: ConsentScope.CPNI_USE",
        "RightsKind.OPT_OUT_CPNI: ConsentScope.PROFILING",
        (f"{_OPT_OUT}::test_every_way_to_restrict_cpni_writes_the_same",),
    ),
    Mutant(
        "marketed-to-after-the-opt-out",
        "opt-outs-hold",
        ("CTX-02.G-03",),
        "domains/consent/rules/effects.py",
        'ConsentScope.CPNI_USE: "marketing", ',
        "",
        (f"{_OPT_OUT}::test_every_way_to_restrict_cpni_writes_the_same",),
    ),
    Mutant(
        "a-permission-that-nobody-confirmed",
        "rights-answered",
        _WHO,
        "domains/privacy/rules/authority.py",
        "authority.confirmed_at is None",
        "authority.confirmed_at is not None",
        ("tests/unit/domains/test_rights_authority.py",),
    ),
    Mutant(
        "an-agent-without-a-document",
        "rights-answered",
        _WHO,
        "domains/privacy/rules/authority.py",
        "if authority is None or not _SHA256.fullmatch(authority.document_hash):",
        "if authority is None:",
        ("tests/unit/domains/test_rights_authority.py",),
    ),
    Mutant(
        "any-request-without-proof",
        "opt-outs-hold",
        (),
        _RULES,
        "    return method is not Method.NOT_NEEDED",
        "    return True",
        (f"{_OPT_OUT}::test_what_needs_no_proof_proves_nothing_else",),
    ),
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
