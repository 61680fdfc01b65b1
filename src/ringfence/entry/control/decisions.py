"""The call plane's questions, answered from the database. Blocking; called from pool threads."""

from __future__ import annotations

import threading
from uuid import UUID

from ringfence.domains.numbers.api import route
from ringfence.domains.trunks.api import routing_trunks
from ringfence.engine.ports import (
    ConfigRequest,
    ConfigSnapshot,
    Reject,
    RouteDecision,
    RouteRequest,
)
from ringfence.entry.control.translate import route_decision, trunk_config
from ringfence.platform_django.config_version import config_version

_NOT_FOUND, _FORBIDDEN = 404, 403


class Decisions:
    """Answers of call control; keeps the last configuration that it handed out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshot: ConfigSnapshot | None = None
        self._owners: dict[UUID, UUID | None] = {}

    def config(self, request: ConfigRequest) -> ConfigSnapshot | None:
        """The configuration unless the asker's is current. Raises django.db.Error."""
        version = config_version()  # read before the trunks: what follows is at least as new
        if request.known_version == version:
            return None
        with self._lock:
            snapshot = self._snapshot
        if snapshot is None or snapshot.version != version:
            snapshot = ConfigSnapshot(version, tuple(map(trunk_config, routing_trunks())))
            owners = {trunk.id: trunk.tenant for trunk in snapshot.trunks}
            with self._lock:
                self._snapshot, self._owners = snapshot, owners
        return snapshot

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
        return route_decision(plan)


def _reject(tenant: UUID | None, status: int) -> RouteDecision:
    return RouteDecision(tenant, None, (Reject(status),))
