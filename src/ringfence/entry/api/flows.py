"""``ringfence api flows`` and ``prompts``."""

from __future__ import annotations

import json
from typing import IO, Any

import click

from ringfence.entry.api.connection import Commands, api_command
from ringfence.entry.api.output import Output, limit_option

flows_command = Commands("flows", help="Call flows: drafts and published versions.")
prompts_command = Commands("prompts", help="Sounds that flows play.")
api_command.add_command(flows_command)
api_command.add_command(prompts_command)
_note = click.option("--note", default="", help="Kept with the version.")


@flows_command.command("list")
@limit_option
@click.pass_obj
def list_flows(output: Output, limit: int) -> None:
    """Flows, newest first."""
    found = output.client.flows.iter(limit=min(limit, 200))
    output.table(found, ("id", "name", "published_version", "updated_at"), limit)


@flows_command.command("get")
@click.argument("flow")
@click.option("--version", type=click.IntRange(1), help="A published version, not the draft.")
@click.pass_obj
def get_flow(output: Output, flow: str, version: int | None) -> None:
    """A flow with its draft, or with the graph of a version."""
    flows = output.client.flows
    output.one(flows.get(flow) if version is None else flows.get_version(flow, version))


def _graph(file: IO[str]) -> dict[str, Any]:
    try:
        graph = json.load(file)
    except (ValueError, RecursionError):
        raise click.ClickException(f"invalid_input: {file.name} is not JSON") from None
    if not isinstance(graph, dict):
        raise click.ClickException(f"invalid_input: {file.name} is no flow")
    return graph


@flows_command.command("push")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--flow", help="Replace the draft of this flow.")
@click.option("--name", help="Name of the flow; of a new one without --flow.")
@click.pass_obj
def push(output: Output, file: IO[str], flow: str | None, name: str | None) -> None:
    """Make the graph in FILE the draft of a flow, after a check of it.

    The draft is replaced only as it was when this command read it.
    """
    graph, flows = _graph(file), output.client.flows
    if flow is None and name is None:
        raise click.UsageError("give --flow, or --name for a new one")
    checked = flows.validate(graph=graph, **({} if flow is None else {"flow": flow}))
    if not checked.valid:
        for problem in checked.problems:
            place = f"{problem.node or 'flow'} {problem.field}".strip()
            click.echo(f"{place}: {problem.code}: {problem.message}", err=True)
        raise click.ClickException("flow_invalid: nothing was changed")
    renamed = {} if name is None else {"name": name}
    if flow is None:
        output.one(flows.create(name=str(name), draft=graph))
    else:
        output.one(flows.update(flows.get(flow), draft=graph, **renamed))


@flows_command.command("publish")
@click.argument("flow")
@_note
@click.pass_obj
def publish(output: Output, flow: str, note: str) -> None:
    """Publish the draft: later calls follow it."""
    output.one(output.client.flows.publish(flow, note=note))


@flows_command.command("rollback")
@click.argument("flow")
@click.argument("version", type=click.IntRange(1))
@_note
@click.pass_obj
def rollback(output: Output, flow: str, version: int, note: str) -> None:
    """Publish an old version again, as a new one."""
    output.one(output.client.flows.rollback(flow, version=version, note=note))


@flows_command.command("versions")
@click.argument("flow")
@limit_option
@click.pass_obj
def versions(output: Output, flow: str, limit: int) -> None:
    """Published versions, newest first."""
    found = output.client.flows.iter_versions(flow, limit=min(limit, 200))
    output.table(found, ("version", "published_at", "note"), limit)


@flows_command.command("diff")
@click.argument("flow")
@click.argument("old", type=click.IntRange(1))
@click.argument("new", default="draft")
@click.pass_obj
def diff(output: Output, flow: str, old: int, new: str) -> None:
    """What changed from the version OLD to NEW: a version, or `draft`."""
    if new == "draft":
        output.one(output.client.flows.diff(flow, old, "draft"))
    elif new.isdecimal():
        output.one(output.client.flows.diff(flow, old, int(new)))
    else:
        raise click.BadParameter("is a version or `draft`", param_hint="NEW")


@prompts_command.command("list")
@limit_option
@click.pass_obj
def list_prompts(output: Output, limit: int) -> None:
    """Prompts, newest first."""
    found = output.client.prompts.iter(limit=min(limit, 200))
    output.table(found, ("id", "name", "seconds", "created_at"), limit)


@prompts_command.command("upload")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--name", required=True)
@click.pass_obj
def upload(output: Output, file: str, name: str) -> None:
    """Make a WAV file a prompt."""
    output.one(output.client.prompts.create(name=name, file=file))
