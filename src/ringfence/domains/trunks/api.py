"""Trunks, for other domains and the entrances."""

from ringfence.domains.trunks.queries import (
    get_trunk,
    list_all_trunks,
    list_trunks,
    routing_trunks,
    usable_by,
)
from ringfence.domains.trunks.usecases.create_trunk import create_trunk

__all__ = [
    "create_trunk",
    "get_trunk",
    "list_all_trunks",
    "list_trunks",
    "routing_trunks",
    "usable_by",
]
