"""A client of the live stream (server-sent events), and its events in words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import aiohttp

from ringfence.kernel.errors import RingfenceError

Event = dict[str, Any]
_RETRY_SECONDS = 1.0
_QUIET_SECONDS = 60.0
"""The server says something every 15 seconds."""


class StreamRefused(RingfenceError):
    """The stream does not open with this ticket; ``details`` has the ``status``."""

    code = "stream_refused"


async def follow(
    url: str,
    ticket: Callable[[], Awaitable[str]],
    *,
    opened: Callable[[], None] = lambda: None,
    after: int | None = None,
) -> AsyncIterator[Event]:
    """Events as they happen, for ever: a stream that ends is opened again behind its last event.

    ``url`` is of the process ``live``; ``ticket`` gives a new one for each opening; ``opened`` is
    called when one is open. Without ``after``, events from now on. Raises StreamRefused, and what
    ``ticket`` raises.
    """
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=_QUIET_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        while True:
            place = {} if after is None else {"Last-Event-ID": str(after)}
            parameters = {"ticket": await ticket()}
            try:
                async with session.get(
                    f"{url}/v1/events", params=parameters, headers=place
                ) as answer:
                    if answer.status in (401, 403, 422):
                        raise StreamRefused(
                            "the live stream refused the ticket", details={"status": answer.status}
                        )
                    answer.raise_for_status()
                    opened()
                    async for event in _events(answer.content):
                        after = event["position"]
                        yield event
            except (aiohttp.ClientError, TimeoutError):
                pass  # opened again
            await asyncio.sleep(_RETRY_SECONDS)


async def _events(lines: aiohttp.StreamReader) -> AsyncIterator[Event]:
    """The ``data`` of a stream, without its end marker (https://html.spec.whatwg.org/#sse)."""
    kind = ""
    async for raw in lines:
        line = raw.decode().rstrip("\r\n")
        if line.startswith("event:"):
            kind = line[6:].strip()
        elif line.startswith("data:") and not kind:
            yield json.loads(line[5:])
        elif not line:
            kind = ""


# --- in words


def told(kind: str, data: Mapping[str, Any]) -> str:
    """What happened, in a few words: kind, then what matters of its data."""
    words = _WORDS.get(kind)
    return words(data) if words is not None else kind


def _party(data: Mapping[str, Any], role: str) -> str:
    party = data.get(role) or {}
    return str(party.get("number") or party.get("error") or "withheld")


def _called(data: Mapping[str, Any]) -> str:
    return str(data["to"]) if data.get("to") else _party(data, "callee")


def _captured(data: Mapping[str, Any]) -> str:
    values = (data.get("caller") or {}).get("captured") or {}
    return "captured " + (", ".join(f"{k}={v}" for k, v in values.items()) or "(sealed)")


def _ended(data: Mapping[str, Any]) -> str:
    return f"call ended: {data['reason'].replace('_', ' ')}"


def _verb_ended(data: Mapping[str, Any]) -> str:
    return f"  {data['node']}: {data['outcome']}"


def _routed(data: Mapping[str, Any]) -> str:
    version = data.get("version")
    return f"routed to a flow, version {version}" if version is not None else "routed"


def _leg(data: Mapping[str, Any]) -> str:
    party = _party(data, data["role"])
    return f"rings {party}" if data["role"] == "callee" else f"caller's leg: {party}"


_WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "call.started": lambda data: f"call from {_party(data, 'caller')} to {_called(data)}",
    "call.routed": _routed,
    "verb.started": lambda data: f"> {data['node']} ({data['verb']})",
    "verb.ended": _verb_ended,
    "call.tagged": lambda data: (
        "tagged " + ", ".join(f"{name}={value}" for name, value in data["tags"].items())
    ),
    "call.captured": _captured,
    "call.redirected": lambda data: f"redirected by the {data['by']}",
    "leg.created": _leg,
    "leg.progress": lambda data: f"target says {data['status']}",
    "leg.answered": lambda data: "leg answered",
    "call.answered": lambda data: "call answered",
    "leg.bridged": lambda data: "both talk",
    "recording.announced": lambda data: f"recording notice heard by both ({data['basis']})",
    "recording.refused": lambda data: f"not recorded ({data['code']})",
    "recording.started": lambda data: f"recording ({data['basis']})",
    "recording.completed": lambda data: f"recorded {data['duration_ms'] / 1000:.1f} s",
    "recording.stored": lambda data: "recording sealed and stored",
    "leg.ended": lambda data: "leg ended",
    "call.ended": _ended,
}
