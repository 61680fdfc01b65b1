"""TwiML: what Twilio's own documentation writes, what is refused, and what nobody meant."""

from __future__ import annotations

import codecs
import time
from typing import Any
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.protocols import twiml
from ringfence.protocols.twiml import TwimlError, parse


def response(inside: str) -> twiml.Document:
    return parse(
        f'<?xml version="1.0" encoding="UTF-8"?><Response>{inside}</Response>'.encode(), None
    )


def one(inside: str) -> twiml.Verb:
    document = response(inside)
    assert document.warnings == ()
    (verb,) = document.verbs
    return verb


def error(document: bytes | str, content_type: str | None = None) -> TwimlError:
    data = document.encode() if isinstance(document, str) else document
    with pytest.raises(TwimlError) as caught:
        parse(data, content_type)
    return caught.value


# --- defaults, as Twilio publishes them ---------------------------------------------------------


def test_defaults() -> None:
    assert one("<Say>Hi</Say>") == twiml.Say("Hi", voice="", language="en-US", loop=1)
    assert one("<Play>a.wav</Play>") == twiml.Play("a.wav", loop=1)
    assert one("<Pause/>") == twiml.Pause(1)
    assert one("<Gather/>") == twiml.Gather(
        action=None,
        method="POST",
        timeout=5,
        num_digits=None,
        finish_on_key="#",
        action_on_empty_result=False,
        prompts=(),
    )
    assert one("<Dial>+12125550123</Dial>") == twiml.Dial(
        (twiml.Number("+12125550123"),),
        action=None,
        method="POST",
        timeout=30,
        time_limit=14400,
        caller_id=None,
        sequential=False,
    )
    assert one("<Record/>") == twiml.Record(
        action=None,
        method="POST",
        timeout=5,
        finish_on_key="1234567890*#",
        max_length=3600,
        play_beep=True,
    )
    assert one("<Redirect>x</Redirect>") == twiml.Redirect("x", "POST")
    assert one("<Reject/>") == twiml.Reject("rejected")
    assert one("<Hangup/>") == twiml.Hangup()


def test_documents_as_developers_have_them() -> None:
    document = parse(
        b"""<?xml version="1.0" encoding="UTF-8"?>
<!-- comments mean nothing -->
<Response>
    <Gather action="/handle?a=1&amp;b=2" numDigits="1" timeout="10" finishOnKey="">
        <Say voice="woman" language="en-gb" loop="2">For sales,
             press 1.</Say>
        <Play loop="0">http://example.com/a.wav</Play>
        <Pause length="2"/>
    </Gather>
    <Say><![CDATA[Fish & chips]]></Say>
    <Dial timeout="10" callerId="(212) 555-0100" sequential="true" action="done" method="get">
        <Number>415-555-1212</Number>
        <Sip>sip:kate@example.com;transport=tcp</Sip>
        <Client>joey</Client>
    </Dial>
    <Record maxLength="30" finishOnKey="*" playBeep="false" action="/rec"/>
    <Redirect method="GET">../other</Redirect>
    <Reject reason="busy"/>
</Response>""",
        "text/xml; charset=utf-8",
    )
    gather, say, dial, record, redirect, reject = document.verbs
    assert gather == twiml.Gather(
        action="/handle?a=1&b=2",
        num_digits=1,
        timeout=10,
        finish_on_key="",
        prompts=(
            twiml.Say("For sales, press 1.", "woman", "en-gb", 2),
            twiml.Play("http://example.com/a.wav", 0),
            twiml.Pause(2),
        ),
    )
    assert say == twiml.Say("Fish & chips")
    assert dial == twiml.Dial(
        (
            twiml.Number("+14155551212"),
            twiml.Sip("sip:kate@example.com;transport=tcp"),
            twiml.Client("joey"),
        ),
        timeout=10,
        caller_id="+12125550100",
        sequential=True,
        action="done",
        method="GET",
    )
    assert record == twiml.Record(max_length=30, finish_on_key="*", play_beep=False, action="/rec")
    assert redirect == twiml.Redirect("../other", "GET")
    assert reject == twiml.Reject("busy")
    assert document.warnings == ()
    assert [verb.line for verb in document.verbs] == [4, 10, 11, 16, 17, 18]


