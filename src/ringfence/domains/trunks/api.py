"""Trunks, for other domains and the entrances."""

from ringfence.domains.trunks.queries import (
    get_trunk,
    list_all_trunks,
    list_trunks,
    routing_trunks,
    usable_by,
)
from ringfence.domains.trunks.usecases.change_trunk import change_trunk
from ringfence.domains.trunks.usecases.create_trunk import create_own_trunk, create_trunk
from ringfence.domains.trunks.usecases.delete_trunk import delete_trunk
from ringfence.domains.trunks.usecases.set_sources import set_sources
from ringfence.domains.trunks.uses import register_uses

__all__ = [
    "change_trunk",
    "create_own_trunk",
    "create_trunk",
    "delete_trunk",
    "get_trunk",
    "list_all_trunks",
    "list_trunks",
    "register_uses",
    "routing_trunks",
    "set_sources",
    "usable_by",
]
