"""The call plane's questions, answered from the database. Blocking; called from pool threads."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from uuid import UUID

import msgspec

from ringfence.domains.calls.contracts import CallerIdRefused, WalletEmpty
from ringfence.domains.devices.api import routing_devices
from ringfence.domains.flows.api import published_parts
from ringfence.domains.flows.contracts import FlowInvalid, FlowNotFound, FlowNotPublished
from ringfence.domains.flows.rules.addresses import is_e164
from ringfence.domains.numbers.api import route
from ringfence.domains.numbers.contracts import RoutePlan
from ringfence.domains.recordings.api import recording_plans
from ringfence.domains.trunks.api import routing_trunks
from ringfence.engine.ports import (
    ConfigRequest,
    ConfigSnapshot,
    OriginateRequest,
    ProgramRequest,
    RouteDecision,
    RouteRequest,
)
from ringfence.engine.verbs.model import (
    Dial,
    DialTarget,
    Fetch,
    Hangup,
    Program,
    Reject,
    Say,
    TrunkTarget,
    straight,
)
from ringfence.entry.control.compile import compile_flow
from ringfence.entry.control.consents import permitted, with_refusals
from ringfence.entry.control.credit import may_start
from ringfence.entry.control.emergency import is_emergency, marked, only_emergency
from ringfence.entry.control.facts import facts_of
from ringfence.entry.control.targets import first_target
from ringfence.entry.control.translate import (
    device_config,
    dial_program,
    recording_of,
    trunk_config,
)
from ringfence.platform_django.config_version import config_version
from ringfence.platform_django.use import using

_PAYMENT_REQUIRED, _FORBIDDEN, _NOT_FOUND = 402, 403, 404


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
            with using("service", "control"):
                trunks, devices = routing_trunks(), routing_devices()
            snapshot = ConfigSnapshot(
                version, tuple(map(trunk_config, trunks)), tuple(map(device_config, devices))
            )
            owners = {trunk.id: trunk.tenant for trunk in snapshot.trunks}
            with self._lock:
                self._snapshot, self._owners = snapshot, owners
        return snapshot

    def route(self, request: RouteRequest) -> RouteDecision:
        """What to do with a call. Raises django.db.Error.

        Calls from a tenant's own trunk reach that tenant's numbers only. A number whose flow cannot
        be run is not found; a wallet without credit lets no call start but an emergency's.
        """
        if request.trunk not in self._owners:
            self.config(ConfigRequest())
        if request.trunk not in self._owners:
            return _reject(None, _FORBIDDEN)
        owner = self._owners[request.trunk]
        plan = route(request.called)
        if plan is None or owner not in (None, plan.tenant_id):
            return _reject(owner, _NOT_FOUND)
        try:
            program = _program_of(plan, request.called)
        except (FlowNotFound, FlowNotPublished, FlowInvalid):
            return _reject(plan.tenant_id, _NOT_FOUND, plan.number_id)
        emergency = is_emergency(request.called, _targets(program))
        paid = _paid(plan.tenant_id, program, emergency=emergency)
        if paid is None:
            return _reject(plan.tenant_id, _PAYMENT_REQUIRED, plan.number_id)
        program, targets = paid, list(_targets(paid))
        numbers = [request.caller, request.called, *map(_number, targets)]
        plans = recording_plans(plan.tenant_id, numbers, emergency=emergency)
        plans = permitted(plan.tenant_id, plans, request.caller, (request.called, *targets))
        return RouteDecision(
            tenant=plan.tenant_id,
            number=plan.number_id,
            program=program,
            facts=facts_of(plan.tenant_id, request.call, request.caller, request.called, program),
            max_seconds=plan.max_seconds,
            recording=recording_of(plans.conversation),
            recording_later=recording_of(plans.later),
            message=recording_of(plans.message),
            emergency=emergency,
        )

    def originate(self, request: OriginateRequest) -> RouteDecision:
        """Whom a call that a tenant begins rings first, and what they get.

        Raises CallerIdRefused, TargetInvalid, WalletEmpty, FlowNotFound, FlowNotPublished,
        FlowInvalid, django.db.Error.
        """
        own = route(request.caller_id)
        if own is None or own.tenant_id != request.tenant:
            raise CallerIdRefused("calls present active numbers of the tenant only")
        first = first_target(self._current(), request.tenant, request.to)
        if request.say is not None:
            program = straight(Say(request.say, loop=2, personal=True), Hangup())
        elif request.url is None:
            program = _flow(request.tenant, request.flow, request.caller_id)
        else:
            program = straight(Fetch(request.url))
        paid = _paid(request.tenant, program, emergency=is_emergency("", (first,)))
        if paid is None:
            raise WalletEmpty("the wallet lets no call start")
        program, targets = paid, [first, *_targets(paid)]
        emergency = is_emergency("", targets)
        numbers = [request.caller_id, *map(_number, targets)]
        decision = RouteDecision(
            tenant=request.tenant,
            number=None,
            program=program,
            facts=facts_of(request.tenant, request.call, request.caller_id, request.to, program),
            emergency=emergency,
            first=first,
        )
        if request.say is not None:
            return decision  # what is said to one person is in no recording
        plans = recording_plans(request.tenant, numbers, emergency=emergency)
        plans = permitted(request.tenant, plans, request.caller_id, targets)
        return msgspec.structs.replace(
            decision,
            recording=recording_of(plans.conversation),
            recording_later=recording_of(plans.later),
            message=recording_of(plans.message),
        )

    def program(self, request: ProgramRequest) -> Program:
        """The program of a flow as it is published now; its ``To`` is the tenant's number of the
        call, where the flow presents that to its targets.

        Raises FlowNotFound, FlowNotPublished, FlowInvalid, django.db.Error.
        """
        caller, called = request.params.get("From", ""), request.params.get("To", "")
        program = _flow(request.tenant, request.flow, called)
        known = caller if is_e164(caller) else ""
        facts = facts_of(request.tenant, request.call, known, called, program)
        return with_refusals(request.tenant, msgspec.structs.replace(program, facts=facts))

    def devices(self, tenant: UUID, names: frozenset[str]) -> dict[str, UUID]:
        """Of these user names, the tenant's devices. Raises django.db.Error."""
        return {
            device.username: device.id
            for device in self._current().devices
            if device.tenant == tenant and device.username in names
        }

    def _current(self) -> ConfigSnapshot:
        snapshot = self.config(ConfigRequest())
        assert snapshot is not None  # it is only where the asker knows it
        return snapshot