def test_words_of_our_own() -> None:
    assert one('<Tag name="campaign" value="spring sale"/>') == twiml.Tag("campaign", "spring sale")
    assert one('<Hold music="m.wav" length="60"/>') == twiml.Hold("m.wav", 60)
    assert one("<Hold/>") == twiml.Hold(None, 3600)
    assert one('<Gather minDigits="3" retries="2"/>') == twiml.Gather(min_digits=3, retries=2)
    assert one(f'<Redirect flow="FW{7:032x}"/>') == twiml.Redirect("", flow=UUID(int=7))
    whisper = '<Whisper confirm="1" timeout="5"><Say>A call</Say></Whisper>'
    inside = f"{whisper}<Number>2125550123</Number>"
    assert one(f'<Dial music="m.wav" ringback="r.wav">{inside}</Dial>') == twiml.Dial(
        (twiml.Number("+12125550123"),),
        ringback="r.wav",
        music="m.wav",
        whisper=twiml.Whisper((twiml.Say("A call"),), "1", 5),
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+442071838750", "+442071838750"),
        ("+1 (212) 555-0123", "+12125550123"),
        ("212.555.0123", "+12125550123"),
        ("1-212-555-0123", "+12125550123"),
    ],
)
def test_numbers(text: str, number: str) -> None:
    assert one(f"<Dial>{text}</Dial>") == twiml.Dial((twiml.Number(number),))


@pytest.mark.parametrize(
    "text",
    ["911", "112", "", "12", "555-0123", "+0123456789", "+1234567890123456", "²125550123"],
)
def test_no_numbers(text: str) -> None:
    assert error(f"<Response><Dial>{text}</Dial></Response>").code == "content"


def test_client_with_identity() -> None:
    dial = one("<Dial><Client><Identity>joey</Identity></Client></Dial>")
    assert dial == twiml.Dial((twiml.Client("joey"),))


# --- warnings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "names"),
    [
        ('<Say colour="red">x</Say>', "colour"),
        ('<Record transcribe="true"/>', "transcribe"),
        ('<Dial trim="do-not-trim">2125550123</Dial>', "trim"),
        ('<Dial ringTone="de">2125550123</Dial>', "ringTone"),
        ("<Say><prosody>x</prosody></Say>", "SSML"),
        ('<Dial><Number statusCallback="/x">2125550123</Number></Dial>', "statusCallback"),
        ("words", "text"),
        ("<Gather>words</Gather>", "text"),
    ],
)
def test_what_is_ignored_is_said(inside: str, names: str) -> None:
    (warning,) = response(f"\n{inside}").warnings
    assert names in warning.message
    assert warning.line in (1, 2)


def test_what_means_the_same_here_is_no_warning() -> None:
    one('<Dial answerOnBridge="true" record="false" hangupOnStar="false">2125550123</Dial>')
    one('<Gather input="dtmf" language="en-US"/>')


def test_ssml_keeps_its_words() -> None:
    verb = response('<Say>one<break time="1s"/>two <emphasis>three</emphasis></Say>').verbs[0]
    assert verb == twiml.Say("one two three")


