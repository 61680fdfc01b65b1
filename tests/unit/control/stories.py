"""The events of a bridged call, as signalling writes them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ringfence.kernel.clock import SystemClock
from ringfence.kernel.events import CallEvent, EventKind, SealedParty
from ringfence.kernel.ids import uuid7

TENANT = UUID("01900000-0000-7000-8000-000000000001")


CALLER, CALLEE = UUID(int=0xCA11E4), UUID(int=0xCA11EE)


def unopenable(person: UUID, text: str) -> SealedParty:
    """What has the form of a sealed value and opens nowhere, for what only carries it on."""
    return SealedParty(person, b"\x01" + text.encode().ljust(60, b"."))


def call_story(tenant: UUID | None = TENANT, trunk: UUID = TENANT) -> list[CallEvent]:
    """An answered call of eleven events and 10.2 s."""
    clock = SystemClock()
    call, (a, b) = uuid7(clock), sorted(uuid7(clock).hex for _ in range(2))  # as they are made
    started = clock.micros()
    parties = {
        1: (unopenable(CALLER, "call"), None),
        2: (unopenable(CALLER, "caller leg"), None),
        4: (None, unopenable(CALLEE, "callee leg")),
    }
    media = {"codec": "PCMU", "rx_packets": 510, "tx_packets": 509, "rx_lost": 3, "mos": 4.4}
    steps: list[tuple[float, str, dict[str, Any]]] = [
        (
            0,
            "call.started",
            {
                "direction": "inbound",
                "trunk": trunk.hex,
                "to": "+12025550100",
                "country_code": "1",
                "area": "415",
                "source": "127.0.0.1:5060",
                "transport": "udp",
                "node": "node1",
            },
        ),
        (0, "leg.created", {"leg": a, "role": "caller"}),
        (0.1, "call.routed", {"number": TENANT.hex, "verbs": ["dial"]}),
        (0.1, "leg.created", {"leg": b, "role": "callee"}),
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
            *parties.get(seq, (None, None)),
        )
        for seq, (after, kind, data) in enumerate(steps, 1)
    ]