def _program_of(plan: RoutePlan, called: str) -> Program:
    return (
        dial_program(plan) if plan.flow_id is None else _flow(plan.tenant_id, plan.flow_id, called)
    )


def _flow(tenant: UUID, flow: UUID | None, called: str) -> Program:
    if flow is None:
        raise FlowNotFound("no flow is named")
    return marked(compile_flow(flow, published_parts(tenant, flow), called))


def _paid(tenant: UUID, program: Program, *, emergency: bool) -> Program | None:
    """What of a program may be performed; None: nothing. A call that can reach emergency services
    asks no wallet for that; for whatever else it could do it does, or goes without."""
    helps = only_emergency(program)
    if emergency and helps == program:
        return program
    if may_start(tenant):
        return program
    return helps if emergency else None


def _targets(program: Program) -> Iterable[DialTarget]:
    """Everybody whom the program may ring."""
    for node in program.nodes.values():
        if isinstance(node.verb, Dial):
            yield from node.verb.targets


def _number(target: DialTarget) -> str:
    """E.164, or empty where it is none: nobody knows where that is."""
    return target.number if isinstance(target, TrunkTarget) else ""


def _reject(tenant: UUID | None, status: int, number: UUID | None = None) -> RouteDecision:
    return RouteDecision(tenant, number, straight(Reject(status)))
