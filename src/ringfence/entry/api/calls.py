"""``ringfence api calls``, ``events`` and ``recordings``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import click

from ringfence.entry.api.connection import Commands, api_command
from ringfence.entry.api.output import Output, limit_option

calls_command = Commands("calls", help="Calls: records, timelines, and calls in progress.")
recordings_command = Commands("recordings", help="Recordings of calls.")
api_command.add_command(calls_command)
api_command.add_command(recordings_command)


def moment(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    """Converts an ISO 8601 moment; without offset it is UTC."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("is like 2026-12-31T00:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


_since = click.option("--since", callback=moment, help="From this moment on, in ISO 8601.")
_until = click.option("--until", callback=moment, help="Before this moment.")


@calls_command.command("list")
@_since
@_until
@click.option(
    "--disposition",
    type=click.Choice(["answered", "busy", "no_answer", "cancelled", "failed"]),
)
@click.option("--direction", type=click.Choice(["inbound", "outbound"]))
@click.option("--from", "from_number", help="The caller's number.")
@click.option("--to", "to_number", help="The number called.")
@click.option("--flow", help="Calls that this flow handled.")
@click.option("--tag", help="Calls with this tag.")
@click.option("--tag-value", help="Calls whose tag has this value.")
@limit_option
@click.pass_obj
def list_calls(output: Output, /, limit: int, **filters: Any) -> None:
    """Calls, newest first."""
    found = output.client.calls.iter(limit=min(limit, 200), **filters)
    columns = ("id", "started_at", "direction", "from_number", "to_number", "disposition",
               "billed_seconds")  # fmt: skip
    output.table(found, columns, limit)


@calls_command.command("get")
@click.argument("call")
@click.pass_obj
def get_call(output: Output, call: str) -> None:
    """The record of a call, with its legs."""
    output.one(output.client.calls.get(call))


@calls_command.command("timeline")
@click.argument("call")
@click.pass_obj
def timeline(output: Output, call: str) -> None:
    """What happened in a call, event by event."""
    events = output.client.calls.timeline(call).events
    output.table(events, ("seq", "at", "kind", "data"), len(events))


def _program(flow: str | None, url: str | None) -> dict[str, str]:
    if (flow is None) == (url is None):
        raise click.UsageError("give either --flow or --document")
    return {"flow": flow} if flow is not None else {"url": str(url)}


_flow = click.option("--flow", help="The flow that handles it.")
_document = click.option("--document", "url", help="Address of the document that handles it.")


@calls_command.command("originate")
@click.argument("to")
@click.option("--caller-id", required=True, help="A number of yours: PN… or +1….")
@_flow
@_document
@click.option("--timeout", type=click.IntRange(5, 300), default=30, show_default=True)
@click.pass_obj
def originate(
    output: Output, to: str, caller_id: str, flow: str | None, url: str | None, timeout: int
) -> None:
    """Call TO, and hand who answers to a flow or a document."""
    program = _program(flow, url)
    made = output.client.calls.originate(
        to=to, caller_id=caller_id, timeout_seconds=timeout, **program
    )
    output.one(made)


@calls_command.command("redirect")
@click.argument("call")
@_flow
@_document
@click.pass_obj
def redirect(output: Output, call: str, flow: str | None, url: str | None) -> None:
    """Hand a call in progress to another flow or document."""
    output.one(output.client.calls.redirect(call, **_program(flow, url)))


@calls_command.command("hangup")
@click.argument("call")
@click.pass_obj
def hangup(output: Output, call: str) -> None:
    """End a call in progress."""
    output.one(output.client.calls.hangup(call))


@api_command.command("events")
@click.option("--after", type=click.IntRange(0), default=0, help="Position of the last one known.")
@limit_option
@click.pass_obj
def events(output: Output, after: int, limit: int) -> None:
    """The journal of all calls, oldest first."""
    found = output.client.events.iter(after=after, limit=min(limit, 500))
    output.table(found, ("position", "at", "call_id", "kind", "data"), limit)


@recordings_command.command("list")
@click.option("--call", help="Those of one call.")
@_since
@_until
@limit_option
@click.pass_obj
def list_recordings(output: Output, /, limit: int, **filters: Any) -> None:
    """Recordings, newest first."""
    found = output.client.recordings.iter(limit=min(limit, 200), **filters)
    output.table(found, ("id", "call_id", "started_at", "state", "duration_ms"), limit)


@recordings_command.command("download")
@click.argument("recording")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--track", type=click.Choice(["caller", "callee", "mixed"]), default="mixed", show_default=True
)
@click.option("--format", type=click.Choice(["wav", "opus"]), default="wav", show_default=True)
@click.pass_obj
def download(
    output: Output,
    recording: str,
    file: Path,
    track: Literal["caller", "callee", "mixed"],
    format: Literal["wav", "opus"],
) -> None:
    """Write the sound of a recording to FILE, which only you can read."""
    size = output.client.recordings.download_audio(recording, file, track=track, format=format)
    output.done(f"{size} bytes", file=str(file), bytes=str(size))
