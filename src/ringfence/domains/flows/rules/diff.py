"""What changed between two graphs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringfence.domains.flows.graph import Graph
from ringfence.domains.flows.rules.parse import to_json

_DRAWN = "position"


@dataclass(frozen=True, slots=True)
class GraphDiff:
    """Nodes by id. ``changed`` names the fields of each, ``next.<outcome>`` one by one; ``graph``
    those of the graph itself. Where nodes are drawn is no change."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: Mapping[str, tuple[str, ...]]
    graph: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether both do the same to a call."""
        return not (self.added or self.removed or self.changed or self.graph)


def diff(old: Graph, new: Graph) -> GraphDiff:
    """What it takes to make ``new`` of ``old``."""
    before, after = to_json(old), to_json(new)
    was, now = before.pop("nodes"), after.pop("nodes")
    changed = {
        name: fields
        for name in sorted(was.keys() & now.keys())
        if (fields := _changed(_flat(was[name]), _flat(now[name])))
    }
    added, removed = sorted(now.keys() - was.keys()), sorted(was.keys() - now.keys())
    return GraphDiff(tuple(added), tuple(removed), changed, _changed(before, after))


def _flat(node: dict[str, Any]) -> dict[str, Any]:
    flat = {key: value for key, value in node.items() if key not in ("next", _DRAWN)}
    return flat | {f"next.{key}": value for key, value in node.get("next", {}).items()}


def _changed(was: dict[str, Any], now: dict[str, Any]) -> tuple[str, ...]:
    absent = object()
    keys = sorted(was.keys() | now.keys())
    return tuple(key for key in keys if was.get(key, absent) != now.get(key, absent))
