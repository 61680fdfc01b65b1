"""What a TwiML document does as a program, walked as a call would walk it."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.engine.verbs import model
from ringfence.engine.verbs.interpreter import Interpreter, Step
from ringfence.engine.verbs.model import Facts, Fetch, Program
from ringfence.engine.verbs.twiml import compile_document, remote_audio, with_audio
from ringfence.protocols.twiml import TwimlError, parse

BASE = "https://app.test/voice/start?x=1"
TRUNK, DEVICE = UUID(int=1), UUID(int=2)


def program(inside: str, base: str = BASE, trunk: UUID | None = TRUNK) -> Program:
    return compile_document(
        parse(f"<Response>{inside}</Response>".encode(), None),
        base,
        trunk_for=lambda number: trunk,
        device_for={"kate": DEVICE}.get,
        may_present=lambda number: number == "+12125550100",
    )


def walk(compiled: Program, *outcomes: str) -> list[model.Verb]:
    """The verbs that a call performs when they come out like this; ends with the program."""
    interpreter = Interpreter(compiled, Facts())
    steps: list[Step] = []
    at: str | None = None
    for outcome in (*outcomes, "done"):
        step = interpreter.step(at, 0)
        if step is None:
            break
        steps.append(step)
        at = outcome
    return [step.verb for step in steps]


def first(inside: str) -> model.Verb:
    return walk(program(inside))[0]


def test_one_after_the_other() -> None:
    compiled = program("<Say>a</Say><Pause length='2'/><Play>b.wav</Play><Hangup/>")
    said, pause, play, hangup = walk(compiled, "done", "done", "failed")
    assert isinstance(said, model.Say)
    assert said.text == "a"
    assert pause == model.Pause(2.0)
    assert play == model.Play("url:https://app.test/voice/b.wav")
    assert hangup == model.Hangup()


def test_nothing_to_do_is_a_hangup() -> None:
    assert walk(program("")) == [model.Hangup()]
    assert walk(program("<Say/><Say> </Say>")) == [model.Hangup()]


def test_what_is_said_is_personal_and_has_no_variables() -> None:
    interpreter = Interpreter(program("<Say>{caller} {{x}} }</Say>"), Facts(caller="+1"))
    step = interpreter.step(None, 0)
    assert step is not None
    assert isinstance(step.verb, model.Say)
    assert step.verb.text == "{caller} {{x}} }"
    assert step.personal


@pytest.mark.parametrize(
    ("voice", "ours"),
    [
        ("alice", ""),
        ("man", ""),
        ("Polly.Joanna-Neural", ""),
        ("Google.en-GB-Standard-A", ""),
        ("", ""),
        ("hibari", "hibari"),
    ],
)
def test_voices_of_twilio_are_the_default_voice(voice: str, ours: str) -> None:
    say = first(f'<Say voice="{voice}" language="fr" loop="0">x</Say>')
    assert say == model.Say("x", ours, "fr", 0, personal=True)


# --- Gather -------------------------------------------------------------------------------------


def test_gather_without_action_asks_the_document_itself() -> None:
    compiled = program("<Gather><Say>press</Say></Gather><Say>none</Say>")
    gather, fetch = walk(compiled, "digits")
    assert isinstance(gather, model.Gather)
    assert (gather.max_digits, gather.seconds, gather.digit_seconds) == (128, 5.0, 5.0)
    assert (gather.finish_key, gather.choices, gather.retries, gather.min_digits) == ("#", (), 0, 1)
    assert fetch == Fetch(BASE, "POST")


@pytest.mark.parametrize("outcome", ["timeout", "invalid"])
def test_gather_without_digits_goes_on(outcome: str) -> None:
    _, say = walk(program("<Gather/><Say>none</Say>"), outcome)
    assert isinstance(say, model.Say)
    assert len(walk(program("<Gather/>"), outcome)) == 1


@pytest.mark.parametrize("outcome", ["digits", "timeout", "invalid"])
def test_gather_with_action_on_empty_result(outcome: str) -> None:
    inside = '<Gather actionOnEmptyResult="true" action="next" method="GET"/><Say>none</Say>'
    assert walk(program(inside), outcome)[1:] == [Fetch("https://app.test/voice/next", "GET")]


def test_gather_keeps_its_prompts() -> None:
    inside = (
        "<Gather numDigits='4' minDigits='2' retries='1' finishOnKey='' timeout='9'>"
        "<Say/><Pause/><Play>/p</Play></Gather>"
    )
    gather = first(inside)
    assert gather == model.Gather(
        prompts=(model.Pause(1.0), model.Play("url:https://app.test/p")),
        min_digits=2,
        max_digits=4,
        seconds=9.0,
        digit_seconds=9.0,
        finish_key="",
        retries=1,
    )


# --- Dial ---------------------------------------------------------------------------------------


def test_dial_in_parallel_and_in_sequence() -> None:
    nouns = "<Number>2125550123</Number><Sip>sip:a@b.test</Sip><Client>kate</Client>"
    dial = first(f"<Dial>{nouns}</Dial>")
    assert dial == model.Dial(
        (
            model.TrunkTarget(TRUNK, "+12125550123"),
            model.SipTarget("sip:a@b.test"),
            model.DeviceTarget(DEVICE, "kate"),
        ),
        mode="parallel",
        timeout_seconds=30,
        max_seconds=14400,
    )
    assert first(f"<Dial sequential='true'>{nouns}</Dial>") == model.Dial(
        dial.targets, mode="sequential", timeout_seconds=30, max_seconds=14400
    )


@pytest.mark.parametrize("outcome", ["answered", "busy", "no_answer", "rejected", "failed"])
def test_after_dial(outcome: str) -> None:
    with_action = program("<Dial action='/then'>2125550123</Dial><Say>unreachable</Say>")
    assert walk(with_action, outcome)[1:] == [Fetch("https://app.test/then", "POST")]
    without = walk(program("<Dial>2125550123</Dial><Say>after</Say>"), outcome)
    assert isinstance(without[1], model.Say)
    assert len(walk(program("<Dial>2125550123</Dial>"), outcome)) == 1


def test_dial_whispers() -> None:
    whisper = "<Whisper confirm='1' timeout='7'><Play>/w</Play></Whisper>"
    dial = first(f"<Dial music='/m' timeLimit='60'>{whisper}<Client>kate</Client></Dial>")
    assert isinstance(dial, model.Dial)
    assert dial.whisper == (model.Play("url:https://app.test/w"),)
    assert (dial.confirm, dial.confirm_seconds) == ("1", 7.0)
    assert dial.music == "url:https://app.test/m"
    assert dial.max_seconds == 60


def test_caller_id_is_one_that_may_be_presented() -> None:
    dial = first("<Dial callerId='+12125550100'>2125550123</Dial>")
    assert isinstance(dial, model.Dial)
    assert dial.caller_id == "+12125550100"
    with pytest.raises(TwimlError) as caught:
        program("\n<Dial callerId='+12125550199'>2125550123</Dial>")
    assert (caught.value.code, caught.value.line) == ("caller_id", 2)


@pytest.mark.parametrize("noun", ["<Client>nobody</Client>", "<Number>2125550123</Number>"])
def test_destination_that_is_not_there(noun: str) -> None:
    with pytest.raises(TwimlError) as caught:
        program(f"\n<Dial>\n{noun}</Dial>", trunk=None)
    assert (caught.value.code, caught.value.line) == ("destination", 3)


# --- the others ---------------------------------------------------------------------------------


def test_record() -> None:
    compiled = program("<Record maxLength='9' timeout='2' playBeep='false'/><Say>empty</Say>")
    record, fetch = walk(compiled, "done")
    assert record == model.Record(9, 2.0, "1234567890*#", beep=False)
    assert fetch == Fetch(BASE, "POST")
    assert isinstance(walk(compiled, "empty")[1], model.Say)
    assert isinstance(walk(compiled, "failed")[1], model.Say)


@pytest.mark.parametrize(
    ("inside", "verb"),
    [
        ("<Redirect>/other</Redirect>", Fetch("https://app.test/other", "POST")),
        ("<Redirect method='GET'>http://b.test</Redirect>", Fetch("http://b.test", "GET")),
        ("<Redirect/>", Fetch(BASE, "POST")),
        (f"<Redirect flow='FW{9:032x}'/>", Fetch("", flow=UUID(int=9))),
        ("<Reject/>", model.Reject(603)),
        ("<Reject reason='busy'/>", model.Reject(486)),
        ("<Hangup/>", model.Hangup()),
    ],
)
@pytest.mark.parametrize("outcome", ["done", "failed"])
def test_nothing_follows(inside: str, verb: model.Verb, outcome: str) -> None:
    assert walk(program(f"{inside}<Say>unreachable</Say>"), outcome) == [verb]


def test_tag_and_hold() -> None:
    compiled = program("<Tag name='a' value='b'/><Hold music='m'/><Hold length='5'/>")
    assert walk(compiled, "done", "done") == [
        model.Tag("a", "b"),
        model.Hold("url:https://app.test/voice/m", 3600),
        model.Hold("silence", 5),
    ]


@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ("next", "https://app.test/voice/next"),
        ("?y=2", "https://app.test/voice/start?y=2"),
        ("/next", "https://app.test/next"),
        ("../next", "https://app.test/next"),
        ("//b.test/next", "https://b.test/next"),
        ("http://b.test/next", "http://b.test/next"),
    ],
)
def test_relative_urls(written: str, becomes: str) -> None:
    assert first(f"<Redirect>{written}</Redirect>") == Fetch(becomes, "POST")


@pytest.mark.parametrize("written", ["file:///etc/passwd", "ftp://a/b", "http://[::1", "data:,x"])
@pytest.mark.parametrize("verb", ["<Redirect>{}</Redirect>", "<Play>{}</Play>"])
def test_urls_of_other_kinds(written: str, verb: str) -> None:
    with pytest.raises(TwimlError) as caught:
        program(verb.format(written))
    assert caught.value.code == "url"


def test_every_source_from_elsewhere_is_replaced() -> None:
    compiled = program(
        "<Play>/a</Play><Gather><Play>/b</Play></Gather><Hold music='/c'/><Hold/>"
        "<Dial music='/d' ringback='/f'><Whisper><Play>/e</Play></Whisper>"
        "<Client>kate</Client></Dial>"
        "<Dial><Client>kate</Client></Dial>"
    )
    urls = remote_audio(compiled)
    assert urls == {f"https://app.test/{name}" for name in "abcdef"}
    local = with_audio(compiled, {url: f"/cache/{url[-1]}.wav" for url in urls})
    assert remote_audio(local) == frozenset()
    assert local.nodes["0"].verb == model.Play("file:/cache/a.wav")
    assert local.nodes["2"].verb == model.Hold("file:/cache/c.wav")
    assert local.nodes["3"].verb == model.Hold("silence")
    dial = local.nodes["4"].verb
    assert isinstance(dial, model.Dial)
    assert (dial.ringback, dial.music) == ("file:/cache/f.wav", "file:/cache/d.wav")
    ringing = local.nodes["5"].verb
    assert isinstance(ringing, model.Dial)
    assert ringing.ringback == "ringback:us"
    assert {name: node.next for name, node in local.nodes.items()} == {
        name: node.next for name, node in compiled.nodes.items()
    }


VERBS = [
    *("<Say>a</Say>", "<Say/>", "<Pause/>", "<Gather/>", "<Gather actionOnEmptyResult='true'/>"),
    *("<Dial>2125550123</Dial>", "<Dial action='x'>2125550123</Dial>", "<Record/>", "<Hangup/>"),
    *("<Redirect>x</Redirect>", "<Reject/>", "<Tag name='a' value='b'/>", "<Hold/>"),
]
OUTCOMES = ["done", "failed", "digits", "timeout", "answered", "busy", "empty"]


@given(st.lists(st.sampled_from(VERBS), max_size=20), st.data())
def test_every_document_ends_whatever_happens(inside: list[str], data: st.DataObject) -> None:
    interpreter = Interpreter(program("".join(inside)), Facts())
    outcome: str | None = None
    for _ in range(len(inside) + 2):
        if interpreter.step(outcome, 0) is None:
            return
        outcome = data.draw(st.sampled_from(OUTCOMES))
    raise AssertionError("goes on for ever")
