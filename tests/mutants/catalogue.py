"""Every mutant."""

from __future__ import annotations

from tests.mutants import of_content, of_egress, of_policy, of_retention

MUTANTS = (*of_retention.MUTANTS, *of_content.MUTANTS, *of_policy.MUTANTS, *of_egress.MUTANTS)
