"""Words of the domains as words of the call plane."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal, cast

from ringfence.domains.devices.contracts import RoutingDevice
from ringfence.domains.numbers.contracts import DialTarget as PlannedTarget
from ringfence.domains.numbers.contracts import RoutePlan, TrunkDial
from ringfence.domains.recordings.contracts import RecordingPlanInfo
from ringfence.domains.trunks.contracts import RoutingTrunk
from ringfence.engine.journal.records import EventRecord, SealedParty
from ringfence.engine.ports import DeviceConfig, NumberFormat, RecordingPlan, TrunkConfig
from ringfence.engine.verbs.model import Dial, DialTarget, Program, SipTarget, TrunkTarget, straight
from ringfence.kernel import events
from ringfence.kernel.events import CallEvent, EventKind


def trunk_config(trunk: RoutingTrunk) -> TrunkConfig:
    info, number_format = trunk.info, trunk.info.format
    return TrunkConfig(
        id=info.id,
        tenant=info.tenant_id,
        name=info.name,
        sources=info.sources,
        username=info.username,
        ha1_md5=trunk.ha1_md5,
        ha1_sha256=trunk.ha1_sha256,
        peer_host=info.peer_host,
        peer_port=info.peer_port,
        peer_transport=cast(Literal["udp", "tcp"], info.peer_transport),
        auth_username=info.auth_username,
        auth_password=trunk.auth_password,
        format=NumberFormat(
            country_code=number_format.country_code,
            national_prefix=number_format.national_prefix,
            international_prefix=number_format.international_prefix,
            strip_prefix=number_format.strip_prefix,
            style=cast(Literal["e164", "no_plus", "national"], number_format.style),
            add_prefix=number_format.add_prefix,
        ),
        max_calls_per_second=info.max_calls_per_second,
        max_channels=info.max_channels,
    )


def device_config(device: RoutingDevice) -> DeviceConfig:
    return DeviceConfig(
        id=device.id,
        tenant=device.tenant_id,
        username=device.username,
        ha1_md5=device.ha1_md5,
        ha1_sha256=device.ha1_sha256,
    )


def call_event(record: EventRecord) -> CallEvent:
    """An event of the spool; its sealed values are passed on as they are."""
    kind = cast(EventKind, record.kind)  # one of a later version is kept as it is
    return CallEvent(
        record.call,
        record.seq,
        record.at,
        kind,
        record.tenant,
        record.data,
        _party(record.caller),
        _party(record.callee),
    )


def _party(party: SealedParty | None) -> events.SealedParty | None:
    return None if party is None else events.SealedParty(party.person, party.sealed)


def dial_program(plan: RoutePlan) -> Program:
    """What happens to a call to a number that dials."""
    return straight(
        Dial(
            targets=tuple(_target(target) for target in plan.dial),
            timeout_seconds=plan.dial_timeout_seconds,
            caller_id=plan.caller_id,
        )
    )


def recording_of(plan: RecordingPlanInfo | None) -> RecordingPlan | None:
    return None if plan is None else RecordingPlan(**asdict(plan))


def _target(target: PlannedTarget) -> DialTarget:
    if isinstance(target, TrunkDial):
        return TrunkTarget(target.trunk_id, target.number)
    return SipTarget(target.uri)
