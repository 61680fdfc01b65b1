"""The clauses of five published policies, as data: ``clauses/*.toml``, a file per chapter.

Policies are known by codes (``CTX``, ``CMX``, ``CCA``, ``SIP``, ``CLX``), never by whose they are.
``parameters.toml`` says which values of a profile a clause states.
"""

from ringfence.policies.catalogue.load import load_catalogue, parse_clauses
from ringfence.policies.catalogue.model import (
    Catalogue,
    CatalogueError,
    Clause,
    Kind,
    Proof,
    System,
)
from ringfence.policies.catalogue.parameters import Holds, Parameters, load_parameters

__all__ = [
    "Catalogue",
    "CatalogueError",
    "Clause",
    "Holds",
    "Kind",
    "Parameters",
    "Proof",
    "System",
    "load_catalogue",
    "load_parameters",
    "parse_clauses",
]
