"""Calls that a tenant begins, redirects and ends by REST."""

import asyncio
from typing import Any

import pytest
from tests.e2e.harness.hearing import Hearing, hears
from tests.e2e.harness.studio import Graph, Refused, Studio, way

pytestmark = pytest.mark.e2e


async def own_number(studio: Studio) -> str:
    return await studio.number({"start": "a", "nodes": {"a": {"type": "hangup"}}})


def hold(music: str) -> Graph:
    return {"start": "hold", "nodes": {"hold": {"type": "hold", "prompt": music, "seconds": 60}}}


async def begin(studio: Studio, to: str, **program: Any) -> tuple[str, str]:
    """Id of the call and the number that it presents."""
    number = await own_number(studio)
    body = {"to": to, "caller_id": number, **program}
    made = await studio.rest("POST", "/calls", body)
    assert made["state"] == "started"
    return made["id"], number


async def test_who_answers_gets_the_flow(studio: Studio) -> None:
    bob = await studio.callee()
    flow = await studio.flow(
        {"start": "a", "nodes": {"a": {"type": "play", "prompt": await studio.prompt(900, 0.5)}}}
    )
    id_, number = await begin(studio, bob.uri, flow=flow)
    taken = await bob.incoming()
    assert taken.peer_number == number
    taken.ring()
    taken.answer(tone=440)
    await taken.ended()
    assert Hearing(taken.audio).tone(900)[0].seconds == pytest.approx(0.5, abs=0.06)
    record = await studio.ended(id_)
    assert (record["direction"], record["disposition"]) == ("outbound", "answered")
    assert (record["end_reason"], record["flow_id"]) == ("completed", flow)
    assert record["from_number"] == number
    assert way(record) == [("a", "done")]
    assert [leg["role"] for leg in record["legs"]] == ["callee"]


async def test_who_answers_gets_the_document(studio: Studio) -> None:
    server, bob, carol = await studio.documents(), await studio.callee(), await studio.callee()
    url = server.xml("/x", f"<Dial><Sip>{carol.uri}</Sip></Dial>")
    id_, number = await begin(studio, bob.uri, url=url)
    taken = await bob.incoming()
    taken.answer(tone=440)
    other = await carol.incoming()
    await hears(taken.audio, 440, 480)
    other.answer(tone=1230)
    await hears(taken.audio, 1230)
    await hears(other.audio, 440)
    await taken.hangup()
    await other.ended()
    (asked,) = server.requests("/x")
    assert (asked.params["Direction"], asked.params["CallStatus"]) == (
        "outbound-api",
        "in-progress",
    )
    assert (asked.params["CallSid"], asked.params["From"]) == (id_, number)
    record = await studio.ended(id_)
    assert record["end_reason"] == "callee_hangup"
    assert len(record["legs"]) == 2


@pytest.mark.parametrize(("status", "disposition"), [(486, "busy"), (603, "failed")])
async def test_nobody_takes_it(studio: Studio, status: int, disposition: str) -> None:
    bob = await studio.callee()
    flow = await studio.flow({"start": "a", "nodes": {"a": {"type": "hangup"}}})
    id_, _ = await begin(studio, bob.uri, flow=flow)
    (await bob.incoming()).reject(status)
    record = await studio.ended(id_)
    assert (record["disposition"], record["billed_seconds"]) == (disposition, 0)


async def test_it_rings_out(studio: Studio) -> None:
    bob = await studio.callee()
    flow = await studio.flow({"start": "a", "nodes": {"a": {"type": "hangup"}}})
    id_, _ = await begin(studio, bob.uri, flow=flow, timeout_seconds=5)
    rung = await bob.incoming()
    rung.ring()
    await rung.ended()
    assert rung.cancelled
    assert (await studio.ended(id_))["end_reason"] == "no_answer"


async def test_what_cannot_begin_is_refused_and_rings_nobody(studio: Studio) -> None:
    bob = await studio.callee()
    flow = await studio.flow({"start": "a", "nodes": {"a": {"type": "hangup"}}})
    draft = await studio.flow({"start": "a", "nodes": {"a": {"type": "hangup"}}}, publish=False)
    number = await own_number(studio)
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"caller_id": "+12025559999"}, 422, "caller_id_refused"),
        ({"to": "mailto:bob@example.com"}, 422, "target_invalid"),
        ({"flow": draft}, 409, "flow_not_published"),
        ({"flow": "FW" + "0" * 32}, 404, "flow_not_found"),
    ]
    for change, status, code in cases:
        body = {"to": bob.uri, "caller_id": number, "flow": flow, **change}
        with pytest.raises(Refused) as refused:
            await studio.rest("POST", "/calls", body)
        assert (refused.value.status, refused.value.body["code"]) == (status, code)
    assert not bob.calls


