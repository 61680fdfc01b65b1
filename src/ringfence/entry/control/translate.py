"""Words of the domains as words of the call plane."""

from __future__ import annotations

from typing import Literal, cast

from ringfence.domains.numbers.contracts import DialTarget as PlannedTarget
from ringfence.domains.numbers.contracts import RoutePlan, TrunkDial
from ringfence.domains.trunks.contracts import RoutingTrunk
from ringfence.engine.ports import (
    Dial,
    DialTarget,
    NumberFormat,
    RouteDecision,
    SipTarget,
    TrunkConfig,
    TrunkTarget,
)


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


def route_decision(plan: RoutePlan) -> RouteDecision:
    dial = Dial(
        targets=tuple(_target(target) for target in plan.dial),
        timeout_seconds=plan.dial_timeout_seconds,
        caller_id=plan.caller_id,
    )
    return RouteDecision(plan.tenant_id, plan.number_id, (dial,), plan.max_seconds)


def _target(target: PlannedTarget) -> DialTarget:
    if isinstance(target, TrunkDial):
        return TrunkTarget(target.trunk_id, target.number)
    return SipTarget(target.uri)
