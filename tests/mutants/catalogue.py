"""Every mutant."""

from __future__ import annotations

from tests.mutants import (
    of_children,
    of_consent,
    of_content,
    of_egress,
    of_policy,
    of_retention,
    of_rights,
)

MUTANTS = (
    *of_retention.MUTANTS,
    *of_content.MUTANTS,
    *of_policy.MUTANTS,
    *of_rights.MUTANTS,
    *of_consent.MUTANTS,
    *of_egress.MUTANTS,
    *of_children.MUTANTS,
)
