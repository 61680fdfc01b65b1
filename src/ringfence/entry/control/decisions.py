"""The call plane's questions, answered from the database. Blocking; called from pool threads."""

from __future__ import annotations

import threading
from uuid import UUID

from ringfence.domains.numbers.api import route
from ringfence.domains.numbers.contracts import RoutePlan, SipDial, TrunkDial
from ringfence.domains.recordings.api import recording_plan
from ringfence.domains.trunks.api import routing_trunks
from ringfence.domains.trunks.contracts import RoutingTrunk
from ringfence.engine.ports import ConfigRequest, ConfigSnapshot, RouteDecision, RouteRequest
from ringfence.engine.verbs.model import Reject, straight
from ringfence.entry.control.translate import route_decision, trunk_config
from ringfence.platform_django.config_version import config_version
from ringfence.platform_django.use import using
from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.uri import parse_uri, unescape_user

_NOT_FOUND, _FORBIDDEN = 404, 403
_SERVICES = ("911", "112", "933", "988")
"""Emergency, its test number, and the crisis line."""
_EMERGENCY = frozenset(prefix + number for prefix in ("", "+", "1", "+1") for number in _SERVICES)
_VISUAL = str.maketrans("", "", "-.() ")


class Decisions:
    """Answers of call control; keeps the last configuration that it handed out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshot: ConfigSnapshot | None = None
        self._owners: dict[UUID, UUID | None] = {}

    def config(self, request: ConfigRequest) -> ConfigSnapshot | None:
        """The configuration unless the asker's is current.

        Raises django.db.Error; Unavailable while `keys` is away and it has changed.
        """
        version = config_version()  # read before the trunks: what follows is at least as new
        if request.known_version == version:
            return None
        with self._lock:
            snapshot = self._snapshot
        if snapshot is None or snapshot.version != version:
            snapshot = ConfigSnapshot(version, tuple(map(trunk_config, self._trunks())))
            owners = {trunk.id: trunk.tenant for trunk in snapshot.trunks}
            with self._lock:
                self._snapshot, self._owners = snapshot, owners
        return snapshot

    def _trunks(self) -> tuple[RoutingTrunk, ...]:
        with using("service", "control"):
            return routing_trunks()

    def route(self, request: RouteRequest) -> RouteDecision:
        """What to do with a call. Raises django.db.Error.

        Calls from a tenant's own trunk reach that tenant's numbers only.
        """
        if request.trunk not in self._owners:
            self.config(ConfigRequest())
        if request.trunk not in self._owners:
            return _reject(None, _FORBIDDEN)
        owner = self._owners[request.trunk]
        plan = route(request.called)
        if plan is None or owner not in (None, plan.tenant_id):
            return _reject(owner, _NOT_FOUND)
        emergency = _is_emergency(request.called, plan)
        recording = recording_plan(plan.tenant_id, _numbers(request, plan), emergency=emergency)
        return route_decision(plan, recording, emergency=emergency)


def _numbers(request: RouteRequest, plan: RoutePlan) -> list[str]:
    """Of everybody who may take part; empty where it is none or withheld."""
    targets = [item.number if isinstance(item, TrunkDial) else "" for item in plan.dial]
    return [request.caller, request.called, *targets]


def _is_emergency(called: str, plan: RoutePlan) -> bool:
    """Whether emergency or crisis services are dialled, or are where the call goes."""
    users = [_user(item.uri) for item in plan.dial if isinstance(item, SipDial)]
    return any(_is_service(user) for user in (called, *users))


def _is_service(user: str) -> bool:
    """However it is written: ``9-1-1``, ``+1911``, with parameters, or ``sos`` (RFC 5031)."""
    name = user.partition(";")[0].translate(_VISUAL).lower()
    return name in _EMERGENCY or name == "sos"


def _user(uri: str) -> str:
    try:
        return unescape_user(parse_uri(uri).user)
    except SipError:
        return ""  # it will not be dialled


def _reject(tenant: UUID | None, status: int) -> RouteDecision:
    return RouteDecision(tenant, None, straight(Reject(status)))
