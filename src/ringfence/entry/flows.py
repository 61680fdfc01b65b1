"""``ringfence flow``: check, compare and try out call flows."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import click
import phonenumbers

from ringfence.domains.flows.contracts import (
    FlowInvalid,
    PublishedFlow,
    PublishedParts,
    TargetInfo,
    TargetKind,
)
from ringfence.domains.flows.graph import Graph, Problem
from ringfence.domains.flows.rules.addresses import is_e164
from ringfence.domains.flows.rules.check import check_flows, validate
from ringfence.domains.flows.rules.diff import diff
from ringfence.domains.flows.rules.parse import parse_graph
from ringfence.domains.flows.rules.references import references
from ringfence.engine.verbs.model import DialTarget, Facts
from ringfence.entry.control.compile import compile_flow, dial_target, place_of
from ringfence.entry.control.simulate import ANSWERS, Inputs, Trace, as_json, simulate
from ringfence.kernel.clock import SystemClock, to_micros
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.kernel.nanp import area_of, state_of
from ringfence.platform.settings import load_settings

THIS = UUID(int=0)
"""The flow of a file."""

flow_command = click.Group("flow", help="Check, compare and try out call flows.")


# --- options ------------------------------------------------------------------------------------


def _id(prefix: Prefix, text: str) -> UUID:
    try:
        return parse_public_id(prefix, text)
    except RingfenceError as error:
        raise click.BadParameter(error.message) from None


def _tenant(_: click.Context, __: click.Parameter, text: str | None) -> UUID | None:
    return None if text is None else _id(Prefix.TENANT, text)


def _number(_: click.Context, __: click.Parameter, text: str) -> str:
    if text and not is_e164(text):
        raise click.BadParameter("is a number like +14155550100")
    return text


def _read(file: IO[str]) -> Any:
    try:
        return json.load(file)
    except (ValueError, RecursionError):
        raise click.ClickException(f"{file.name}: is not JSON") from None


def _others(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> dict[UUID, Graph]:
    graphs = {}
    for text in texts:
        flow, equals, path = text.partition("=")
        if not (equals and Path(path).is_file()):
            raise click.BadParameter("is FW…=FILE")
        with Path(path).open(encoding="utf-8") as file:
            graphs[_id(Prefix.FLOW, flow)] = _graph(_read(file), path)
    return graphs


def _answers(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    answers = {}
    for text in texts:
        target, equals, answer = text.rpartition("=")
        if not (equals and target) or answer not in ANSWERS:
            raise click.BadParameter(f"is TARGET=ANSWER, with one of {', '.join(ANSWERS)}")
        answers[target] = answer
    return answers


def _graph(data: Any, name: str) -> Graph:
    graph, problems = parse_graph(data)
    if graph is None:
        raise FlowInvalid(f"{name} is no flow: " + "; ".join(map(_line, problems[:5])))
    return graph


_others_option = click.option(
    "--flow",
    "others",
    multiple=True,
    metavar="FW…=FILE",
    callback=_others,
    help="A flow that the file's flow leads to; may be repeated.",
)
_json_option = click.option("--json", "as_json_", is_flag=True, help="Print JSON.")


# --- validate and diff --------------------------------------------------------------------------


@flow_command.command("validate")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@_others_option
@_json_option
def validate_command(file: IO[str], others: dict[UUID, Graph], as_json_: bool) -> None:
    """Say all that is wrong with the flow in FILE, node by node. Exit status 1 when something is.

    Whether what it names (prompts, targets, numbers) exists only an installation knows.
    """
    graph, problems = validate(_read(file))
    found = [(THIS, problem) for problem in problems]
    if graph is not None:
        among = check_flows({**others, THIS: graph})
        found = [(flow, problem) for flow, there in among.items() for problem in there]
    if as_json_:
        rows = [{"flow": _shown(flow), **dataclasses.asdict(problem)} for flow, problem in found]
        click.echo(json.dumps({"ok": not found, "problems": rows}, indent=2))
    else:
        for flow, problem in found:
            click.echo("".join((f"{_shown(flow)}: " if flow != THIS else "", _line(problem))))
        if graph is not None and not found:
            click.echo(f"can be run: {len(graph.nodes)} nodes")
    if found:
        raise click.exceptions.Exit(1)


def _shown(flow: UUID) -> str | None:
    return None if flow == THIS else public_id(Prefix.FLOW, flow)


def _line(problem: Problem) -> str:
    where = ": ".join(part for part in (problem.node, problem.field) if part)
    return f"{where or 'flow'}: {problem.message} [{problem.code}]"


@flow_command.command("diff")
@click.argument("old", type=click.File("r", encoding="utf-8"))
@click.argument("new", type=click.File("r", encoding="utf-8"))
@_json_option
def diff_command(old: IO[str], new: IO[str], as_json_: bool) -> None:
    """Show which nodes were added, removed and changed from OLD to NEW."""
    found = diff(_graph(_read(old), old.name), _graph(_read(new), new.name))
    if as_json_:
        click.echo(json.dumps(dataclasses.asdict(found), indent=2))
        return
    for field in found.graph:
        click.echo(f"~ {field}")
    for sign, names in (("+", found.added), ("-", found.removed)):
        for name in names:
            click.echo(f"{sign} {name}")
    for name, fields in found.changed.items():
        click.echo(f"~ {name}: {', '.join(fields)}")
    if found.empty:
        click.echo("no difference")


# --- simulate -----------------------------------------------------------------------------------


@flow_command.command("simulate")
@click.argument("flow", metavar="FILE|FW…")
@_others_option
@click.option("--tenant", callback=_tenant, help="Whose flow FW… is.")
@click.option("--version", type=click.IntRange(min=1), help="Of FW…; else what calls get now.")
@click.option("--digits", multiple=True, help="Pressed when digits are asked for; in order.")
@click.option(
    "--answer",
    "answers",
    multiple=True,
    callback=_answers,
    metavar="TARGET=ANSWER",
    help=f"How a target (name, id, number, URI; * for all) answers: {', '.join(ANSWERS)}.",
)
@click.option("--talk", default=60.0, type=click.FloatRange(min=0), help="Seconds of talk.")
@click.option("--message", default=10.0, type=click.FloatRange(min=0), help="Seconds of a message.")
@click.option("--caller", default="", callback=_number, help="E.164; else withheld.")
@click.option("--called", default="", callback=_number, help="E.164.")
@click.option("--last-call", type=click.FloatRange(min=0), help="Days since the caller's last.")
@click.option("--at", type=datetime.fromisoformat, help="Like 2026-12-25T10:00; else now.")
@click.option("--zone", default="UTC", help="Zone of --at, where it has no offset.")
@click.option("--seed", default=0, help="What splits are drawn from.")
@_json_option
def simulate_command(
    flow: str,
    others: dict[UUID, Graph],
    tenant: UUID | None,
    version: int | None,
    digits: tuple[str, ...],
    answers: dict[str, str],
    talk: float,
    message: float,
    caller: str,
    called: str,
    last_call: float | None,
    at: datetime | None,
    zone: str,
    seed: int,
    as_json_: bool,
) -> None:
    """Run a flow without a phone: FILE, or FW… of a running installation.

    The caller does what the options say, and what is waited for takes simulated time only.
    """
    if Path(flow).exists():
        this, parts = THIS, _parts_of_file(flow, others)
    else:
        if tenant is None:
            raise click.UsageError(f"{flow} is no file; a flow of an installation needs --tenant")
        this = _id(Prefix.FLOW, flow)
        parts = _parts_of_installation(tenant, this, version)
    moment = _moment(at, zone)
    known = _facts(caller, called, last_call, moment)
    inputs = Inputs(digits, answers, _labels(parts), talk, message)
    trace = simulate(compile_flow(this, parts, called), known, inputs, moment, seed)
    if as_json_:
        click.echo(json.dumps(as_json(trace), indent=2))
    else:
        _print(trace, this)


def _moment(at: datetime | None, zone: str) -> datetime:
    if at is None:
        return SystemClock().now()
    try:
        found = at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(zone))
        return found.astimezone(UTC)
    except (OSError, ValueError, LookupError, OverflowError):
        raise click.UsageError("--zone is a time zone like America/New_York") from None


def _facts(caller: str, called: str, last_call: float | None, at: datetime) -> Facts:
    country = phonenumbers.region_code_for_number(phonenumbers.parse(caller)) if caller else None
    last = None if last_call is None else to_micros(at - timedelta(days=last_call))
    return Facts(caller, called, country, area_of(caller), state_of(caller), last)


def _parts_of_file(path: str, others: Mapping[UUID, Graph]) -> PublishedParts:
    with Path(path).open(encoding="utf-8") as file:
        graph, problems = validate(_read(file))
    if graph is None:
        raise FlowInvalid("the flow cannot be run: " + "; ".join(map(_line, problems[:5])))
    graphs = {**others, THIS: graph}
    broken = [problem for found in check_flows(graphs).values() for problem in found]
    if broken:
        raise FlowInvalid("the flows cannot be run: " + "; ".join(map(_line, broken[:5])))
    return assumed(graphs)


def assumed(graphs: Mapping[UUID, Graph], version: int = 1) -> PublishedParts:
    """Parts of flows without an installation: all that they name exists, known by its id."""
    named = [references(graph) for graph in graphs.values()]
    prompts = frozenset().union(*(found.prompts for found in named))
    targets = frozenset().union(*(found.targets for found in named))
    devices = frozenset().union(*(found.devices for found in named))
    return PublishedParts(
        flows={flow: PublishedFlow(version, graph) for flow, graph in graphs.items()},
        prompts={prompt: public_id(Prefix.PROMPT, prompt) for prompt in prompts},
        targets={target: _unknown(target) for target in targets},
        devices={device: public_id(Prefix.DEVICE, device) for device in devices},
    )


def _unknown(target: UUID) -> TargetInfo:
    name = public_id(Prefix.TARGET, target)
    return TargetInfo(
        target, THIS, name, TargetKind.SIP, None, None, f"sip:{name}@target.invalid", None, True
    )


def _parts_of_installation(tenant: UUID, flow: UUID, version: int | None) -> PublishedParts:
    from ringfence.entry.database import setup_django

    load_settings()
    setup_django()
    from ringfence.domains.flows import api

    if version is None:
        return api.published_parts(tenant, flow)
    shown = f"version {version}"
    graph = _graph(api.get_version(tenant, flow, version).graph, shown)
    own = assumed({flow: graph}, version)
    named = references(graph)
    around = [api.published_parts(tenant, other) for other in named.flows - {flow}]
    targets = {target: api.get_target(tenant, target) for target in named.targets}
    return _completed(dataclasses.replace(own, targets=targets), around)


def _completed(own: PublishedParts, around: Iterable[PublishedParts]) -> PublishedParts:
    """Own flows and targets, and what the parts around them know besides."""
    flows, targets = dict(own.flows), dict(own.targets)
    prompts, devices = dict(own.prompts), dict(own.devices)
    for parts in around:
        flows = {**parts.flows, **flows}
        targets = {**parts.targets, **targets}
        prompts.update(parts.prompts)
        devices.update(parts.devices)
    return PublishedParts(flows, prompts, targets, devices)


def _labels(parts: PublishedParts) -> dict[DialTarget, str]:
    made = ((dial_target(target, parts), info.name) for target, info in parts.targets.items())
    return {target: name for target, name in made if target is not None}


def _print(trace: Trace, this: UUID) -> None:
    for event in trace.events:
        flow, node = place_of(event.node)
        shown = node if flow == this else f"{public_id(Prefix.FLOW, flow)}/{node}"
        click.echo(f"{event.at:%H:%M:%S}  {shown}  {event.verb}: {event.what}")
        if event.outcome is not None:
            why = f"  ({event.why})" if event.why else ""
            click.echo(f"          -> {event.outcome}{why}")
    for name, value in trace.tags.items():
        click.echo(f"tag {name} = {value}")
    click.echo(f"end: {trace.end} after {trace.seconds:.1f} s")
