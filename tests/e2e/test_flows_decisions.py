"""Conditions, sub-flows and versions: which way a call goes."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.e2e.harness.hearing import Hearing, hears
from tests.e2e.harness.studio import Graph, Refused, Studio, way

from ringfence.entry.phone import CallFailed

pytestmark = pytest.mark.e2e

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def fork(*conditions: Graph, before: Graph | None = None) -> Graph:
    """Refused with 486 where all conditions hold, with 480 where not: answers nobody."""
    case = {"outcome": "yes", "if": list(conditions)}
    nodes: dict[str, Any] = {
        "which": {
            "type": "branch", "cases": [case], "next": {"yes": "yes", "otherwise": "no"},
        },
        "yes": {"type": "reject", "status": 486},
        "no": {"type": "reject", "status": 480},
    }  # fmt: skip
    if before is not None:
        nodes["before"] = {**before, "next": {"": "which"}}
    return {"start": "which" if before is None else "before", "nodes": nodes}


async def holds(studio: Studio, number: str, caller: str | None = None) -> bool:
    call = await studio.dial_number(number, caller=caller)
    with pytest.raises(CallFailed) as failure:
        await call.answered()
    assert failure.value.status in (486, 480)
    return failure.value.status == 486


def window(around: datetime) -> Graph:
    """An opening of four hours around a moment, on every day that it touches."""
    start, end = around - timedelta(hours=2), around + timedelta(hours=2)
    return {"days": [DAYS[start.weekday()]], "from": f"{start:%H:%M}", "to": f"{end:%H:%M}"}


async def test_time_of_day_and_holidays_in_a_named_zone(studio: Studio) -> None:
    now = datetime.now(UTC)
    # POSIX signs: Etc/GMT-5 is five hours ahead of Greenwich
    ahead = now + timedelta(hours=5)
    opening, zone = window(ahead), "Etc/GMT-5"
    today = ahead.date().isoformat()
    yesterday = (ahead - timedelta(hours=2)).date().isoformat()
    cases: list[tuple[Graph, bool]] = [
        ({"time": {"zone": zone, "openings": [opening]}}, True),
        ({"time": {"zone": "UTC", "openings": [opening]}}, False),
        ({"time": {"zone": zone, "openings": [window(ahead + timedelta(hours=9))]}}, False),
        ({"time": {"zone": zone, "openings": [opening], "holidays": [yesterday]}}, False),
        ({"holiday": {"zone": zone, "dates": [today]}}, True),
        ({"holiday": {"zone": zone, "dates": ["2020-02-29"]}}, False),
    ]
    for condition, expected in cases:
        assert await holds(studio, await studio.number(fork(condition))) is expected, condition


async def test_where_the_caller_is_from(studio: Studio) -> None:
    cases: list[tuple[Graph, dict[str, bool]]] = [
        ({"areas": ["415"]}, {"+14155559171": True, "+12125559171": False}),
        ({"states": ["NY"]}, {"+12125559172": True, "+14155559172": False}),
        ({"countries": ["GB"]}, {"+442079460171": True, "+12125559173": False}),
    ]
    for condition, callers in cases:
        number = await studio.number(fork({"caller": condition}))
        for caller, expected in callers.items():
            assert await holds(studio, number, caller) is expected, (condition, caller)
        assert not await holds(studio, number, "anonymous")


async def test_a_tag_that_was_set(studio: Studio) -> None:
    tag = {"type": "tag", "name": "campaign", "value": "winter"}
    condition = {"tag": {"name": "campaign", "values": ["winter", "spring"]}}
    assert await holds(studio, await studio.number(fork(condition, before=tag)))
    assert not await holds(
        studio, await studio.number(fork(condition, before={**tag, "value": "x"}))
    )


async def test_the_second_call_is_a_repeat_callers(studio: Studio) -> None:
    number, caller = await studio.number(fork({"repeat": {"days": 30}})), studio.place.telephone()
    other = studio.place.telephone()
    assert not await holds(studio, number, caller)
    async with asyncio.timeout(10):
        while not await asyncio.to_thread(
            studio.place.calls_from, caller, studio.world.tenant.secret
        ):
            await asyncio.sleep(0.05)
    assert await holds(studio, number, caller)
    assert not await holds(studio, number, other)


async def test_a_split_of_all_and_nothing(studio: Studio) -> None:
    for first, expected in ((100, 486), (0, 480)):
        split = {
            "type": "split", "shares": {"a": first, "b": 100 - first}, "next": {"a": "a", "b": "b"},
        }  # fmt: skip
        graph = {
            "start": "split",
            "nodes": {
                "split": split,
                "a": {"type": "reject", "status": 486},
                "b": {"type": "reject", "status": 480},
            },
        }
        number = await studio.number(graph)
        for _ in range(5):
            call = await studio.dial_number(number)
            with pytest.raises(CallFailed) as failure:
                await call.answered()
            assert failure.value.status == expected


# --- other flows ----------------------------------------------------------------------------------


async def test_a_sub_flow_returns_and_a_redirect_does_not(studio: Studio) -> None:
    tones = [await studio.prompt(hz, 0.3) for hz in (700, 900, 1100)]
    play = [{"type": "play", "prompt": tone} for tone in tones]
    inner = await studio.flow({"start": "in", "nodes": {"in": play[0]}})
    last = await studio.flow({"start": "last", "nodes": {"last": play[2]}})
    outer = {
        "start": "enter",
        "nodes": {
            "enter": {"type": "flow", "flow": inner, "next": {"done": "out"}},
            "out": {**play[1], "next": {"": "away"}},
            "away": {"type": "redirect", "flow": last},
        },
    }
    call = await studio.dial(outer)
    await call.answered()
    await call.ended()
    heard = [Hearing(call.audio).tone(hz) for hz in (700, 900, 1100)]
    assert [len(spells) for spells in heard] == [1, 1, 1]
    starts = [spells[0].start for spells in heard]
    assert starts == sorted(starts)
    record = await studio.record(call)
    assert way(record) == [("in", "done"), ("out", "done"), ("last", "done")]
    assert record["end_reason"] == "completed"


async def test_a_call_keeps_its_version_when_another_is_published(studio: Studio) -> None:
    music, old, new = [await studio.prompt(hz, 0.4) for hz in (600, 900, 1500)]

    def graph(last: str) -> Graph:
        hold = {"type": "hold", "prompt": music, "seconds": 2, "next": {"": "last"}}
        return {"start": "hold", "nodes": {"hold": hold, "last": {"type": "play", "prompt": last}}}

    flow = await studio.flow(graph(old))
    number = await studio.number(flow)
    before = await studio.dial_number(number)
    await before.answered()
    await hears(before.audio, 600)
    assert await studio.publish(flow, graph(new)) == 2
    after = await studio.dial_number(number)
    for call, tone, version in ((before, 900, 1), (after, 1500, 2)):
        await call.ended()
        assert Hearing(call.audio).tone(tone)
        record = await studio.record(call)
        assert (record["flow_id"], record["flow_version"]) == (flow, version)
    diff = await studio.rest("GET", f"/flows/{flow}/versions/1/diff/2")
    assert diff["changed"] == {"last": ["prompt"]}
    back = await studio.rest("POST", f"/flows/{flow}/rollback", {"version": 1})
    assert back["version"] == 3
    again = await studio.dial_number(number)
    await again.ended()
    assert Hearing(again.audio).tone(900) and not Hearing(again.audio).tone(1500)
    assert (await studio.record(again))["flow_version"] == 3


async def test_a_number_cannot_lead_to_what_was_never_published(studio: Studio) -> None:
    flow = await studio.flow({"start": "a", "nodes": {"a": {"type": "hangup"}}}, publish=False)
    with pytest.raises(Refused) as refused:
        await studio.number(flow)
    assert (refused.value.status, refused.value.body["code"]) == (409, "flow_not_published")
    with pytest.raises(Refused) as refused:
        await studio.publish(flow, {"start": "a", "nodes": {"a": {"type": "say"}}})
    (problem,) = refused.value.body["details"]["problems"]
    assert (problem["node"], problem["field"]) == ("a", "text")
