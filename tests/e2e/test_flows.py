"""What a caller hears: every verb that speaks, by a flow that was published over REST."""

import asyncio
from functools import partial
from pathlib import Path

import pytest
from tests.e2e.harness.hearing import Hearing, hears
from tests.e2e.harness.studio import Graph, Studio, way

from ringfence.entry.phone import Call, CallFailed

pytestmark = pytest.mark.e2e


def chain(*steps: Graph) -> Graph:
    """A flow of these one after the other: a, b, c ..."""
    names = "abcdefgh"[: len(steps)]
    nodes = {
        name: step if index == len(steps) - 1 else {**step, "next": {"": names[index + 1]}}
        for index, (name, step) in enumerate(zip(names, steps, strict=True))
    }
    return {"start": "a", "nodes": nodes}


async def heard_to_the_end(call: Call, within: float = 20.0) -> Hearing:
    await call.answered()
    await call.ended(within)
    assert call.ended_by == "remote"
    return Hearing(call.audio)


async def test_say_is_heard_as_speech_after_the_ack(studio: Studio) -> None:
    text = "Welcome to Acme. Our offices are closed today. Please call again tomorrow."
    call = await studio.dial({"start": "a", "nodes": {"a": {"type": "say", "text": text}}})
    heard = await heard_to_the_end(call)
    (spell,) = heard.sound()
    assert 3.0 < spell.seconds < 8.0, "about four words a second"
    assert not any(heard.tone(hz) for hz in (440, 1000)), "speech is no tone"
    acked = call.seen("ACK", sent=True)[0].at
    assert spell.start >= acked
    assert spell.start - acked < 3.0
    assert call.seen("BYE")[0].at >= spell.end - 0.1, "not hung up before its last word"
    record = await studio.record(call)
    assert (record["disposition"], record["end_reason"]) == ("answered", "completed")
    assert way(record) == [("a", "done")]
    assert record["flow_version"] == 1


async def test_play_is_the_uploaded_tone_to_its_full_length(studio: Studio) -> None:
    first, second = await studio.prompt(700, 1.5), await studio.prompt(1100, 0.8)
    call = await studio.dial(
        chain(
            {"type": "play", "prompt": first},
            {"type": "pause", "seconds": 1.2},
            {"type": "play", "prompt": second, "loop": 2},
        )
    )
    heard = await heard_to_the_end(call)
    (one,), (two,) = heard.tone(700), heard.tone(1100)
    assert abs(one.seconds - 1.5) <= 0.06
    assert abs(two.seconds - 1.6) <= 0.06, "played twice"
    assert abs(two.start - one.end - 1.2) <= 0.2, "the pause between them"
    assert sum(spell.seconds for spell in heard.sound()) == pytest.approx(3.1, abs=0.12)
    assert way(await studio.record(call)) == [("a", "done"), ("b", "done"), ("c", "done")]


async def test_hold_plays_over_and_over_for_its_time(studio: Studio) -> None:
    music = await studio.prompt(600, 0.5)
    call = await studio.dial(chain({"type": "hold", "prompt": music, "seconds": 2}))
    heard = await heard_to_the_end(call)
    (spell,) = heard.tone(600)
    assert abs(spell.seconds - 2.0) < 0.3
    assert way(await studio.record(call)) == [("a", "done")]


async def test_a_pause_alone_does_not_answer(studio: Studio) -> None:
    call = await studio.dial(chain({"type": "pause", "seconds": 0.5}, {"type": "reject"}))
    with pytest.raises(CallFailed) as failure:
        await call.answered()
    assert failure.value.status == 603
    record = await studio.record(call)
    assert (record["end_reason"], record["billed_seconds"]) == ("rejected", 0)
    assert record["duration_ms"] >= 500


@pytest.mark.parametrize("status", [486, 480])
async def test_reject_refuses_with_its_status(studio: Studio, status: int) -> None:
    call = await studio.dial(chain({"type": "reject", "status": status}))
    with pytest.raises(CallFailed) as failure:
        await call.answered()
    assert failure.value.status == status
    record = await studio.record(call)
    assert (record["sip_status"], record["end_reason"]) == (status, "rejected")


