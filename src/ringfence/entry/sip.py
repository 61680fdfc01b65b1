"""``ringfence sip``: what the engine thinks of SIP messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from ringfence.engine.signalling.examine import Verdict, judge
from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.framing import PING, StreamFramer

_LENGTH = re.compile(rb"(?im)^((?:content-length|l)[ \t]*:[ \t]*)[0-9]+")

sip_command = click.Group("sip", help="What the engine thinks of SIP messages.")


@sip_command.command("lint")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--stream", is_flag=True, help="A file is what came over one connection.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def lint(files: tuple[Path, ...], stream: bool, as_json: bool) -> None:
    """Say of the message in each file whether it is accepted, rejected (and how), or ignored.

    The message alone is judged, not its sender, nor a dialog it may be in. A file without a
    carriage return is text: its lines end as those of SIP do, its header ends where it ends, and
    its body is as long as it is.
    """
    for path in files:
        data = path.read_bytes()
        if b"\r" not in data:
            data = _of_text(data)
        for verdict in _of_stream(data) if stream else (judge(data),):
            if as_json:
                click.echo(json.dumps({"file": str(path), **asdict(verdict)}))
            else:
                said = (verdict.verdict, str(verdict.status or ""), verdict.reason)
                click.echo(f"{path}: {' '.join(word for word in said if word)}")


def _of_text(data: bytes) -> bytes:
    head, _, body = (part.replace(b"\n", b"\r\n") for part in data.partition(b"\n\n"))
    head = _LENGTH.sub(rb"\g<1>%d" % len(body), head.removesuffix(b"\r\n"))
    return head + b"\r\n\r\n" + body


def _of_stream(data: bytes) -> Iterator[Verdict]:
    framer = StreamFramer()
    try:
        for unit in framer.feed(data):
            if unit != PING:
                yield judge(unit)
        framer.feed(b"")  # says what the stream broke off at
    except SipError as error:
        yield Verdict("ignored", None, f"the connection ends: {error.reason}")
        return
    if framer.waits:
        yield Verdict("ignored", None, "more of it is waited for")