# --- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "code", "named"),
    [
        ("<Enqueue>x</Enqueue>", "unsupported", "Enqueue"),
        ("<Dial><Conference>x</Conference></Dial>", "unsupported", "Conference"),
        ('<Dial record="record-from-answer">2125550123</Dial>', "unsupported", "record"),
        ('<Dial hangupOnStar="true">2125550123</Dial>', "unsupported", "hangupOnStar"),
        ('<Dial><Number url="/w">2125550123</Number></Dial>', "unsupported", "Whisper"),
        ('<Dial><Number sendDigits="1">2125550123</Number></Dial>', "unsupported", "sendDigits"),
        ('<Dial><Sip username="a">sip:a@b</Sip></Dial>', "unsupported", "username"),
        ("<Dial><Sip>sip:a@b?X-A=b</Sip></Dial>", "unsupported", "headers"),
        ('<Gather input="speech"/>', "unsupported", "input"),
        ('<Gather input="dtmf speech"/>', "unsupported", "input"),
        ('<Play digits="1"/>', "unsupported", "digits"),
        ("<Dance/>", "unknown_element", "Dance"),
        ("<say>x</say>", "unknown_element", "say"),
        ("<Gather><Dial/></Gather>", "unknown_element", "Dial"),
        ("<Dial><Say>x</Say></Dial>", "unknown_element", "Say"),
        ("<Pause><Say/></Pause>", "unknown_element", "Say"),
        ("<Say><Say/></Say>", "unknown_element", "Say"),
        ('<Say loop="-1">x</Say>', "attribute", "loop"),
        ('<Gather numDigits="0"/>', "attribute", "numDigits"),
        ('<Gather timeout="soon"/>', "attribute", "timeout"),
        ('<Gather timeout="١"/>', "attribute", "timeout"),
        ('<Gather finishOnKey="##"/>', "attribute", "finishOnKey"),
        ('<Gather finishOnKey="A"/>', "attribute", "finishOnKey"),
        ('<Gather method="PUT"/>', "attribute", "method"),
        ('<Gather actionOnEmptyResult="perhaps"/>', "attribute", "actionOnEmptyResult"),
        ('<Dial callerId="anonymous">2125550123</Dial>', "attribute", "callerId"),
        ('<Reject reason="lunch"/>', "attribute", "reason"),
        ('<Tag name="a b" value="c"/>', "attribute", "name"),
        ('<Tag name="a"/>', "attribute", "value"),
        ('<Gather retries="often"/>', "attribute", "retries"),
        ('<Redirect flow="FW1"/>', "attribute", "flow"),
        (f'<Redirect flow="FW{7:032x}">/next</Redirect>', "content", "Redirect"),
        ("<Play/>", "content", "Play"),
        ("<Dial/>", "content", "Dial"),
        ("<Dial>2125550123<Number>2125550124</Number></Dial>", "content", "Dial"),
        ("<Dial>" + "<Client>a</Client>" * 11 + "</Dial>", "content", "Dial"),
        ("<Dial><Sip>tel:+12125550123</Sip></Dial>", "content", "Sip"),
        ("<Dial><Sip>kate@example.com</Sip></Dial>", "content", "Sip"),
        ("<Dial><Client>a b</Client></Dial>", "content", "Client"),
        ("<Dial><Whisper/><Client>a</Client></Dial>", "content", "Whisper"),
        ("<Hangup>now</Hangup>", "content", "Hangup"),
        (f"<Say>{'a' * 4001}</Say>", "content", "Say"),
        ("<Pause/>" * 201, "too_large", "verbs"),
        ("<Say>" + "<p>" * 20 + "</p>" * 20 + "</Say>", "too_large", "deep"),
    ],
)
def test_error_names_line_and_element(inside: str, code: str, named: str) -> None:
    found = error(f"<Response>\n\n{inside}\n</Response>")
    assert found.code == code
    assert named in found.message
    assert found.line == (1 if named == "verbs" else 3)
    assert str(found).startswith(f"line {found.line}: ")


@pytest.mark.parametrize(
    "document",
    [
        *(b"", b" ", b"<Response>", b"<Response></response>", b"<Response/><Response/>", b"hello"),
        *(b"<Response>&nbsp;</Response>", b"<Response>&#0;</Response>", b"\0", b"<Response>\0"),
        b'{"json": true}',
    ],
)
def test_not_xml(document: bytes) -> None:
    assert error(document).code == "xml"


def test_other_root() -> None:
    assert error(b"<html><body/></html>").code == "unknown_element"


# --- what XML could do --------------------------------------------------------------------------

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(10))


@pytest.mark.parametrize(
    "document",
    [
        f"<!DOCTYPE r [{LAUGHS}]><Response><Say>&l9;</Say></Response>",
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><Response><Say>&x;</Say></Response>',
        '<!DOCTYPE r SYSTEM "http://127.0.0.1/x.dtd"><Response/>',
        '<!DOCTYPE r PUBLIC "-//W3C//DTD XHTML 1.0//EN" "http://127.0.0.1/"><Response/>',
        '<!DOCTYPE r [<!ENTITY % p SYSTEM "http://127.0.0.1/">%p;]><Response/>',
        "<!DOCTYPE Response><Response/>",
    ],
)
def test_no_document_type(document: str) -> None:
    began = time.process_time()
    assert error(document).code == "forbidden"
    assert time.process_time() - began < 0.5


def test_size() -> None:
    fits = b"<Response><!--" + b"a" * (64 * 1024 - 28) + b"--></Response>"
    assert len(fits) == 64 * 1024
    assert parse(fits, None).verbs == ()
    assert error(b"<Response><!--" + b"a" * (64 * 1024) + b"--></Response>").code == "too_large"


