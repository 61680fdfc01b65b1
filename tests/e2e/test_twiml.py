"""Documents of a tenant's web server, which may be slow, broken, redirecting or huge."""

import asyncio

import pytest
from tests.e2e.harness.documents import Documents
from tests.e2e.harness.ears import listen
from tests.e2e.harness.hearing import Hearing, hears, hears_sound
from tests.e2e.harness.studio import Graph, Studio, tone_wav, way
from tests.e2e.harness.wait import happens

from ringfence.entry.phone import Call, CallFailed

pytestmark = pytest.mark.e2e


async def goes_to(studio: Studio, url: str) -> Call:
    """A call whose flow is this document; 900 Hz follow when it cannot be had."""
    sorry = {"type": "play", "prompt": await studio.prompt(900, 0.3)}
    fetch = {"type": "redirect", "url": url, "next": {"failed": "sorry"}}
    graph: Graph = {"start": "fetch", "nodes": {"fetch": fetch, "sorry": sorry}}
    return await studio.dial(graph, tone=440)


def plays(server: Documents, hertz: int, seconds: float = 0.3) -> str:
    """A Play of a tone that the server holds."""
    path = f"/tone-{hertz}.wav"
    server.page(path, tone_wav(hertz, seconds), kind="audio/wav")
    return f"<Play>{path}</Play>"


async def test_menu_action_dial_record_and_redirect(studio: Studio) -> None:
    server, bob = await studio.documents(), await studio.callee()
    start = server.xml(
        "/start",
        '<Gather numDigits="1" action="/menu"><Say>For sales, press 1.</Say></Gather>'
        "<Redirect>/start</Redirect>",
    )
    server.xml("/menu", f'<Dial action="/dialled" timeout="5"><Sip>{bob.uri}</Sip></Dial>')
    server.xml("/dialled", '<Record action="/recorded" maxLength="1" timeout="5"/>')
    server.xml("/recorded", "<Redirect method='GET'>/bye</Redirect>")
    server.xml("/bye", f"{plays(server, 1300)}<Hangup/>")
    call = await goes_to(studio, start)
    await call.answered()
    await hears_sound(call.audio)
    await call.send_digits("1")
    taken = await bob.incoming()
    taken.answer(tone=1230)
    await hears(call.audio, 1230)
    await asyncio.sleep(1.0)
    await taken.hangup()
    await hears(call.audio, 1000)
    await hears(call.audio, 1300)
    await call.ended()
    first = server.asked[0]
    assert (first.method, first.params["From"]) == ("POST", call.peer_number)
    assert (first.params["To"], first.params["CallStatus"]) == (call.number, "ringing")
    assert first.params["Direction"] == "inbound"
    assert first.params["CallSid"].startswith("CA")
    menu = server.requests("/menu")[0]
    assert (menu.params["Digits"], menu.params["CallStatus"]) == ("1", "in-progress")
    dialled = server.requests("/dialled")[0]
    assert dialled.params["DialCallStatus"] == "completed"
    assert dialled.params["DialCallDuration"] in ("1", "2")
    recorded = server.requests("/recorded")[0]
    assert recorded.params["RecordingSid"].startswith("RE")
    assert recorded.params["RecordingDuration"] == "1"
    assert server.requests("/bye")[0].method == "GET"
    record = await studio.record(call)
    assert record["id"] == first.params["CallSid"]
    assert record["end_reason"] == "completed"
    listed = await studio.rest("GET", f"/recordings?call={record['id']}")
    assert [item["id"] for item in listed["recordings"]] == [recorded.params["RecordingSid"]]


async def test_gather_without_digits_goes_on_with_the_next_verb(studio: Studio) -> None:
    server = await studio.documents()
    url = server.xml("/ask", f'<Gather timeout="1" action="/never"/>{plays(server, 1300)}<Reject/>')
    call = await goes_to(studio, url)
    await call.answered()
    await call.ended()
    assert Hearing(call.audio).tone(1300)
    assert not server.requests("/never")


