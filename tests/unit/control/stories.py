"""The events of a bridged call, as signalling writes them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ringfence.kernel.clock import SystemClock
from ringfence.kernel.events import CallEvent, EventKind
from ringfence.kernel.ids import uuid7

TENANT = UUID("01900000-0000-7000-8000-000000000001")


def call_story(
    tenant: UUID | None = TENANT, caller: str = "+14155550100", trunk: UUID = TENANT
) -> list[CallEvent]:
    """An answered call of eleven events and 10.2 s."""
    clock = SystemClock()
    call, a, b = uuid7(clock), uuid7(clock).hex, uuid7(clock).hex
    started = clock.micros()
    callee = "+12025550100"
    media = {"codec": "PCMU", "rx_packets": 510, "tx_packets": 509, "rx_lost": 3, "mos": 4.4}
    steps: list[tuple[float, str, dict[str, Any]]] = [
        (
            0,
            "call.started",
            {
                "direction": "inbound",
                "trunk": trunk.hex,
                "from": caller,
                "to": callee,
                "source": "127.0.0.1:5060",
                "transport": "udp",
                "node": "node1",
            },
        ),
        (0, "leg.created", {"leg": a, "role": "caller", "from": caller, "to": callee}),
        (0.1, "call.routed", {"number": TENANT.hex, "verbs": ["dial"]}),
        (0.1, "leg.created", {"leg": b, "role": "callee", "from": caller, "to": callee}),
        (1, "leg.progress", {"leg": b, "status": 180, "early_media": False}),
        (5, "leg.answered", {"leg": b, "codec": "PCMU"}),
        (5, "call.answered", {"leg": b}),
        (5, "leg.answered", {"leg": a, "codec": "PCMU"}),
        (15.2, "leg.ended", {"leg": b, "by": "remote", "q850": 16, "media": media}),
        (15.2, "leg.ended", {"leg": a, "by": "local", "media": media}),
        (15.2, "call.ended", {"reason": "callee_hangup", "by": "callee"}),
    ]
    return [
        CallEvent(
            call,
            seq,
            started + round(after * 1e6),
            EventKind(kind),
            tenant if seq > 2 else None,
            data,
        )
        for seq, (after, kind, data) in enumerate(steps, 1)
    ]
