"""Synthetic calls as the call plane writes them, and what they cost, computed from the price lists
in this file by means of its own."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor
from typing import Any
from uuid import UUID

import msgspec

from ringfence.domains.ledger import api as ledger
from ringfence.domains.ledger.contracts import DeckKind, Direction
from ringfence.engine.journal.records import EventRecord, SealedParty
from ringfence.kernel.fields import CALL_RECORDS, IDENTIFIER, SealedFieldNumber
from ringfence.platform.keys.client import Value
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.names import Bucket, LeafRef
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.keys import keys
from ringfence.platform_django.sealed import day_of

OWN = "+12025550100"
COLUMNS = (
    "prefix,price_per_minute,connection_fee,minimum_seconds,first_seconds,next_seconds,"
    "effective_from,effective_to"
)
PRICES: dict[tuple[str, str], dict[str, tuple[str, str, int, int, int]]] = {
    ("sell", "outbound"): {
        "1": ("0.012", "0", 0, 60, 60),
        "1646": ("0.006", "0.05", 0, 6, 6),
        "44": ("0.0313", "0", 30, 1, 1),
        "800": ("0", "0", 0, 1, 1),
    },
    ("sell", "inbound"): {"1202": ("0.0041", "0", 0, 6, 6)},
    ("buy", "outbound"): {
        "1": ("0.0071", "0", 0, 6, 6),
        "44": ("0.0209", "0", 0, 1, 1),
        "800": ("0.001", "0", 0, 60, 60),
    },
    ("buy", "inbound"): {"1": ("0", "0", 0, 1, 1)},
}
"""Price a minute, connection fee, minimum, first and next increment; by kind, direction, prefix."""
NUMBERS = ("+14155550101", "+16465550102", "+442079460103", "+80055501040", "+33155501050")
"""Dialled numbers; nobody sells France."""


def make_decks(tenant: UUID, *which: tuple[str, str]) -> None:
    """The price lists above, in USD."""
    for kind, direction in which or PRICES:
        lines = [
            f"{prefix},{price},{fee},{least},{first},{following},2020-01-01T00:00:00+00:00,"
            for prefix, (price, fee, least, first, following) in PRICES[kind, direction].items()
        ]
        ledger.create_deck(
            tenant,
            f"{kind} {direction}",
            "\n".join([COLUMNS, *lines]),
            kind=DeckKind(kind),
            direction=Direction(direction),
            currency="USD",
        )


def seconds_of(start: int, end: int) -> int:
    """Started seconds between two times in microseconds."""
    return -(-(end - start) // 1_000_000)


def cost(kind: str, direction: str, number: str, seconds: int) -> int | None:
    """Micros by the price lists; None where they say nothing."""
    table = PRICES[kind, direction]
    digits = number.removeprefix("+")
    fitting = [prefix for prefix in table if digits.startswith(prefix)]
    if not fitting:
        return None
    price, fee, least, first, following = table[max(fitting, key=len)]
    if seconds <= 0:
        return 0
    billed = first
    while billed < max(seconds, least):
        billed += following
    usage = Fraction(price) * 1_000_000 * billed / 60
    return floor(usage + Fraction(1, 2)) + int(Fraction(fee) * 1_000_000)


@dataclass
class Leg:
    """A leg over a trunk; times in microseconds."""

    id: UUID
    direction: str
    number: str
    answered: int | None
    ended: int


@dataclass
class Story:
    """A call, its events, and its legs that cost something."""

    call: UUID
    tenant: UUID
    records: list[EventRecord] = field(default_factory=list)
    legs: list[Leg] = field(default_factory=list)
    emergency: bool = False

    def say(self, kind: str, at: int, party: SealedParty | None = None, **data: Any) -> None:
        record = EventRecord(
            self.call, len(self.records) + 1, at, kind, self.tenant, data, callee=party
        )
        self.records.append(record)

    def expected(self) -> dict[tuple[UUID, str], int | None]:
        """Micros of each rating that is to be; None where it stands in the error queue."""
        return {
            (leg.id, kind): 0
            if self.emergency
            else cost(kind, leg.direction, leg.number, seconds_of(leg.answered, leg.ended))
            for leg in self.legs
            if leg.answered is not None
            for kind in ("sell", "buy")
        }


def seal_legs(tenant: UUID, legs: Sequence[tuple[UUID, UUID, str]]) -> list[SealedParty]:
    """The parties of (call, leg, number), as the call plane seals them."""
    numbers = sorted({number for *_, number in legs})
    found = keys().resolve(tenant, [Identifier("e164", number) for number in numbers])
    persons = {number: one.person for number, one in zip(numbers, found, strict=True)}
    values = []
    for call, leg, number in legs:
        bucket = Bucket(IDENTIFIER, CALL_RECORDS, day=day_of(call))
        person = persons[number]
        place = Place(tenant, SealedFieldNumber.LEG_PARTY, leg, person, bucket)
        plain = msgspec.json.encode({"number": number})
        values.append(Value(LeafRef(bucket, person), place, plain))
    sealed = keys().seal(tenant, values, actor="test")
    pairs = zip(legs, sealed, strict=True)
    return [SealedParty(persons[number], data) for (*_, number), data in pairs]


def write_calls(
    tenant: UUID,
    count: int,
    chance: random.Random,
    numbers: Sequence[str] = NUMBERS,
    *,
    ago: int = 0,
) -> list[Story]:
    """Calls that began ``ago`` seconds before now, to the tenant's number, dialled on to one of
    ``numbers``: answered or not, long and short, cut off by a crash, now and then an emergency."""
    dialled = [chance.choice(numbers) for _ in range(count)]
    dialled = ["911" if chance.random() < 0.01 else number for number in dialled]
    ids = [(new_id(), new_id(), number) for number in dialled]
    parties = seal_legs(tenant, ids)
    return [
        _call(tenant, call, leg, number, party, chance, clock().micros() - ago * 1_000_000)
        for (call, leg, number), party in zip(ids, parties, strict=True)
    ]


def _call(
    tenant: UUID,
    call: UUID,
    callee: UUID,
    number: str,
    party: SealedParty,
    chance: random.Random,
    at: int,
) -> Story:
    story, caller, trunk = Story(call, tenant, emergency=number == "911"), new_id(), new_id().hex
    answered = at + chance.randrange(1_000_000, 9_000_000)
    talk = chance.choice([0, 1, 999_999, 1_000_000, 1_000_001, chance.randrange(10**6, 10**9)])
    end = answered + talk
    story.say("call.started", at, direction="inbound", trunk=trunk, to=OWN)
    story.say("leg.created", at, leg=caller.hex, role="caller", trunk=trunk)
    story.say("call.routed", at + 1, number=trunk, verbs=["dial"])
    story.say("leg.created", at + 2, party, leg=callee.hex, role="callee", trunk=trunk)
    if chance.random() < 0.1:
        story.say("leg.ended", end, leg=callee.hex, by="remote", status=486)
        story.say("leg.ended", end, leg=caller.hex, by="local")
        story.say("call.ended", end, reason="busy", by="callee", status=486)
        return story
    story.say("leg.answered", answered, leg=callee.hex)
    story.say("call.answered", answered, leg=callee.hex)
    crashed = chance.random() < 0.05
    late = 3_600_000_000 if crashed else 0  # found at the restart, billed to the last heartbeat
    early = 0 if crashed else chance.randrange(0, min(talk, 5_000_000) + 1)
    story.say("leg.ended", end - early + late, leg=callee.hex, by="remote")
    story.say("leg.ended", end + late, leg=caller.hex, by="local")
    if crashed:
        story.say("call.ended", end + late, reason="engine_crash", by="system", at_micros=end)
    else:
        story.say("call.ended", end, reason="callee_hangup", by="callee")
    story.legs = [
        Leg(caller, "inbound", OWN, answered, end),
        Leg(callee, "outbound", number, answered, end - early),
    ]
    return story