async def test_gather_asks_again_until_there_are_enough_digits(studio: Studio) -> None:
    server = await studio.documents()
    wants = 'numDigits="4" minDigits="2" retries="1" timeout="1" action="/code"'
    url = server.xml("/ask", f"<Gather {wants}>{plays(server, 1300)}</Gather>")
    server.xml("/code", plays(server, 1500))
    call = await goes_to(studio, url)
    await call.answered()
    await hears(call.audio, 1300)
    await call.send_digits("7")
    await happens(lambda: len(Hearing(call.audio).tone(1300)) == 2, 8, what="asking again")
    await call.send_digits("73#")
    await call.ended()
    assert Hearing(call.audio).tone(1500)
    assert [request.params["Digits"] for request in server.requests("/code")] == ["73"]


async def test_a_document_tags_holds_and_hands_over_to_a_flow(studio: Studio) -> None:
    server = await studio.documents()
    play = {"type": "play", "prompt": await studio.prompt(1500, 0.3)}
    flow = await studio.flow({"start": "last", "nodes": {"last": play}})
    plays(server, 700, 0.4)
    url = server.xml(
        "/x",
        '<Tag name="from" value="document"/><Pause length="1"/>'
        f'<Hold music="/tone-700.wav" length="1"/><Redirect flow="{flow}"/>',
    )
    call = await goes_to(studio, url)
    started = asyncio.get_running_loop().time()
    await call.answered()
    assert asyncio.get_running_loop().time() - started > 0.9, "a pause does not answer"
    await call.ended()
    heard = Hearing(call.audio)
    (held,), (last,) = heard.tone(700), heard.tone(1500)
    assert abs(held.seconds - 1.0) < 0.3
    assert held.start < last.start
    record = await studio.record(call)
    assert (record["tags"], record["end_reason"]) == ({"from": "document"}, "completed")
    assert way(record)[-1] == ("last", "done")
    redirected = [e["data"] for e in record["events"] if e["kind"] == "call.redirected"]
    assert [data.get("version") for data in redirected] == [None, 1]


async def test_one_after_the_other_with_a_ringback_of_its_own(studio: Studio) -> None:
    server = await studio.documents()
    silent, free = await studio.callee(), await studio.callee()
    own = await studio.number({"start": "a", "nodes": {"a": {"type": "hangup"}}})
    plays(server, 1700, 0.5)
    dial = f'sequential="true" timeout="1" ringback="/tone-1700.wav" callerId="{own}"'
    nouns = "".join(f"<Sip>{phone.uri}</Sip>" for phone in (silent, free))
    call = await goes_to(
        studio, server.xml("/x", f"{plays(server, 1300)}<Dial {dial}>{nouns}</Dial>")
    )
    await call.answered()
    passed_over = await silent.incoming()
    passed_over.ring()
    await hears(call.audio, 1700)
    taken = await free.incoming()
    assert passed_over.cancelled
    assert taken.peer_number == own
    taken.answer(tone=1230)
    await hears(call.audio, 1230)
    await hears(taken.audio, 440)
    await call.hangup()
    await taken.ended()
    callees = [leg for leg in (await studio.record(call))["legs"] if leg["role"] == "callee"]
    assert [bool(leg["bridged_at"]) for leg in callees] == [False, True]


async def test_a_document_may_refuse_without_answering(studio: Studio) -> None:
    server = await studio.documents()
    call = await goes_to(studio, server.xml("/no", '<Reject reason="busy"/>'))
    with pytest.raises(CallFailed) as failure:
        await call.answered()
    assert failure.value.status == 486
    record = await studio.record(call)
    assert (record["end_reason"], record["billed_seconds"]) == ("rejected", 0)


