"""The registrar (RFC 3261 section 10.3): where the devices are that may be called.

A device is called the way its REGISTER came, whatever its Contact says: what stands between it and
us lets nothing else through. A binding over a connection ends with the connection.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import unquote
from uuid import UUID
from weakref import WeakKeyDictionary

from ringfence.engine.calls.party import Place
from ringfence.engine.ports import DeviceConfig
from ringfence.engine.signalling.gate import Gate
from ringfence.engine.signalling.registrations import Binding, Registrations
from ringfence.engine.signalling.transport import Flow, TransportError, Transports
from ringfence.engine.verbs.model import DeviceTarget
from ringfence.kernel.clock import Clock
from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.message import Request, Response
from ringfence.protocols.sip.uri import SipUri, parse_uri, unescape_user
from ringfence.protocols.sip.values import parse_name_addr

MIN_SECONDS = 60
MAX_SECONDS = 3600
MAX_CONTACTS = 5
"""Of one device; the one that was refreshed longest ago makes room."""
_MAX_TEXT = 512
_Q = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


@dataclass(frozen=True, slots=True)
class _Bound:
    """A binding and the way to its phone."""

    binding: Binding
    flow: Flow


@dataclass(frozen=True, slots=True)
class _Wish:
    """One Contact of a REGISTER: keep it for so many seconds, or forget it."""

    uri: str
    parsed: SipUri
    q: float
    seconds: int
    instance: str

    def means(self, binding: Binding) -> bool:
        """Whether this is that contact: the same URI, or the same phone with another one."""
        if self.instance and self.instance == binding.instance:
            return True
        return _identity(self.parsed) == _identity(parse_name_addr(f"<{binding.uri}>").uri)


class Registrar:
    """The bindings of this node's devices, in memory and in ``Registrations``."""

    def __init__(self, gate: Gate, clock: Clock, kept: Registrations) -> None:
        self._gate = gate
        self._clock = clock
        self._kept = kept
        self._bound: dict[UUID, list[_Bound]] = {}
        self._over: WeakKeyDictionary[object, set[UUID]] = WeakKeyDictionary()

    def restore(self, found: dict[UUID, tuple[Binding, ...]], transports: Transports) -> None:
        """Take up what an earlier run kept."""
        for device, bindings in found.items():
            self._bound[device] = [
                _Bound(binding, flow)
                for binding in bindings
                if (flow := _way_back(binding, transports)) is not None
            ]
        self.sweep()

    def places(self, target: DeviceTarget) -> list[Place]:
        """Where a device is to be called, the preferred contact first; nowhere when it is not
        registered."""
        device = self._gate.devices.get(target.device)
        if device is None:
            return []
        live = sorted(self._live(device), key=lambda one: one.binding.q, reverse=True)
        return [
            Place(_called(one.binding.uri), *one.flow.remote, one.flow.transport, None, one.flow)
            for one in live
        ]

    def uses(self, channel: object) -> bool:
        """Whether a device can be reached over a connection only while it stays open."""
        devices = (self._gate.devices.get(id_) for id_ in self._over.get(channel, ()))
        return any(
            one.flow.channel is channel
            for device in devices
            if device is not None
            for one in self._live(device)
        )

    def sweep(self) -> None:
        """Forget what has ended, also of devices that are gone."""
        now = self._clock.micros()
        for device, bound in list(self._bound.items()):
            left = [one for one in bound if one.binding.expires > now and one.flow.alive]
            if len(left) != len(bound):
                self._keep(device, left)

    def register(self, device: DeviceConfig, request: Request, flow: Flow, to_tag: str) -> Response:
        """The answer to a REGISTER that its digest proved to be the device's. All of its contacts
        are taken, or none."""
        try:
            refusal = self._refusal(device, request) or self._apply(device, request, flow)
        except SipError as error:
            refusal = request.response(error.status)
        if refusal is not None:
            if request.to.tag is None:
                refusal.headers.set("To", f"{request.headers.get('to')};tag={to_tag}")
            return refusal
        response = request.response(200, to_tag=to_tag)
        now = self._clock.micros()
        for one in self._live(device):
            seconds = -((now - one.binding.expires) // 1_000_000)
            q = "" if one.binding.q == 1 else f";q={one.binding.q:g}"
            response.headers.add("Contact", f"<{one.binding.uri}>;expires={seconds}{q}")
        return response

    def _refusal(self, device: DeviceConfig, request: Request) -> Response | None:
        """What is wrong before anybody looks at the contacts. Raises SipError."""
        if unescape_user(request.to.uri.user) != device.username:
            return request.response(403)
        return None

    def _apply(self, device: DeviceConfig, request: Request, flow: Flow) -> Response | None:
        """Do what the contacts ask; a response says why it was not done. Raises SipError."""
        contacts = request.headers.values("contact")
        if not contacts:
            return None
        live = self._live(device)
        if "*" in contacts:
            if len(contacts) > 1 or (request.headers.get("expires") or "").strip() != "0":
                return request.response(400)
            wishes, left = [], list[_Bound]()
            touched = live
        else:
            default = _seconds(request.headers.get("expires"), MAX_SECONDS)
            wishes = [_wish(text, default) for text in contacts]
            touched = [one for one in live if any(wish.means(one.binding) for wish in wishes)]
            left = [one for one in live if one not in touched]
        if len(wishes) > MAX_CONTACTS:
            return request.response(400)
        if any(0 < wish.seconds < MIN_SECONDS for wish in wishes):
            response = request.response(423)
            response.headers.add("Min-Expires", str(MIN_SECONDS))
            return response
        call_id, cseq = request.call_id, request.cseq[0]
        if not _is_plain(call_id):
            return request.response(400)
        if any(_is_newer(one.binding, call_id, cseq) for one in touched):
            return request.response(500)
        for wish in wishes:
            left = [one for one in left if not wish.means(one.binding)]
            if wish.seconds:
                left.append(_Bound(self._binding(device, wish, call_id, cseq, flow), flow))
        if flow.reliable:
            self._over.setdefault(flow.channel, set()).add(device.id)
        self._keep(device.id, left[-MAX_CONTACTS:])
        return None

    def _binding(
        self, device: DeviceConfig, wish: _Wish, call_id: str, cseq: int, flow: Flow
    ) -> Binding:
        return Binding(
            uri=wish.uri,
            q=wish.q,
            expires=self._clock.micros() + wish.seconds * 1_000_000,
            call_id=call_id,
            cseq=cseq,
            instance=wish.instance,
            proof=_proof(device),
            local=flow.local,
            remote=flow.remote,
        )

    def _live(self, device: DeviceConfig) -> list[_Bound]:
        """The bindings that have not ended: by time, with their connection, or with the password
        that they were made with."""
        now, proof = self._clock.micros(), _proof(device)
        bound = self._bound.get(device.id, [])
        live = [
            one
            for one in bound
            if one.binding.expires > now and one.flow.alive and one.binding.proof == proof
        ]
        if len(live) != len(bound):
            self._keep(device.id, live)
        return live

    def _keep(self, device: UUID, bound: list[_Bound]) -> None:
        if bound:
            self._bound[device] = bound
        else:
            self._bound.pop(device, None)
        # a connection does not survive this process, and the phone sees it close
        self._kept.save(device, [one.binding for one in bound if not one.flow.reliable])


def _wish(text: str, default: int) -> _Wish:
    """Raises SipError for a Contact that cannot be called."""
    contact = parse_name_addr(text)
    parsed, params = contact.uri, contact.params
    callable_ = parsed.scheme == "sip" and '"' not in contact.uri_text
    if not callable_ or not _is_plain(contact.uri_text):
        raise SipError("contact that is not called")
    q = params.get("q") or "1"
    if not _Q.fullmatch(q):
        raise SipError("malformed q")
    seconds = _seconds(params.get("expires"), default)
    instance = params.get("+sip.instance") or ""
    if instance:
        instance += f";{params.get('reg-id') or ''}"
    if instance and not _is_plain(instance):
        raise SipError("malformed instance")
    return _Wish(contact.uri_text, parsed, float(q), seconds, instance)


def _called(contact: str) -> str:
    """The Request-URI that a contact is called by: header fields may not stand there (19.1.1)."""
    headers = parse_uri(contact).headers
    return contact.removesuffix(f"?{headers}") if headers else contact


def _seconds(text: str | None, default: int) -> int:
    """A lifetime; one that cannot be read counts as not given (RFC 3261 10.2.1.1)."""
    text = (text or "").strip()
    if not (text.isascii() and text.isdigit()):
        return default
    return min(int(text), MAX_SECONDS) if len(text) < 10 else MAX_SECONDS


def _is_plain(text: str) -> bool:
    """Whether it is what phones send, and can be kept."""
    return len(text) <= _MAX_TEXT and text.isascii() and text.isprintable()


def _identity(uri: SipUri) -> tuple[str, str, int | None, str | None]:
    """What makes two contacts one (RFC 3261 19.1.4), as far as phones differ in it."""
    return unquote(uri.user), uri.host.lower(), uri.port, uri.transport


def _is_newer(binding: Binding, call_id: str, cseq: int) -> bool:
    """Whether the binding comes from a later request than this one."""
    return binding.call_id == call_id and binding.cseq >= cseq


def _proof(device: DeviceConfig) -> bytes:
    """Stands for the password that a device has now."""
    return hashlib.sha256(device.ha1_sha256.encode()).digest()[:8]


def _way_back(binding: Binding, transports: Transports) -> Flow | None:
    try:
        return transports.flow_to(binding.remote, "udp", binding.local)
    except TransportError:
        return None