async def test_hangup_ends_and_what_follows_is_not_done(studio: Studio) -> None:
    tone = await studio.prompt(900, 0.3)
    call = await studio.dial(
        chain({"type": "play", "prompt": tone}, {"type": "tag", "name": "way", "value": "down"},
              {"type": "hangup"})
    )  # fmt: skip
    await heard_to_the_end(call)
    record = await studio.record(call)
    assert record["end_reason"] == "completed"
    assert record["tags"] == {"way": "down"}
    found = await studio.rest("GET", "/calls?tag=way&tag_value=down")
    assert record["id"] in [one["id"] for one in found["calls"]]
    found = await studio.rest("GET", "/calls?tag=way&tag_value=up")
    assert record["id"] not in [one["id"] for one in found["calls"]]


# --- gather ---------------------------------------------------------------------------------------

MENU = 700
"""Hz of a menu's prompt."""


async def menu(studio: Studio, *, seconds: float = 3.0, **more: object) -> Graph:
    """A menu of 1, 2 and 10; each choice has a tone of its own."""
    tones = {key: await studio.prompt(hz, 0.4) for key, hz in ENDS.items()}
    gather = {
        "type": "gather",
        "prompts": [{"play": await studio.prompt(MENU, seconds)}],
        "choices": ["1", "2", "10"],
        "seconds": 1.0,
        "digit_seconds": 0.8,
        "next": {
            "digits:1": "one", "digits:2": "two", "digits:10": "ten",
            "invalid": "wrong", "timeout": "late",
        },
        **more,
    }  # fmt: skip
    ends = {name: {"type": "play", "prompt": tones[name]} for name in ENDS}
    return {"start": "menu", "nodes": {"menu": gather, **ends}}


ENDS = {"one": 1100, "two": 1300, "ten": 1500, "wrong": 1700, "late": 1900}


async def test_a_key_during_the_prompt_stops_it_at_once(studio: Studio) -> None:
    call = await studio.dial(await menu(studio), tone=440)
    await call.answered()
    await hears(call.audio, MENU)
    await call.send_digits("2")
    pressed = asyncio.get_running_loop().time()
    await call.ended()
    heard = Hearing(call.audio)
    (prompt,), (choice,) = heard.tone(MENU), heard.tone(ENDS["two"])
    assert prompt.end - pressed < 0.1 + 0.04, "one frame until it is sent, 100 ms to stop"
    assert prompt.seconds < 2.5
    assert choice.start - pressed < 0.6
    assert way(await studio.record(call)) == [("menu", "digits:2"), ("two", "done")]


async def test_a_key_after_the_prompt_and_one_that_could_be_longer(studio: Studio) -> None:
    graph = await menu(studio, seconds=0.3)
    for keys, end in (("1", "one"), ("10", "ten")):
        call = await studio.dial(graph)
        await call.answered()
        await hears(call.audio, MENU)
        await asyncio.sleep(0.5)
        await call.send_digits(keys)
        pressed = asyncio.get_running_loop().time()
        heard = await heard_to_the_end(call)
        (choice,) = heard.tone(ENDS[end])
        waited = choice.start - pressed
        assert (0.7 < waited < 1.6) if keys == "1" else waited < 0.7, "10 could have followed 1"
        assert way(await studio.record(call)) == [("menu", f"digits:{keys}"), (end, "done")]


async def test_wrong_keys_are_asked_again_and_end_as_invalid(studio: Studio) -> None:
    sorry = await studio.prompt(2100, 0.3)
    graph = await menu(studio, seconds=0.4, retries=1, invalid_prompts=[{"play": sorry}])
    call = await studio.dial(graph)
    await call.answered()
    await hears(call.audio, MENU)
    await call.send_digits("7")
    await hears(call.audio, 2100)
    await hears(call.audio, MENU)
    await call.send_digits("8")
    heard = await heard_to_the_end(call)
    assert len(heard.tone(MENU)) == 2
    assert len(heard.tone(2100)) == 1
    assert way(await studio.record(call)) == [("menu", "invalid"), ("wrong", "done")]


async def test_wrong_then_right(studio: Studio) -> None:
    graph = await menu(studio, seconds=0.4, retries=1)
    call = await studio.dial(graph)
    await call.answered()
    await hears(call.audio, MENU)
    await call.send_digits("7")
    await asyncio.sleep(0.5)
    await hears(call.audio, MENU)
    await call.send_digits("2")
    await heard_to_the_end(call)
    assert way(await studio.record(call)) == [("menu", "digits:2"), ("two", "done")]


