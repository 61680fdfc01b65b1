"""The auditor's two subjects: a tenant that they call, and whose privacy portal one uses."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

import phonenumbers

from ringfence.entry.demo.installation import sip_uri
from ringfence.entry.demo.offer import loopback_of
from ringfence.entry.demo.own_key import record_calls
from ringfence.entry.demo.rest import ApiRefused, Rest
from ringfence.entry.demo.setup import operator_secret, tenant_named
from ringfence.entry.phone import Phone
from ringfence.entry.phone.sound import tone_frames
from ringfence.entry.promises.calling import (
    DESK_PORT,
    CanaryDied,
    call,
    calls_of,
    ended,
    known,
    recorded,
    stored,
    tenant_api,
    wait_for,
)
from ringfence.entry.promises.challenge.portal import Visitor
from ringfence.entry.promises.plaintext import Marker
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import InvalidInput
from ringfence.kernel.ids import Prefix, parse_public_id
from ringfence.platform.settings import Settings

_NAME = "Challenged"
_NUMBER = "+12025550163"
_AREAS = ("212", "213", "303", "305", "312", "404", "415", "503", "512", "602", "617", "702")
_DESK_TONE = 1300
_TONES = (710, 890)
_SCOPES = (
    *("calls:read", "numbers:read", "numbers:write", "recordings:read", "recordings:write"),
    *("privacy:rights", "trunks:read"),
)
_OPERATOR_SCOPES = ("tenants:provision", "tenants:read", "tenants:write", "trunks:write")
_KEY_LIFE = timedelta(hours=1)
_HEARD_PACKETS = 150
"""Of 20 ms each: a code that is spoken takes longer."""


class NoSubject(InvalidInput):
    """What was named is no number that a subject may have."""

    code = "no_subject"


@dataclass(frozen=True)
class Subject:
    """Somebody with a telephone, and what must not be found of them."""

    name: str
    number: str
    """E.164."""
    tone: int
    """Hz of what they say."""

    @property
    def needle(self) -> bytes:
        """What tells that something readable is theirs: the number without its country."""
        return self.number[2:].encode()

    @property
    def voice(self) -> bytes:
        """20 ms of what they say, G.711 mu-law."""
        return tone_frames(self.tone, "PCMU")[0]

    def markers(self) -> list[Marker]:
        """What is looked for in clear."""
        return [
            Marker(f"{self.name}'s number", self.number),
            Marker(f"{self.name}'s voice", ulaw=self.voice),
        ]


def subjects(number: str | None) -> tuple[Subject, Subject]:
    """Who is erased, with the number that was chosen, and who stays. Other numbers are of those
    that North America keeps for fiction (555-0100 to 555-0199). Raises NoSubject."""
    chosen = number or _fictional()
    while (other := _fictional()) == chosen:
        pass
    if chosen == _NUMBER or not _is_number(chosen):
        raise NoSubject("give a number of North America in E.164, such as +12125550123")
    return Subject("the erased", chosen, _TONES[0]), Subject("the control", other, _TONES[1])


def _fictional() -> str:
    return f"+1{secrets.choice(_AREAS)}55501{secrets.randbelow(100):02}"


def _is_number(text: str) -> bool:
    with suppress(phonenumbers.NumberParseException):
        return text.startswith("+1") and phonenumbers.is_possible_number(phonenumbers.parse(text))
    return False


class Stage:
    """The tenant with its trunk, number and portal, and the auditor's phones on loopback."""

    def __init__(self, settings: Settings) -> None:
        """Make or find it all. Raises CanaryDied, DemoFailed."""
        web = settings.web
        self.base = f"http://{web.host}:{web.port}"
        base = f"{self.base}/api/v1"
        net = loopback_of(settings.data_dir)
        self._host, self._desk = f"{net}.8", f"{net}.9"
        self._uri = sip_uri(settings, _NUMBER)
        ends = SystemClock().now() + _KEY_LIFE
        try:
            operator = Rest(base, operator_secret("examination", _OPERATOR_SCOPES, ends))
            tenant = tenant_named(operator, _NAME)
            self.api = tenant_api(operator, base, tenant, ends.isoformat(), _SCOPES)
            self._provision(operator, tenant)
        except ApiRefused as error:
            raise CanaryDied(error.message) from None
        self.tenant = parse_public_id(Prefix.TENANT, tenant)

    def _provision(self, operator: Rest, tenant: str) -> None:
        if not self.api.get("/trunks")["trunks"]:
            trunk = {"name": "Auditor's phone", "sources": [f"{self._host}/32"]}
            peer = {"peer_host": self._host, "peer_port": DESK_PORT}
            operator.post(f"/tenants/{tenant}/trunks", trunk | peer)
        numbers = self.api.get("/numbers?limit=200")["numbers"]
        if not any(one["e164"] == _NUMBER and one["status"] == "active" for one in numbers):
            rings = [{"sip": f"sip:desk@{self._desk}:{DESK_PORT}"}]
            self.api.post("/numbers", {"e164": _NUMBER, "dial": rings, "label": _NAME})
        self.key = record_calls(self.api)
        """What alone opens the recordings, where the policy has it so; the attacker has it not."""

    def place_call(self, subject: Subject) -> UUID:
        """A recorded call; its id once its record is whole and its recording stored. Raises
        CanaryDied, ApiRefused."""
        earlier = {one["id"] for one in calls_of(self.api, subject.number)}
        talking: Callable[[], object] = partial(recorded, self.api, subject.number)
        asyncio.run(
            call(
                self.api, self._host, _NUMBER, self._desk, subject.number, self._uri, talking,
                (subject.tone, _DESK_TONE),
            )
        )  # fmt: skip

        def newest() -> str | None:
            found = ended(self.api, subject.number)
            return None if found in earlier else found

        made = wait_for(newest, "its call record")
        wait_for(partial(stored, self.api, made), "its recording")
        return parse_public_id(Prefix.CALL, made)

    def open_portal(self) -> Visitor:
        """A browser at the tenant's portal, which calls with codes."""
        slug = f"challenge-{secrets.token_hex(8)}"
        self.api.put("/privacy-portal", {"slug": slug, "caller_id": _NUMBER})
        return Visitor(self.base, slug)

    def close_portal(self) -> None:
        """Nobody finds it any more."""
        with suppress(ApiRefused):
            self.api.delete("/privacy-portal")

    def ask(self, visitor: Visitor, subject: Subject) -> float:
        """Have a code spoken to the subject's phone; for how many seconds something was heard.
        Raises CanaryDied."""

        async def listen() -> int:
            async with Phone(self._host, DESK_PORT, user=subject.number) as phone:
                await known(phone, self._uri)
                await asyncio.to_thread(visitor.ask_erasure, subject.number)
                taken = await phone.incoming(within=60)
                taken.answer()
                await taken.ended(60)
                return len(taken.audio.recorder.packets)

        try:
            packets = asyncio.run(listen())
        except TimeoutError:
            raise CanaryDied("no call told the subject a code") from None
        if packets < _HEARD_PACKETS:
            raise CanaryDied("the call that should tell a code said next to nothing")
        return packets / 50
