"""Whom a call that a tenant begins rings first."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.calls.contracts import TargetInvalid
from ringfence.engine.ports import ConfigSnapshot
from ringfence.engine.signalling.numbers import is_e164
from ringfence.engine.verbs.model import DeviceTarget, DialTarget, SipTarget, TrunkTarget
from ringfence.kernel.ids import InvalidId, Prefix, parse_public_id
from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.uri import parse_uri

_MAX_URI = 255


def first_target(snapshot: ConfigSnapshot, tenant: UUID, to: str) -> DialTarget:
    """The target that an E.164 number, a SIP URI or the public id of a device means.

    A number goes out by the tenant's oldest trunk that takes calls, else by the operator's. Raises
    TargetInvalid.
    """
    if is_e164(to):
        return TrunkTarget(_way_out(snapshot, tenant), to)
    if to.startswith(Prefix.DEVICE):
        return _device(snapshot, tenant, to)
    if not _is_sip(to):
        raise TargetInvalid("a target is a number in E.164, a SIP URI, or the id of a device")
    return SipTarget(to)


def _way_out(snapshot: ConfigSnapshot, tenant: UUID) -> UUID:
    for owner in (tenant, None):
        found = [
            trunk.id
            for trunk in snapshot.trunks
            if trunk.tenant == owner and trunk.peer_host is not None
        ]
        if found:
            return min(found)
    raise TargetInvalid("no trunk takes calls to numbers")


def _device(snapshot: ConfigSnapshot, tenant: UUID, to: str) -> DeviceTarget:
    try:
        wanted = parse_public_id(Prefix.DEVICE, to)
    except InvalidId as error:
        raise TargetInvalid(error.message) from None
    for device in snapshot.devices:
        if (device.id, device.tenant) == (wanted, tenant):
            return DeviceTarget(device.id, device.username)
    raise TargetInvalid("no such device")


def _is_sip(text: str) -> bool:
    if (
        len(text) > _MAX_URI
        or not text.isascii()
        or not text.isprintable()
        or set(text) & set('<>"')
    ):
        return False
    try:
        uri = parse_uri(text)
    except SipError:
        return False
    return uri.scheme != "tel" and bool(uri.host)
