"""What signalling gets for numbers with flows, for calls that a tenant begins, and for no money."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.keys_fixture import Keys
from tests.population import record_call
from tests.unit.control.test_call_control import DIALLED, Installation, ask

from ringfence.domains.calls.contracts import CallerIdRefused, TargetInvalid, WalletEmpty
from ringfence.domains.flows import api as flows
from ringfence.domains.flows.contracts import FlowNotFound, FlowNotPublished
from ringfence.domains.ledger import api as ledger
from ringfence.domains.ledger.contracts import Reference
from ringfence.domains.numbers import api as numbers
from ringfence.domains.numbers.contracts import NewNumber, SipDial, TrunkDial
from ringfence.domains.recordings import api as recordings
from ringfence.domains.recordings.contracts import SettingsInfo
from ringfence.engine.ports import OriginateRequest, ProgramRequest, RouteDecision
from ringfence.engine.verbs.interpreter import Interpreter
from ringfence.engine.verbs.model import (
    Branch,
    Dial,
    DialTarget,
    Facts,
    Fetch,
    Hangup,
    Program,
    Reject,
    SipTarget,
    TrunkTarget,
    straight,
)
from ringfence.entry.control import decisions as module
from ringfence.entry.control.decisions import Decisions
from ringfence.entry.control.emergency import only_emergency
from ringfence.kernel.ids import Prefix, public_id
from ringfence.kernel.money import Money
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import new_id

OF_FLOW, ABROAD = "+12025550140", "+442079460000"
CALLER = "+14155550100"


def graph(trunk: UUID, *, repeat: bool = False) -> dict[str, Any]:
    """Rings a number abroad; with ``repeat`` it first asks whether the caller is known."""
    dial = {
        "type": "dial",
        "targets": [{"number": ABROAD, "trunk": public_id(Prefix.TRUNK, trunk)}],
        "caller_id": "called",
    }
    if not repeat:
        return {"start": "ring", "nodes": {"ring": dial}}
    case = {"outcome": "known", "if": [{"repeat": {"days": 30}}]}
    branch = {"type": "branch", "cases": [case], "next": {"known": "ring", "otherwise": "end"}}
    return {"start": "ask", "nodes": {"ask": branch, "ring": dial, "end": {"type": "hangup"}}}


class Flows(Installation):
    """A number of the tenant whose calls get a flow, beside the one that dials."""

    def __init__(self) -> None:
        super().__init__()
        self.flow = flows.create_flow(self.tenant, "main", graph(self.pbx_out())).id
        flows.publish(self.tenant, self.flow)
        self.flow_number = numbers.create_number(
            NewNumber(tenant_id=self.tenant, e164=OF_FLOW, flow_id=self.flow)
        ).id

    def pbx_out(self) -> UUID:
        return self.carrier

    def publish(self, draft: dict[str, Any]) -> None:
        flows.save_draft(self.tenant, self.flow, name=None, draft=draft)
        flows.publish(self.tenant, self.flow)

    def originate(self, to: str, **more: Any) -> RouteDecision:
        values = {"caller_id": DIALLED, "flow": self.flow} | more
        return Decisions().originate(OriginateRequest(self.tenant, new_id(), to, **values))


@pytest.fixture
def made(db: DatabaseUrls) -> Flows:
    return Flows()


def test_a_number_with_a_flow_gets_its_published_version(made: Flows) -> None:
    for version in (1, 2):
        decision = made.route(made.carrier, OF_FLOW)
        assert (decision.tenant, decision.number) == (made.tenant, made.flow_number)
        assert (decision.program.flow, decision.program.version) == (made.flow, version)
        (node,) = decision.program.nodes.values()
        assert isinstance(node.verb, Dial)
        assert node.verb.targets == (TrunkTarget(made.carrier, ABROAD),)
        assert node.verb.caller_id == OF_FLOW, "the number that was called is presented"
        made.publish(graph(made.carrier))
    kept = Decisions().program(ProgramRequest(made.tenant, new_id(), made.flow))
    assert (kept.flow, kept.version) == (made.flow, 3)


def test_messages_can_be_left_whether_or_not_conversations_are_recorded(made: Flows) -> None:
    for decision in (made.route(made.carrier, OF_FLOW), made.originate(CALLER)):
        assert decision.recording is None
        assert decision.message is not None
        assert (decision.message.basis, decision.message.prompt) == ("message", None)
    assert made.originate("sip:911@example.com").message is None, "nor of an emergency call"


def test_facts_say_where_a_caller_is_from(made: Flows) -> None:
    decision = made.route(made.carrier, OF_FLOW)
    assert decision.facts == Facts(CALLER, OF_FLOW, country="US", area="415", state="CA")
    for caller, expected in (
        ("", Facts("", OF_FLOW)),
        (ABROAD, Facts(ABROAD, OF_FLOW, country="GB")),
        ("+16135550100", Facts("+16135550100", OF_FLOW, country="CA", area="613")),
        ("+18005550100", Facts("+18005550100", OF_FLOW, country="US", area="800")),
    ):
        request = ask(made.carrier, OF_FLOW)
        request = type(request)(request.call, request.trunk, caller, OF_FLOW, request.at)
        assert Decisions().route(request).facts == expected


def test_an_earlier_call_is_looked_up_only_where_a_flow_wants_to_know(
    made: Flows, keys: Keys
) -> None:
    at = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    for tenant in (made.tenant, made.other):
        record_call(new_id(), new_id(), tenant, from_number=CALLER, started_at=at)
    keys.uses.clear()
    assert made.route(made.carrier, OF_FLOW).facts.last_call_at is None
    assert [use for use in keys.uses if use.action == "find"] == []
    made.publish(graph(made.carrier, repeat=True))
    decision = made.route(made.carrier, OF_FLOW)
    assert any(isinstance(node.verb, Branch) for node in decision.program.nodes.values())
    assert decision.facts.last_call_at == 1_795_167_000_000_000
    (use,) = [use for use in keys.uses if use.action == "find"]
    assert (use.purpose, use.tenant) == ("service", made.tenant)
    stranger = ask(made.carrier, OF_FLOW)
    stranger = type(stranger)(stranger.call, made.carrier, "+13125550100", OF_FLOW, stranger.at)
    assert Decisions().route(stranger).facts.last_call_at is None
    keys.stop()
    assert made.route(made.carrier, OF_FLOW).facts.last_call_at is None, "and the call goes on"
    keys.start()


def test_a_flow_that_a_call_goes_on_with_knows_an_earlier_call_too(made: Flows) -> None:
    at = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    record_call(new_id(), new_id(), made.tenant, from_number=CALLER, started_at=at)
    made.publish(graph(made.carrier, repeat=True))
    for caller, ends in ((CALLER, Dial), ("+13125550100", Hangup), ("anonymous", Hangup)):
        params = {"From": caller, "To": OF_FLOW}
        program = Decisions().program(
            ProgramRequest(made.tenant, new_id(), made.flow, params=params)
        )
        interpreter = Interpreter(straight(Fetch("", flow=made.flow)), Facts(caller))
        interpreter.step(None, 0)
        interpreter.replace(program)
        step = interpreter.step(None, 1_795_167_000_000_000 + 1)
        assert step is not None and isinstance(step.verb, ends), caller


def test_recording_of_a_flow_thinks_of_everybody_who_may_take_part(
    made: Flows, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    recordings.change_settings(made.tenant, SettingsInfo(enabled=True))
    real = module.recording_plans

    def plan(tenant: UUID, those: list[str], *, emergency: bool) -> Any:
        asked.append(list(those))
        return real(tenant, those, emergency=emergency)

    monkeypatch.setattr(module, "recording_plans", plan)
    assert made.route(made.carrier, OF_FLOW).recording is not None
    made.originate("+13125550100")
    assert asked == [[CALLER, OF_FLOW, ABROAD], [DIALLED, "+13125550100", ABROAD]]


def test_a_flow_that_cannot_be_run_is_not_found(
    made: Flows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(tenant: UUID, flow: UUID) -> Any:
        raise FlowNotPublished("gone")

    monkeypatch.setattr(module, "published_parts", refuse)
    expected = RouteDecision(made.tenant, made.flow_number, straight(Reject(404)))
    assert made.route(made.carrier, OF_FLOW) == expected


def spend_all(made: Flows) -> None:
    paid = Reference("payment", "pi_1")
    ledger.top_up(made.tenant, Money(1), idempotency_key="pay", reference=paid)
    assert made.route(made.carrier).program != straight(Reject(402))
    ledger.charge(made.tenant, Money(1), idempotency_key="spent", reference=paid, explanation=None)


def test_an_empty_wallet_lets_no_call_start_but_an_emergencys(
    made: Flows, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert made.route(made.carrier).program != straight(Reject(402)), "no wallet, no gate"
    made_of = SipDial("sip:911@psap.example.net")
    numbers.create_number(NewNumber(tenant_id=made.tenant, e164="+12025550141", dial=(made_of,)))
    spend_all(made)
    for called, number in ((DIALLED, made.number), (OF_FLOW, made.flow_number)):
        assert made.route(made.carrier, called) == RouteDecision(
            made.tenant, number, straight(Reject(402))
        )
    with pytest.raises(WalletEmpty) as refusal:
        made.originate("+13125550100")
    assert refusal.value.code == "wallet_empty"

    def asked(*_: Any, **__: Any) -> Any:
        raise AssertionError("an emergency call asks nobody")

    for name in ("may_start", "published_parts"):
        monkeypatch.setattr(module, name, asked)
    decision = made.route(made.carrier, "+12025550141")
    assert (decision.emergency, decision.recording) == (True, None)
    assert decision.program == straight(Dial(targets=(SipTarget(made_of.uri),)))


def test_an_emergency_target_pays_for_nothing_else(made: Flows) -> None:
    """Or whoever names one calls anywhere for nothing: the first of two targets fails."""
    service, abroad = SipDial("sip:911@psap.example.net"), TrunkDial(made.carrier, ABROAD)
    numbers.create_number(
        NewNumber(tenant_id=made.tenant, e164="+12025550143", dial=(service, abroad))
    )
    whole = made.route(made.carrier, "+12025550143").program
    assert [type(target) for target in dialled(whole)] == [SipTarget, TrunkTarget]
    spend_all(made)
    for decision in (made.route(made.carrier, "+12025550143"), made.originate(service.uri)):
        assert decision.emergency
        assert {type(target) for target in dialled(decision.program)} <= {SipTarget}
    with pytest.raises(WalletEmpty):
        made.originate("+13125550100")
    assert only_emergency(straight(Fetch("https://example.com/"))) == straight(Hangup())


def dialled(program: Program) -> list[DialTarget]:
    verbs = [node.verb for node in program.nodes.values()]
    return [target for verb in verbs if isinstance(verb, Dial) for target in verb.targets]


def test_an_emergency_call_does_not_need_keys(made: Flows, keys: Keys) -> None:
    numbers.create_number(
        NewNumber(
            tenant_id=made.tenant,
            e164="+12025550142",
            dial=(SipDial("sip:933@psap.example.net"),),
        )
    )
    decisions = Decisions()
    decisions.route(ask(made.carrier))  # knows its trunks
    keys.stop()
    assert decisions.route(ask(made.carrier, "+12025550142")).emergency
    keys.start()


def test_an_originated_call_rings_its_target_first(made: Flows) -> None:
    decision = made.originate("+13125550100")
    assert (decision.tenant, decision.number) == (made.tenant, None)
    assert decision.first == TrunkTarget(made.carrier, "+13125550100"), "the pbx takes no calls"
    assert (decision.program.flow, decision.program.version) == (made.flow, 1)
    assert decision.facts.caller == DIALLED
    assert decision.facts.called == "+13125550100"
    sip = made.originate("sip:desk@192.0.2.9", flow=None, url="https://example.net/answer")
    assert sip.first == SipTarget("sip:desk@192.0.2.9")
    assert sip.program == straight(Fetch("https://example.net/answer"))


@pytest.mark.parametrize(
    "to", ["", "202", "tel:+12025550100", "http://x", "sip:", "sip:a b@c", "sip:x@" + "h" * 300,
           "DV123", "DV" + "0" * 32, 'sip:"<x>"@h']
)  # fmt: skip
def test_nobody_is_rung_at_an_odd_target(made: Flows, to: str) -> None:
    with pytest.raises(TargetInvalid) as refusal:
        made.originate(to)
    assert refusal.value.code == "target_invalid"


def test_a_number_that_no_trunk_takes_is_no_target(made: Flows, db: DatabaseUrls) -> None:

    with psycopg.connect(db.owner) as connection:
        connection.execute("UPDATE trunks_trunk SET peer_host = NULL")
    with pytest.raises(TargetInvalid):
        made.originate("+13125550100")


def test_only_active_numbers_of_the_tenant_are_presented(made: Flows) -> None:
    foreign = "+12025550150"
    numbers.create_number(
        NewNumber(tenant_id=made.other, e164=foreign, dial=(SipDial("sip:x@192.0.2.8"),))
    )
    for caller_id in (foreign, "+12025550151", "", "anonymous"):
        with pytest.raises(CallerIdRefused) as refusal:
            made.originate("+13125550100", caller_id=caller_id)
        assert refusal.value.code == "caller_id_refused"


def test_a_call_is_begun_with_a_published_flow_of_the_tenant(made: Flows) -> None:
    draft = flows.create_flow(made.tenant, "draft", graph(made.carrier)).id
    with pytest.raises(FlowNotPublished):
        made.originate("+13125550100", flow=draft)
    foreign = flows.create_flow(made.other, "theirs", graph(made.carrier)).id
    for flow in (new_id(), foreign, None):
        with pytest.raises(FlowNotFound):
            made.originate("+13125550100", flow=flow)
        with pytest.raises(FlowNotFound):
            Decisions().program(ProgramRequest(made.tenant, new_id(), flow))