def test_instructions_and_namespaces_reach_nothing() -> None:
    document = b"""<?xml-stylesheet href="http://127.0.0.1/"?>
<Response xmlns:x="http://www.w3.org/2001/XInclude"><x:include href="file:///etc/passwd"/></Response>"""
    assert error(document).code == "unknown_element"


# --- encodings ----------------------------------------------------------------------------------

TEXT = "Grüße, señor"


@pytest.mark.parametrize(
    ("encoding", "declared", "content_type"),
    [
        ("utf-8", None, None),
        ("utf-8", "UTF-8", "text/xml"),
        ("iso-8859-1", "ISO-8859-1", None),
        ("iso-8859-1", None, "text/xml; charset=ISO-8859-1"),
        ("utf-8", "ISO-8859-1", 'text/xml; charset="utf-8"'),
        ("windows-1252", "windows-1252", "application/xml"),
        ("utf-8-sig", None, None),
        ("utf-8-sig", "iso-8859-1", "text/xml; charset=iso-8859-1"),
        ("utf-16", "utf-16", None),
        ("utf-16", None, "text/xml"),
        ("utf-16-le", "utf-16", None),
        ("utf-16-be", "UTF-16", None),
        ("utf-32", "utf-32", None),
        ("utf-16-le", None, "text/xml; charset=utf-16le"),
    ],
)
def test_encodings(encoding: str, declared: str | None, content_type: str | None) -> None:
    head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    document = f"{head}<Response><Say>{TEXT}</Say></Response>".encode(encoding)
    assert parse(document, content_type).verbs == (twiml.Say(TEXT),)


@pytest.mark.parametrize(
    "name",
    [
        *("base64", "zip", "bz2", "hex", "rot13", "idna", "punycode", "unicode_escape", "utf-7"),
        *("raw_unicode_escape", "undefined", "no-such-charset", "mbcs", "cp037", "quopri"),
    ],
)
def test_codecs_that_are_no_character_encodings(name: str) -> None:
    document = f'<?xml version="1.0" encoding="{name}"?><Response/>'.encode()
    assert error(document).code == "charset"
    assert error(b"<Response/>", f"text/xml; charset={name}").code == "charset"


@pytest.mark.parametrize(
    ("document", "content_type"),
    [
        (b"<Response><Say>\xff\xfe</Say></Response>", None),
        (b"<Response><Say>\xe9</Say></Response>", "text/xml; charset=utf-8"),
        (b"<Response><Say>\xe9</Say></Response>", "text/xml; charset=us-ascii"),
        (codecs.BOM_UTF16_LE + b"<\0R", "text/xml"),
        (codecs.BOM_UTF8 + b"<Response>\xe9</Response>", None),
    ],
)
def test_octets_that_are_not_of_the_encoding(document: bytes, content_type: str | None) -> None:
    assert error(document, content_type).code in ("charset", "xml")


# --- properties ---------------------------------------------------------------------------------

texts = (
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=30)
    .map(lambda text: " ".join(text.split()))
)  # fmt: skip
urls = st.from_regex(r"(https://[a-z]{1,9}\.test)?/[a-z0-9/?=&.]{0,20}", fullmatch=True)
methods: st.SearchStrategy[twiml.Method] = st.sampled_from(["GET", "POST"])
prompts = st.one_of(
    st.builds(twiml.Say, texts, texts, st.sampled_from(["en-US", "de"]), st.integers(0, 9)),
    st.builds(twiml.Play, urls, st.integers(0, 9)),
    st.builds(twiml.Pause, st.integers(0, 60)),
)
several = st.lists(prompts, max_size=3).map(tuple)
numbers = st.from_regex(r"\+[1-9][0-9]{7,14}", fullmatch=True)
nouns = st.one_of(
    st.builds(twiml.Number, numbers),
    st.builds(twiml.Sip, st.from_regex(r"sips?:[a-z]{1,9}@[a-z]{1,9}\.test", fullmatch=True)),
    st.builds(twiml.Client, st.from_regex(r"[a-zA-Z0-9_@.-]{1,20}", fullmatch=True)),
)
maybe_url = st.none() | urls
verbs = st.one_of(
    prompts,
    st.builds(
        twiml.Gather,
        maybe_url,
        methods,
        st.integers(1, 600),
        st.none() | st.integers(1, 128),
        st.sampled_from(["", "#", "*", "0"]),
        st.booleans(),
        st.just(1),
        st.integers(0, 10),
        several,
    ),
    st.builds(
        twiml.Dial,
        st.lists(nouns, min_size=1, max_size=10).map(tuple),
        maybe_url,
        methods,
        st.integers(1, 600),
        st.integers(1, 86400),
        st.none() | numbers,
        st.booleans(),
        maybe_url,
        maybe_url,
        st.none()
        | st.builds(
            twiml.Whisper,
            st.lists(prompts, min_size=1, max_size=3).map(tuple),
            st.sampled_from(["", "1", "*"]),
            st.integers(1, 60),
        ),
    ),
    st.builds(
        twiml.Record,
        maybe_url,
        methods,
        st.integers(1, 600),
        st.sampled_from(["", "#", "1234567890*#"]),
        st.integers(1, 14400),
        st.booleans(),
    ),
    st.builds(twiml.Redirect, urls, methods),
    st.builds(twiml.Redirect, st.just(""), flow=st.uuids()),
    st.builds(twiml.Reject, st.sampled_from(["busy", "rejected"])),
    st.builds(twiml.Hangup),
    st.builds(twiml.Tag, st.from_regex(r"[a-z0-9_.-]{1,40}", fullmatch=True), texts.filter(bool)),
    st.builds(twiml.Hold, maybe_url, st.integers(1, 9999)),
)