async def test_silence_is_asked_again_and_ends_as_timeout(studio: Studio) -> None:
    graph = await menu(studio, seconds=0.4, retries=1)
    call = await studio.dial(graph)
    heard = await heard_to_the_end(call)
    first, second = heard.tone(MENU)
    assert abs(second.start - first.end - 1.0) < 0.25, "a second of silence in between"
    assert heard.tone(ENDS["late"])
    assert way(await studio.record(call)) == [("menu", "timeout"), ("late", "done")]


def zip_flow(**more: object) -> Graph:
    ask = {
        "type": "gather", "prompts": [{"say": "Your ZIP code, please."}],
        "min_digits": 5, "max_digits": 5, "save_as": "zip",
        "seconds": 2, "digit_seconds": 1, "next": {"digits": "which", "": "end"}, **more,
    }  # fmt: skip
    which = {
        "type": "branch",
        "cases": [
            {"outcome": "west", "if": [{"zip": {"prefixes": ["94"], "values": []}}]},
            {"outcome": "east", "if": [{"zip": {"values": ["10001"], "prefixes": []}}]},
        ],
        "next": {"west": "west", "east": "east", "otherwise": "end"},
    }
    tag = {"type": "tag", "name": "coast", "next": {"": "bye"}}
    return {
        "start": "ask",
        "nodes": {
            "ask": ask, "which": which, "bye": {"type": "hangup"}, "end": {"type": "hangup"},
            "west": {**tag, "value": "west"}, "east": {**tag, "value": "east"},
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("digits", "coast"), [("94107", "west"), ("10001", "east"), ("60601", None)]
)
async def test_a_zip_code_decides_and_is_kept_sealed(
    studio: Studio, digits: str, coast: str | None
) -> None:
    call = await studio.dial(zip_flow())
    await call.answered()
    await call.send_digits(digits)
    await call.ended()
    record = await studio.record(call)
    assert record["captured"] == {"zip": digits}
    assert record["tags"].get("coast") == coast
    captured = [e["data"] for e in record["events"] if e["kind"] == "call.captured"]
    assert [item["caller"]["captured"] for item in captured] == [{"zip": digits}]


async def test_a_finish_key_ends_shorter_input_and_too_short_is_invalid(studio: Studio) -> None:
    graph = zip_flow(min_digits=2, finish_key="#", digit_seconds=5)
    for keys, captured, outcome in (("94#", {"zip": "94"}, "digits"), ("9#", None, "invalid")):
        call = await studio.dial(graph)
        await call.answered()
        await call.send_digits(keys)
        await call.ended(within=4.0)
        record = await studio.record(call)
        assert record["captured"] in (captured, captured or {})
        assert way(record)[0] == ("ask", outcome)


async def test_what_was_captured_is_nowhere_in_clear(studio: Studio) -> None:
    secret = "8391746205"
    ask = {
        "type": "gather", "max_digits": 10, "min_digits": 10, "save_as": "account",
        "next": {"digits": "back", "": "back"},
    }  # fmt: skip
    back = {"type": "say", "text": "You entered {account}.", "next": {"": "tag"}}
    tag = {"type": "tag", "name": "seen", "value": "not-a-secret-7261"}
    call = await studio.dial({"start": "ask", "nodes": {"ask": ask, "back": back, "tag": tag}})
    await call.answered()
    await call.send_digits(secret)
    await call.ended(within=20)
    heard = Hearing(call.audio)
    assert heard.sound(), "it was spoken back"
    record = await studio.record(call)
    assert record["captured"] == {"account": secret}
    search = partial(asyncio.to_thread, _files_with, studio.place.folder)
    assert await search(b"not-a-secret-7261"), "the search finds what is there in clear"
    assert await search(secret.encode()) == []


def _files_with(folder: Path, needle: bytes) -> list[str]:
    """Files of the installation, the database's and its log among them, that hold these bytes."""
    forms = (needle, needle.hex().encode(), needle.decode().encode("utf-16-le"))
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            if any(form in data for form in forms):
                found.append(str(path))
    return found
