"""Simulating a flow of an installation: what calls get, and earlier versions."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from tests.unit.flows.examples import flow

from ringfence.domains.accounts import api as accounts
from ringfence.domains.flows import api
from ringfence.domains.flows.contracts import FlowNotFound, NewTarget, TargetKind
from ringfence.entry.flows import flow_command
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls


@pytest.fixture
def acme(db: DatabaseUrls) -> UUID:
    return accounts.create_tenant("Acme").id


def simulated(tenant: UUID, flow_id: UUID, *options: str) -> list[tuple[Any, ...]]:
    arguments = [public_id(Prefix.FLOW, flow_id), "--tenant", public_id(Prefix.TENANT, tenant)]
    told = ["simulate", *arguments, *options, "--json"]
    result = CliRunner().invoke(flow_command, told, catch_exceptions=False)
    events = json.loads(result.output)["events"]
    return [(event["flow"], event["node"], event["what"], event["why"]) for event in events]


def test_versions_of_a_flow(acme: UUID) -> None:
    desk = NewTarget("Desk", TargetKind.SIP, uri="sip:desk@pbx.example.net")
    target = public_id(Prefix.TARGET, api.create_target(acme, desk).id)
    hello = flow("h", h={"type": "say", "text": "Hello"})
    inner = api.create_flow(acme, "Inner", hello).id
    api.publish(acme, inner)
    first = flow(
        "in",
        **{"in": {"type": "flow", "flow": public_id(Prefix.FLOW, inner), "next": {"": "desk"}}},
        desk={"type": "dial", "targets": [{"target": target}]},
    )
    outer = api.create_flow(acme, "Outer", first).id
    api.publish(acme, outer)
    api.save_draft(acme, outer, name=None, draft=flow("b", b={"type": "say", "text": "Bye"}))
    api.publish(acme, outer)

    named = public_id(Prefix.FLOW, outer)
    assert simulated(acme, outer) == [(named, "b", '"Bye"', "")]
    assert simulated(acme, outer, "--version", "1", "--answer", "Desk=busy") == [
        (public_id(Prefix.FLOW, inner), "h", '"Hello"', ""),
        (named, "desk", "dials Desk, showing the caller's number", "Desk: busy"),
    ]
    other = accounts.create_tenant("Other").id
    with pytest.raises(FlowNotFound):
        simulated(other, outer)
