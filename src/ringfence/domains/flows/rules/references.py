"""What a graph names outside of itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from ringfence.domains.flows import graph as g


@dataclass(frozen=True, slots=True)
class References:
    """Things that must exist for the flow to run."""

    prompts: frozenset[UUID] = frozenset()
    targets: frozenset[UUID] = frozenset()
    flows: frozenset[UUID] = frozenset()
    trunks: frozenset[UUID] = frozenset()
    devices: frozenset[UUID] = frozenset()
    caller_ids: frozenset[str] = frozenset()
    """Numbers (E.164) that must be the tenant's own."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that a node names: ``kind`` is a field of References."""

    node: str
    field: str
    kind: str
    value: UUID | str


def references(graph: g.Graph) -> References:
    """All that a graph names, by kind."""
    found: dict[str, set[UUID | str]] = {}
    for reference in references_by_node(graph):
        found.setdefault(reference.kind, set()).add(reference.value)
    return References(**{kind: frozenset(values) for kind, values in found.items()})  # type: ignore[arg-type]


def references_by_node(graph: g.Graph) -> Iterator[Reference]:
    """Each thing that a node names, where it names it."""
    for name, node in graph.nodes.items():
        for field, kind, value in _of(node.step):
            yield Reference(name, field, kind, value)


_Named = Iterator[tuple[str, str, UUID | str]]


def _of(step: g.Step) -> _Named:
    match step:
        case g.Play(prompt=prompt) | g.Hold(prompt=prompt):
            yield "prompt", "prompts", prompt
        case g.Gather(prompts=prompts, invalid_prompts=invalid):
            yield from _played("prompts", prompts)
            yield from _played("invalid_prompts", invalid)
        case g.Dial():
            yield from _dial(step)
        case g.SubFlow(flow=flow) | g.Redirect(flow=UUID() as flow):
            yield "flow", "flows", flow


def _dial(step: g.Dial) -> _Named:
    for number, target in enumerate(step.targets):
        at = f"targets[{number}]"
        match target:
            case g.StoredTarget(target=stored):
                yield f"{at}.target", "targets", stored
            case g.NumberTarget(trunk=trunk):
                yield f"{at}.trunk", "trunks", trunk
            case g.DeviceTarget(device=device):
                yield f"{at}.device", "devices", device
    if step.caller_id not in ("caller", "called"):
        yield "caller_id", "caller_ids", step.caller_id
    if step.ringback is not None:
        yield "ringback", "prompts", step.ringback
    if step.music is not None:
        yield "music", "prompts", step.music
    yield from _played("whisper", step.whisper)


def _played(field: str, prompts: tuple[g.Prompt, ...]) -> _Named:
    for number, prompt in enumerate(prompts):
        if isinstance(prompt, g.PlayPrompt):
            yield f"{field}[{number}].play", "prompts", prompt.play
