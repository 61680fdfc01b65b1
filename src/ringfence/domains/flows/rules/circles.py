"""Circles in a directed graph."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import TypeVar

N = TypeVar("N", bound=Hashable)


def components(edges: Mapping[N, Collection[N]]) -> Iterator[tuple[N, ...]]:
    """Strongly connected components (Tarjan), each after all that it leads to.

    Ends of edges that are no key lead nowhere and are left out.
    """
    index: dict[N, int] = {}
    low: dict[N, int] = {}
    stack: list[N] = []
    stacked: set[N] = set()
    for root in edges:
        if root in index:
            continue
        work: list[tuple[N, Iterator[N]]] = []
        following: N | None = root
        while True:
            if following is not None:
                index[following] = low[following] = len(index)
                stack.append(following)
                stacked.add(following)
                work.append((following, iter([n for n in edges[following] if n in edges])))
            node, rest = work[-1]
            following = None
            for other in rest:
                if other not in index:
                    following = other
                    break
                if other in stacked:
                    low[node] = min(low[node], index[other])
            if following is not None:
                continue
            work.pop()
            if work:
                low[work[-1][0]] = min(low[work[-1][0]], low[node])
            if low[node] == index[node]:
                at = stack.index(node)
                component = tuple(stack[at:])
                del stack[at:]
                stacked.difference_update(component)
                yield component
            if not work:
                break


def on_circles(edges: Mapping[N, Collection[N]]) -> dict[N, int]:
    """The nodes that lead back to themselves; the same number for those of one circle."""
    return {
        node: number
        for number, component in enumerate(components(edges))
        for node in component
        if len(component) > 1 or node in edges[node]
    }
