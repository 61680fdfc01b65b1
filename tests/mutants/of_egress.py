"""Mutants of the egress gate."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_NO_SALE = ("CCA-03.0-01", "CMX-03.0-01", "CTX-03.0-01", "SIP-04.4-01", "CLX-04.0-01")
_RULES = "platform/gate/rules.py"
_DECIDED = ("tests/unit/gate/test_gate_rules.py",)

MUTANTS = (
    Mutant(
        "a-processor-for-sale",
        "ledger-complete",
        _NO_SALE,
        "platform/processor_settings.py",
        'Literal["service", "billing", "security", "legal"]',
        'Literal["service", "billing", "security", "legal", "sale"]',
        _DECIDED,
    ),
    Mutant(
        "a-field-nobody-listed",
        "ledger-complete",
        ("CMX-04.0-07",),
        _RULES,
        "        if found is None:\n            raise refuse",
        "        if found is None and not name:\n            raise refuse",
        _DECIDED,
    ),
    Mutant(
        "a-host-nobody-registered",
        "nothing-leaves",
        ("CMX-04.0-07",),
        _RULES,
        "        if own:\n            return OWN",
        "        if own or host:\n            return OWN",
        _DECIDED,
    ),
    Mutant(
        "a-processor-that-nothing-binds",
        "",
        ("CCA-07.0-02",),
        _RULES,
        "    if problem is not None:\n",
        "    if problem is Refusal.REGION_NOT_ALLOWED:\n",
        (
            "tests/unit/gate/test_gate_process.py"
            "::test_a_processor_without_an_agreement_gets_nothing",
        ),
    ),
)
