"""Published flows to the program of a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast
from uuid import UUID

from ringfence.domains.flows import graph as g
from ringfence.domains.flows.contracts import (
    FlowInvalid,
    FlowNotPublished,
    PublishedParts,
    TargetKind,
)
from ringfence.domains.flows.rules.addresses import is_e164
from ringfence.domains.flows.rules.forms import DAYS
from ringfence.domains.flows.rules.references import references
from ringfence.engine.verbs import model as v
from ringfence.kernel.ids import Prefix, public_id

_RINGING = "ringback:us"
_WEEKDAY = {day: number for number, day in enumerate(DAYS)}


def compile_flow(flow_id: UUID, parts: PublishedParts, called: str = "") -> v.Program:
    """The program of a call to ``called`` (E.164) that gets this flow.

    Nodes of every flow that it reaches are in it once, as ``<flow hex>/<node id>``. Targets that
    are not enabled, and those whose device is gone, are not dialled. Raises FlowNotPublished when
    the flow is not among the parts; FlowInvalid, with ``details.problems``, when something that a
    node names is not.
    """
    if flow_id not in parts.flows:
        raise FlowNotPublished("the flow was never published")
    nodes: dict[str, v.Node] = {}
    reached, waiting = {flow_id}, [flow_id]
    while waiting:
        flow = waiting.pop()
        graph = parts.flows[flow].graph
        for name, node in graph.nodes.items():
            nodes[_place(flow, name)] = _node(flow, name, node, parts, called)
        for other in references(graph).flows - reached:
            reached.add(other)
            waiting.append(other)
    published = parts.flows[flow_id]
    start = _place(flow_id, published.graph.start)
    return v.Program(start, nodes, flow_id, published.version)


def place_of(node: str) -> tuple[UUID, str]:
    """Flow and node id of a program's node."""
    flow, _, name = node.partition("/")
    return UUID(hex=flow), name


def _place(flow: UUID, node: str) -> str:
    return f"{flow.hex}/{node}"


class _Missing(Exception):
    """Something named is not among the parts."""

    def __init__(self, what: str) -> None:
        self.what = what


def _node(flow: UUID, name: str, node: g.Node, parts: PublishedParts, called: str) -> v.Node:
    try:
        verb = _VERBS[type(node.step)](node.step, parts, called)
    except _Missing as missing:
        problem = {
            "flow": public_id(Prefix.FLOW, flow),
            "node": name,
            "field": "",
            "code": f"{missing.what}_not_found",
            "message": "what the node names is gone",
        }
        details = {"problems": [problem]}
        raise FlowInvalid("the flow names what is gone", details=details) from None
    return v.Node(verb, {out: _place(flow, target) for out, target in node.next.items()})


def _source(prompt: UUID, parts: PublishedParts) -> str:
    if prompt not in parts.prompts:
        raise _Missing("prompt")
    return f"file:{parts.prompts[prompt]}"


def _start(flow: UUID, parts: PublishedParts) -> str:
    if flow not in parts.flows:
        raise _Missing("flow")
    return _place(flow, parts.flows[flow].graph.start)


def _prompts(prompts: tuple[g.Prompt, ...], parts: PublishedParts) -> tuple[v.Prompt, ...]:
    made: list[v.Prompt] = []
    for prompt in prompts:
        match prompt:
            case g.SayPrompt(say=text, voice=voice, language=language):
                made.append(v.Say(text, voice, language))
            case g.PlayPrompt(play=played):
                made.append(v.Play(_source(played, parts)))
            case g.PausePrompt(pause=seconds):
                made.append(v.Pause(seconds))
    return tuple(made)


def _say(step: g.Say, _: PublishedParts, __: str) -> v.Verb:
    return v.Say(step.text, step.voice, step.language, step.loop)


def _play(step: g.Play, parts: PublishedParts, _: str) -> v.Verb:
    return v.Play(_source(step.prompt, parts), step.loop)


def _pause(step: g.Pause, _: PublishedParts, __: str) -> v.Verb:
    return v.Pause(step.seconds)


def _gather(step: g.Gather, parts: PublishedParts, _: str) -> v.Verb:
    return v.Gather(
        prompts=_prompts(step.prompts, parts),
        choices=step.choices,
        min_digits=step.min_digits,
        max_digits=step.max_digits,
        seconds=step.seconds,
        digit_seconds=step.digit_seconds,
        finish_key=step.finish_key,
        retries=step.retries,
        invalid_prompts=_prompts(step.invalid_prompts, parts),
        save_as=step.save_as,
    )