NAMES = {
    "num_digits": "numDigits",
    "finish_on_key": "finishOnKey",
    "action_on_empty_result": "actionOnEmptyResult",
    "min_digits": "minDigits",
    "time_limit": "timeLimit",
    "caller_id": "callerId",
    "max_length": "maxLength",
    "play_beep": "playBeep",
}
CONTENT = {"text", "number", "uri", "identity"}
INSIDE = {"prompts", "nouns", "whisper"}


def written(value: Any) -> ET.Element:
    """A verb as XML, by the names of its fields."""
    made = ET.Element(type(value).__name__)
    for name in value.__dataclass_fields__:
        held = getattr(value, name)
        if name == "line" or held is None or (name == "method" and getattr(value, "flow", None)):
            continue
        if name in INSIDE:
            for each in held if isinstance(held, tuple) else (held,):
                made.append(written(each))
        elif name in CONTENT or (name == "url" and made.tag in ("Play", "Redirect")):
            made.text = held
        elif name == "flow":
            made.set(name, f"FW{held.hex}")
        else:
            text = str(held).lower() if isinstance(held, bool) else str(held)
            made.set(NAMES.get(name, name), text)
    return made


def document_of(values: list[twiml.Verb], encoding: str) -> bytes:
    root = ET.Element("Response")
    root.extend(map(written, values))
    return bytes(ET.tostring(root, encoding, xml_declaration=True))


@settings(deadline=None)
@given(st.lists(verbs, max_size=8), st.sampled_from(["utf-8", "utf-16", "iso-8859-1"]))
def test_round_trip(values: list[twiml.Verb], encoding: str) -> None:
    document = parse(document_of(values, encoding), "text/xml")
    assert document.verbs == tuple(values)
    assert document.warnings == ()


@settings(deadline=None)
@given(st.lists(verbs, min_size=1, max_size=4), st.data())
def test_truncated(values: list[twiml.Verb], data: st.DataObject) -> None:
    document = document_of(values, "utf-8")
    cut = data.draw(st.integers(0, len(document) - 1))
    with pytest.raises(TwimlError):
        parse(document[:cut], None)


@settings(deadline=None, max_examples=300)
@given(
    st.binary(max_size=200)
    | st.text("<>/&;#=\"' ResponSayDil!?[]\n", max_size=100).map(str.encode),
    st.none() | st.text(max_size=40) | st.text(max_size=20).map("text/xml; charset={}".format),
)
def test_any_octets_are_a_document_or_our_error(document: bytes, content_type: str | None) -> None:
    try:
        parse(document, content_type)
    except TwimlError as found:
        assert found.line >= 1


@settings(deadline=None, max_examples=200)
@given(st.lists(verbs, min_size=1, max_size=3), st.data())
def test_damaged(values: list[twiml.Verb], data: st.DataObject) -> None:
    document = bytearray(document_of(values, "utf-8"))
    for _ in range(data.draw(st.integers(1, 4))):
        document[data.draw(st.integers(0, len(document) - 1))] = data.draw(st.integers(0, 255))
    try:
        parse(bytes(document), None)
    except TwimlError as found:
        assert found.line >= 1
