"""The decision for a call, as `control` makes it with its database: CPU of both, and its time.

A number leads to a flow of 30 nodes, another straight to a target; the tenant has a wallet. After
a publication the flow's parts are read anew. The reply's way to `signalling` is not counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

import msgspec

from bench.flow import nodes
from bench.installed import Installed, cpu_seconds, installed
from bench.report import emit

_ROUNDS = 1000
_PUBLICATIONS = 200
_STRAIGHT, _BY_FLOW = "+12025550101", "+12025550102"


def main() -> None:
    with installed("control") as place:
        from django.db import connections

        try:
            _measure(place)
        finally:
            connections.close_all()


def _measure(place: Installed) -> None:
    from ringfence.domains.flows import api as flows
    from ringfence.engine.ports import RouteRequest
    from ringfence.entry.control.decisions import Decisions
    from ringfence.platform_django.clock import clock, new_id

    tenant, flow, trunk = _provision()
    decisions = Decisions()

    def route(called: str, size: int) -> None:
        request = RouteRequest(new_id(), trunk, "+14155550100", called, clock().micros())
        decision = decisions.route(request)
        assert decision.number is not None
        assert len(decision.program.nodes) == size

    def publish() -> None:
        flows.publish(tenant, flow)

    request = RouteRequest(new_id(), trunk, "+14155550100", _BY_FLOW, clock().micros())
    size = len(msgspec.msgpack.encode(decisions.route(request)))
    emit("routing", "reply of 30 nodes", size, "bytes", 1)
    _time(place, "straight dial", _ROUNDS, lambda: route(_STRAIGHT, 1))
    _time(place, "flow of 30 nodes", _ROUNDS, lambda: route(_BY_FLOW, 30))
    changed = "flow of 30 nodes, just published"
    _time(place, changed, _PUBLICATIONS, lambda: route(_BY_FLOW, 30), publish)


def _provision() -> tuple[UUID, UUID, UUID]:
    """A tenant, its flow, and the operator's trunk."""
    from ringfence.domains.accounts import api as accounts
    from ringfence.domains.flows import api as flows
    from ringfence.domains.ledger import api as ledger
    from ringfence.domains.ledger.contracts import Reference
    from ringfence.domains.numbers import api as numbers
    from ringfence.domains.numbers.contracts import NewNumber, SipDial
    from ringfence.domains.trunks import api as trunks
    from ringfence.domains.trunks.contracts import NewTrunk
    from ringfence.kernel.money import Money

    tenant = accounts.create_tenant("Bench").id
    trunk = trunks.create_trunk(NewTrunk("carrier", sources=("127.0.1.0/24",))).id
    payment = Reference("payment", "first")
    ledger.top_up(tenant, Money(5_000_000), idempotency_key="first", reference=payment)
    flow = flows.create_flow(tenant, "Main", {"start": "n0-menu", "nodes": nodes(3)}).id
    flows.publish(tenant, flow)
    straight = SipDial("sip:sales@example.com")
    numbers.create_number(NewNumber(tenant, _STRAIGHT, (straight,)))
    numbers.create_number(NewNumber(tenant, _BY_FLOW, flow_id=flow))
    return tenant, flow, trunk


def _time(
    place: Installed,
    name: str,
    rounds: int,
    work: Callable[[], None],
    before_each: Callable[[], None] | None = None,
) -> None:
    """CPU of the database is told where nothing else of it runs in between."""
    for _ in range(20):
        work()
    waits, spent, server = [], 0.0, cpu_seconds(place.postgres)
    for _ in range(rounds):
        if before_each is not None:
            before_each()
        begun, cpu = time.perf_counter(), time.thread_time()
        work()
        spent += time.thread_time() - cpu
        waits.append(time.perf_counter() - begun)
    server = cpu_seconds(place.postgres) - server
    waits.sort()
    emit("routing", f"{name}: cpu", spent / rounds * 1e3, "ms", rounds)
    if before_each is None:
        emit("routing", f"{name}: cpu of postgres", server / rounds * 1e3, "ms", rounds)
    for part in (50, 99):
        wait = waits[rounds * part // 100]
        emit("routing", f"{name}: time p{part}", wait * 1e3, "ms", rounds)


if __name__ == "__main__":
    main()