def _dial(step: g.Dial, parts: PublishedParts, called: str) -> v.Verb:
    targets = (_target(target, parts) for target in step.targets)
    return v.Dial(
        targets=tuple(target for target in targets if target is not None),
        mode=cast(Literal["sequential", "parallel"], step.mode),
        timeout_seconds=step.timeout_seconds,
        caller_id=_caller_id(step.caller_id, called),
        ringback=_RINGING if step.ringback is None else _source(step.ringback, parts),
        music="" if step.music is None else _source(step.music, parts),
        whisper=_prompts(step.whisper, parts),
        confirm=step.confirm,
        confirm_seconds=step.confirm_seconds,
        max_seconds=step.max_seconds,
    )


def _caller_id(policy: str, called: str) -> str | None:
    """None passes the caller's own number."""
    if policy == "called":
        return called if is_e164(called) else None
    return None if policy == "caller" else policy


def _target(target: g.Target, parts: PublishedParts) -> v.DialTarget | None:
    match target:
        case g.NumberTarget(number=number, trunk=trunk):
            return v.TrunkTarget(trunk, number)
        case g.SipTarget(sip=uri):
            return v.SipTarget(uri)
        case g.DeviceTarget(device=device):
            return _device(device, parts)
        case g.StoredTarget(target=stored):
            return dial_target(stored, parts)


def dial_target(target: UUID, parts: PublishedParts) -> v.DialTarget | None:
    """What a stored target reaches; None when it is not enabled, or its device is gone."""
    info = parts.targets.get(target)
    if info is None or not info.enabled:
        return None
    if info.kind is TargetKind.NUMBER and info.trunk_id is not None and info.number is not None:
        return v.TrunkTarget(info.trunk_id, info.number)
    if info.kind is TargetKind.SIP and info.uri is not None:
        return v.SipTarget(info.uri)
    if info.kind is TargetKind.DEVICE and info.device_id is not None:
        return _device(info.device_id, parts)
    return None


def _device(device: UUID, parts: PublishedParts) -> v.DialTarget | None:
    username = parts.devices.get(device)
    return None if username is None else v.DeviceTarget(device, username)


def _record(step: g.Record, _: PublishedParts, __: str) -> v.Verb:
    return v.Record(step.max_seconds, step.silence_seconds, step.finish_key, step.beep)


def _hold(step: g.Hold, parts: PublishedParts, _: str) -> v.Verb:
    return v.Hold(_source(step.prompt, parts), step.seconds)


def _tag(step: g.Tag, _: PublishedParts, __: str) -> v.Verb:
    return v.Tag(step.name, step.value)


def _redirect(step: g.Redirect, parts: PublishedParts, _: str) -> v.Verb:
    if step.flow is not None:
        return v.Jump(_start(step.flow, parts))
    return v.Fetch(step.url, cast(Literal["GET", "POST"], step.method))


def _reject(step: g.Reject, _: PublishedParts, __: str) -> v.Verb:
    return v.Reject(step.status)


def _hangup(_: g.Hangup, __: PublishedParts, ___: str) -> v.Verb:
    return v.Hangup()


def _branch(step: g.Branch, _: PublishedParts, __: str) -> v.Verb:
    return v.Branch(
        tuple(v.Case(case.outcome, tuple(map(_condition, case.if_))) for case in step.cases)
    )


def _condition(condition: g.Condition) -> v.Condition:
    match condition:
        case g.TimeIs(zone=zone, openings=openings, holidays=days):
            week = tuple(
                v.Opening(tuple(_WEEKDAY[day] for day in opening.days), opening.from_, opening.to)
                for opening in openings
            )
            return v.TimeIs(zone, week, tuple(day.isoformat() for day in days))
        case g.HolidayIs(zone=zone, dates=days):
            return v.HolidayIs(zone, tuple(day.isoformat() for day in days))
        case g.CallerIn(areas=areas, states=states, countries=countries):
            return v.CallerIn(areas, states, countries)
        case g.VariableIs(name=name, values=values, prefixes=prefixes):
            return v.VariableIs(name, values, prefixes)
        case g.ZipIs(values=values, prefixes=prefixes):
            return v.VariableIs("zip", values, prefixes)
        case g.TagIs(name=name, values=values):
            return v.TagIs(name, values)
        case g.RepeatCaller(days=number):
            return v.RepeatCaller(number)


def _split(step: g.Split, _: PublishedParts, __: str) -> v.Verb:
    return v.Split(tuple(step.shares.items()))


def _enter(step: g.SubFlow, parts: PublishedParts, _: str) -> v.Verb:
    return v.Enter(_start(step.flow, parts))


_VERBS: dict[type[Any], Callable[[Any, PublishedParts, str], v.Verb]] = {
    g.Say: _say,
    g.Play: _play,
    g.Pause: _pause,
    g.Gather: _gather,
    g.Dial: _dial,
    g.Record: _record,
    g.Hold: _hold,
    g.Tag: _tag,
    g.Redirect: _redirect,
    g.Reject: _reject,
    g.Hangup: _hangup,
    g.Branch: _branch,
    g.Split: _split,
    g.SubFlow: _enter,
}