async def test_the_same_idempotency_key_is_one_call(studio: Studio) -> None:
    bob = await studio.callee()
    flow = await studio.flow({"start": "a", "nodes": {"a": {"type": "hangup"}}})
    body = {"to": bob.uri, "caller_id": await own_number(studio), "flow": flow}
    answers = [
        await studio.rest("POST", "/calls", body, Idempotency_Key="once-and-only") for _ in range(2)
    ]
    assert answers[0] == answers[1]
    (await bob.incoming()).answer()
    await studio.ended(answers[0]["id"])
    assert len(bob.calls) == 1


# --- live calls -----------------------------------------------------------------------------------


async def test_a_live_call_is_redirected_to_a_flow_and_to_a_document(studio: Studio) -> None:
    server = await studio.documents()
    music, other = [await studio.prompt(hz, 0.5) for hz in (600, 1500)]
    away = await studio.flow(hold(other))
    call = await studio.dial(hold(music))
    await call.answered()
    await hears(call.audio, 600)
    id_ = await studio.call_id(call)
    await studio.rest("POST", f"/calls/{id_}/redirect", {"flow": away})
    await hears(call.audio, 1500)
    url = server.xml("/bye", '<Pause length="1"/><Hangup/>')
    await studio.rest("POST", f"/calls/{id_}/redirect", {"url": url})
    await call.ended()
    record = await studio.record(call)
    assert record["end_reason"] == "completed"
    redirected = [e["data"] for e in record["events"] if e["kind"] == "call.redirected"]
    assert [data["by"] for data in redirected] == ["api", "api"]


async def test_a_redirect_out_of_a_conversation_hangs_up_the_other_side(studio: Studio) -> None:
    bob = await studio.callee()
    music = await studio.prompt(600, 0.5)
    away = await studio.flow(hold(music))
    dial = {"type": "dial", "targets": [{"sip": bob.uri}]}
    call = await studio.dial({"start": "dial", "nodes": {"dial": dial}}, tone=440)
    taken = await bob.incoming()
    taken.answer(tone=1230)
    await hears(call.audio, 1230)
    id_ = await studio.call_id(call)
    await studio.rest("POST", f"/calls/{id_}/redirect", {"flow": away})
    await taken.ended()
    assert taken.ended_by == "remote"
    await hears(call.audio, 600)
    await call.hangup()
    assert (await studio.record(call))["end_reason"] == "caller_hangup"


async def test_a_redirect_that_cannot_be_had_changes_nothing(studio: Studio) -> None:
    server = await studio.documents()
    call = await studio.dial(hold(await studio.prompt(600, 0.5)))
    await call.answered()
    await hears(call.audio, 600)
    id_ = await studio.call_id(call)
    with pytest.raises(Refused) as refused:
        await studio.rest("POST", f"/calls/{id_}/redirect", {"url": server.url + "/none"})
    assert (refused.value.status, refused.value.body["code"]) == (502, "document_unreachable")
    call.forget()
    await hears(call.audio, 600)
    await studio.rest("POST", f"/calls/{id_}/hangup")
    await call.ended()
    assert call.ended_by == "remote"
    record = await studio.record(call)
    assert (record["end_reason"], record["disposition"]) == ("completed", "answered")
    with pytest.raises(Refused) as refused:
        await studio.rest("POST", f"/calls/{id_}/hangup")
    assert (refused.value.status, refused.value.body["code"]) == (404, "call_not_live")


async def test_a_ringing_call_is_hung_up(studio: Studio) -> None:
    bob = await studio.callee()
    dial = {"type": "dial", "targets": [{"sip": bob.uri}]}
    call = await studio.dial({"start": "dial", "nodes": {"dial": dial}})
    rung = await bob.incoming()
    rung.ring()
    await call.ringing()
    id_ = await studio.call_id(call)
    await studio.rest("POST", f"/calls/{id_}/hangup")
    assert await call.ended() == 480
    await rung.ended()
    assert rung.cancelled
    record = await studio.record(call)
    assert (record["end_reason"], record["billed_seconds"]) == ("completed", 0)
    flow = await studio.flow({"start": "a", "nodes": {"a": {"type": "hangup"}}})
    begun, _ = await begin(studio, bob.uri, flow=flow)
    rung = await bob.incoming()
    rung.ring()
    await studio.rest("POST", f"/calls/{begun}/hangup")
    await rung.ended()
    assert rung.cancelled
    assert (await studio.ended(begun))["billed_seconds"] == 0


async def test_another_tenants_call_is_not_there(studio: Studio) -> None:
    call = await studio.dial(hold(await studio.prompt(600, 0.5)))
    await call.answered()
    id_ = await studio.call_id(call)
    made = await asyncio.to_thread(studio.place.cli, "tenant", "create", "Other")
    other = {"Authorization": f"Bearer {made['api_key']}"}
    with pytest.raises(Refused) as refused:
        await studio.rest("POST", f"/calls/{id_}/hangup", None, **other)
    assert refused.value.status == 404
    assert call.state == "answered"
    await call.hangup()
    await studio.record(call)
