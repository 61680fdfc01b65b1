"""Parts of the demo that judge: each must be able to say no."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import math
from collections.abc import Iterator

import pytest

from ringfence.entry.demo import chime
from ringfence.entry.demo.hearing import Ear, same_frames
from ringfence.entry.demo.outcome import CHECKS, Outcome
from ringfence.entry.demo.prices import Price
from ringfence.entry.demo.receiver import Received, Receiver
from ringfence.entry.demo.report import pretty
from ringfence.entry.phone.recorder import Packet, Recorder
from ringfence.entry.phone.sound import FRAME, tone_frames

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
NOW = 1_800_000_000.0


def message(*, stamp: int = int(NOW), key: bytes = b"k" * 32, body: bytes = b"{}") -> Received:
    mac = hmac.new(key, b"WD1.%d." % stamp + body, hashlib.sha256).digest()
    signature = "v1,bm90IGl0 v1," + base64.b64encode(mac).decode()
    headers = {"webhook-timestamp": str(stamp), "webhook-signature": signature}
    return Received("call.ended", {}, "WD1", headers, body, NOW)


def test_a_signature_of_standard_webhooks_is_known() -> None:
    """The example of the specification's reference library."""
    headers = {
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    given = Received(
        "", {}, "msg_p5jXN8AQM9LWM0D4loKWxJek", headers, b'{"test": 2432232314}', 1614265330.0
    )
    assert given.signed_by("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


@pytest.mark.parametrize(
    ("given", "good"),
    [
        (message(), True),
        (message(key=b"x" * 32), False),
        (message(stamp=int(NOW) - 301), False),
        (message(stamp=int(NOW) + 301), False),
        (Received("", {}, "WD1", message().headers, b"{ }", NOW), False),
        (Received("", {}, "WD2", message().headers, b"{}", NOW), False),
        (Received("", {}, "WD1", {}, b"{}", NOW), False),
    ],
)
def test_what_is_not_signed_so_is_refused(given: Received, good: bool) -> None:
    assert given.signed_by(SECRET) is good


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver("127.0.0.1") as one:
        yield one


def post(receiver: Receiver, body: bytes) -> int:
    host = receiver.url.removeprefix("http://").partition("/")[0]
    connection = http.client.HTTPConnection(host, timeout=5)
    connection.request("POST", "/ringfence-demo", body, {"Webhook-Id": "WD7"})
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_receiver_keeps_what_is_about_the_call(receiver: Receiver) -> None:
    for data in ({"id": "CA1"}, {"id": "CA2"}, {"call_id": "CA1"}):
        said = json.dumps({"type": "call.ended", "data": data}).encode()
        assert post(receiver, said) == 204
    assert post(receiver, b"not JSON") == 204
    found = receiver.of_call("CA1", frozenset({"call.ended"}), 1.0)
    assert [(m.id, dict(m.data)) for m in found] == [
        ("WD7", {"id": "CA1"}),
        ("WD7", {"call_id": "CA1"}),
    ]
    assert receiver.of_call("CA3", frozenset({"call.ended"}), 0.01) == []


def test_a_check_not_reached_has_failed_and_a_failure_stays() -> None:
    outcome = Outcome()
    assert not outcome.ok
    for key in CHECKS:
        outcome.check(key, True, "seen")
    assert outcome.ok
    outcome.check("media", False, "3 lost")
    outcome.check("media", True, "later")
    assert not outcome.ok
    failed = [check for check in outcome.checks if not check["ok"]]
    assert [check["observed"] for check in failed] == ["3 lost"]
    assert "1 of 23 checks failed." in pretty(outcome)
    with pytest.raises(AssertionError):
        outcome.check("unheard of", True, "")


@pytest.mark.parametrize(
    ("increment", "seconds", "micros"),
    [(6, 0, 0), (6, 1, 1200), (6, 6, 1200), (6, 7, 2400), (1, 7, 1400), (60, 61, 24_000)],
)
def test_what_a_leg_costs(increment: int, seconds: int, micros: int) -> None:
    assert Price("sell", "inbound", "0.012", increment).micros(seconds) == micros


def test_half_a_micro_is_rounded_up_and_the_wire_has_its_slack() -> None:
    price = Price("buy", "outbound", "0.00003", 1)  # half a micro a second
    assert [price.micros(seconds) for seconds in (1, 2, 3)] == [1, 1, 2]
    six = Price("sell", "inbound", "0.012", 6)
    assert six.allowed(5.9) == {1200, 2400}
    assert six.allowed(5.5) == {1200}


class Line:
    """Audio as an Ear takes it."""

    def __init__(self, *payloads: bytes) -> None:
        self.recorder = Recorder()
        for n, payload in enumerate(payloads):
            self.recorder.packets.append(Packet(n * 0.02, 1, n, n * FRAME, 0, False, payload))


def test_ears_tell_sound_from_quiet_and_one_sound_from_another() -> None:
    tone, other = tone_frames(700, "PCMU"), tone_frames(900, "PCMU")
    quiet = tone_frames(0, "PCMU")
    ear = Ear(Line(*quiet * 2, *tone * 3, *quiet))  # type: ignore[arg-type]
    assert ear.seconds(0) == pytest.approx(0.3)
    assert ear.seconds(0, 10) == 0
    assert ear.between(10, 25).only(700)
    same = Ear(Line(*tone)).loud(0)  # type: ignore[arg-type]
    assert same_frames(ear.loud(0), same) == 1.0
    assert same_frames(Ear(Line(*other)).loud(0), same) < 0.5  # type: ignore[arg-type]
    assert same_frames([], same) == 0.0


def test_the_chime_is_the_tone_that_is_listened_for() -> None:
    data = chime.wav()[44:]
    samples = memoryview(data).cast("h")
    rate, step = 16_000, 2 * math.pi * chime.HERTZ / 16_000
    sine = sum(s * math.sin(step * n) for n, s in enumerate(samples))
    cosine = sum(s * math.cos(step * n) for n, s in enumerate(samples))
    energy = sum(s * s for s in samples)
    assert 2 * (sine**2 + cosine**2) / (len(samples) * energy) > 0.99
    assert len(samples) == 0.6 * rate