async def test_redirects_are_followed_and_relative_urls_belong_to_the_last(studio: Studio) -> None:
    server = await studio.documents()
    server.xml("/there/doc", f"{plays(server, 1300)}<Redirect>next</Redirect>")
    server.xml("/there/next", plays(server, 1500))
    second = server.redirect("/hop", server.url + "/there/doc")
    call = await goes_to(studio, server.redirect("/first", second))
    await call.answered()
    await call.ended()
    heard = Hearing(call.audio)
    assert heard.tone(1300) and heard.tone(1500)
    (last,) = server.requests("/there/next")
    assert last.params["CallStatus"] == "in-progress"
    assert (await studio.record(call))["end_reason"] == "completed"


BROKEN = {
    "404": lambda server: server.url + "/nothing",
    "no xml": lambda server: server.page("/x", "<Response><Say>"),
    "unknown verb": lambda server: server.xml("/x", "<Enqueue>sales</Enqueue>"),
    "wrong content": lambda server: server.page("/x", "<Response/>", kind="application/json"),
    "huge": lambda server: server.xml("/x", "<!--" + "x" * 70_000 + "--><Hangup/>"),
    "bomb": lambda server: server.page(
        "/x", '<!DOCTYPE r [<!ENTITY a "aaaa">]><Response><Say>&a;</Say></Response>'
    ),
    "endless redirects": lambda server: server.redirect("/x", server.url + "/x"),
    "another's number": lambda server: server.xml(
        "/x", '<Dial callerId="+12125559999">+13125550100</Dial>'
    ),
    "nobody listens": lambda server: "http://127.0.0.1:9/x",
    "metadata": lambda server: "http://169.254.169.254/latest/",
    "missing audio": lambda server: server.xml("/x", "<Play>/gone.wav</Play>"),
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_without_a_document_the_flow_goes_on(studio: Studio, kind: str) -> None:
    server = await studio.documents()
    call = await goes_to(studio, BROKEN[kind](server))
    await call.answered()
    await call.ended()
    assert Hearing(call.audio).tone(900)
    record = await studio.record(call)
    assert way(record) == [("fetch", "failed"), ("sorry", "done")]
    assert record["end_reason"] == "completed"


async def test_a_broken_document_in_the_middle_ends_the_call(studio: Studio) -> None:
    server = await studio.documents()
    url = server.xml("/start", f"{plays(server, 1300)}<Redirect>/gone</Redirect>")
    call = await goes_to(studio, url)
    await call.answered()
    await call.ended()
    assert Hearing(call.audio).tone(1300)
    record = await studio.record(call)
    assert (record["disposition"], record["end_reason"]) == ("answered", "flow_failed")


async def test_a_server_that_is_too_slow(studio: Studio) -> None:
    server = await studio.documents()
    call = await goes_to(studio, server.slow("/slow", 30))
    await server.was_asked("/slow")
    started = asyncio.get_running_loop().time()
    await call.answered(within=15)
    assert 9.0 < asyncio.get_running_loop().time() - started < 12.0
    await call.ended()
    assert Hearing(call.audio).tone(900)
    assert way(await studio.record(call))[0] == ("fetch", "failed")


async def test_a_caller_who_gives_up_on_a_slow_server(studio: Studio) -> None:
    server = await studio.documents()
    call = await goes_to(studio, server.slow("/slow", 5))
    await server.was_asked("/slow")
    await call.cancel()
    record = await studio.record(call)
    assert (record["disposition"], record["end_reason"]) == ("cancelled", "caller_cancel")
    await studio.all_over()


async def test_whisper_of_a_document(studio: Studio) -> None:
    server, bob = await studio.documents(), await studio.callee()
    whisper = f'<Whisper confirm="1">{plays(server, 1700, 0.6)}</Whisper>'
    url = server.xml("/x", f"<Dial>{whisper}<Sip>{bob.uri}</Sip></Dial>")
    call = await goes_to(studio, url)
    taken = await bob.incoming()
    taken.answer(tone=1230)
    await hears(taken.audio, 1700)
    await taken.send_digits("1")
    await call.answered()
    await hears(call.audio, 1230)
    await listen(call.audio, taken.audio)
    assert not Hearing(call.audio).tone(1700)
    await call.hangup()
    await taken.ended()
