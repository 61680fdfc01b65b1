"""What a wallet lets start, what it never cuts, and what each leg costs by the wire."""

import asyncio
import math
from typing import Any

import pytest
from tests.e2e.harness.ears import listen
from tests.e2e.harness.hearing import hears
from tests.e2e.harness.installation import Tenant
from tests.e2e.harness.studio import Graph, Studio
from tests.e2e.harness.world import World

from ringfence.domains.accounts.contracts import DEFAULT_SCOPES
from ringfence.entry.phone import Call, CallFailed

pytestmark = pytest.mark.e2e

MICROS_A_SECOND = 100_000
"""Six units a minute, by the second."""
CSV = (
    "prefix,price_per_minute,connection_fee,minimum_seconds,first_seconds,next_seconds,"
    "effective_from,effective_to\n1,6,0,0,1,1,2026-01-01T00:00:00+00:00,\n"
)


def prepaid(world: World) -> tuple[World, str]:
    """Another tenant of the installation, whose inbound calls have a price; and the operator's
    key."""
    place = world.installation
    made = place.cli("tenant", "create", "Prepaid")
    scopes = [f"--scope={scope}" for scope in (*DEFAULT_SCOPES, "numbers:write")]
    key = place.cli("key", "create", "--tenant", made["id"], *scopes)
    operator = place.cli("key", "create", "--operator", "--scope=ledger:write")
    own = World(place, Tenant(made["id"], key["api_key"]), world.carrier)
    return own, f"Bearer {operator['api_key']}"


async def hold_on(studio: Studio, seconds: float = 60) -> Graph:
    music = await studio.prompt(700, 0.5)
    return {"start": "a", "nodes": {"a": {"type": "hold", "prompt": music, "seconds": seconds}}}


async def balance(studio: Studio) -> int:
    (wallet,) = (await studio.rest("GET", "/wallet"))["wallets"]
    return int(wallet["balance_micros"])


async def charges(studio: Studio, call: str) -> list[int]:
    """What the wallet was charged for a call, once it is rated."""
    entries: list[dict[str, Any]] = []
    async with asyncio.timeout(15):
        while not entries:
            await asyncio.sleep(0.1)
            entries = (await studio.rest("GET", f"/ledger/entries?call={call}"))["entries"]
    lines = [line for entry in entries for line in entry["lines"]]
    assert sum(line["amount_micros"] for line in lines) == 0
    return [-line["amount_micros"] for line in lines if line["account"] == "wallet"]


def talked(call: Call) -> set[int]:
    """What the seconds from 200 to BYE on the wire cost."""
    answered, ended = call.seen(200, cseq="INVITE")[0].at, call.seen("BYE", sent=True)[0].at
    return {MICROS_A_SECOND * math.ceil(ended - answered + slack) for slack in (-0.1, 0.1)}


async def test_a_wallet_lets_no_call_start_and_cuts_none(world: World) -> None:
    own, operator = await asyncio.to_thread(prepaid, world)
    async with Studio(own) as studio:
        tenant = own.tenant.id

        async def operate(path: str, body: Any) -> None:
            path = f"/tenants/{tenant}/{path}"
            await studio.rest("POST", path, body, Authorization=operator)

        deck = {"name": "in", "kind": "sell", "direction": "inbound", "currency": "USD", "csv": CSV}
        await operate("rates/decks", deck)
        payment = {"amount_micros": MICROS_A_SECOND, "currency": "USD", "reference": "first"}
        await operate("wallet/top-ups", payment)
        number, bob = await studio.number(await hold_on(studio)), await studio.callee()
        first = await studio.dial_number(number, tone=440)
        second = await studio.dial_number(number)
        await hears(first.audio, 700)
        await hears(second.audio, 700)
        await asyncio.sleep(1.2)
        await second.hangup()
        async with asyncio.timeout(15):
            while await balance(studio) >= 0:
                await asyncio.sleep(0.1)
        first.forget()
        await listen(first.audio, packets=50)
        assert first.state == "answered" and first.heard().only(700), "a call is never cut"

        refused = await studio.dial_number(number)
        with pytest.raises(CallFailed) as failure:
            await refused.answered()
        assert failure.value.status == 402
        record = await studio.record(refused)
        assert (record["end_reason"], record["billed_seconds"]) == ("no_credit", 0)

        help_ = await asyncio.to_thread(own.number, f"sip:911@{bob.host}:{bob.address[1]}")
        saved = await studio.dial_number(help_, tone=440)
        taken = await bob.incoming()
        taken.answer(tone=1230)
        await hears(saved.audio, 1230)
        await saved.hangup()
        await taken.ended()

        await first.hangup()
        for call in (first, second):
            (charged,) = await charges(studio, (await studio.record(call))["id"])
            assert charged in talked(call), (charged, talked(call))
        assert (await studio.record(saved))["disposition"] == "answered"
        await operate("wallet/top-ups", payment | {"reference": "2", "amount_micros": 10**8})
        again = await studio.dial_number(number)
        await hears(again.audio, 700)
        await again.hangup()
        await studio.record(again)
