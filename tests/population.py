"""Two tenants with rows in every tenant table, made through the product's own interfaces."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec
import psycopg
from django.db import connections
from tests.api import ask
from tests.people import make_member, make_user

from ringfence.domains.accounts import api as accounts
from ringfence.domains.accounts.contracts import ALL_SCOPES, Wanted
from ringfence.domains.accounts.request_log import RequestLog, use_request_log
from ringfence.domains.calls.api import store_events
from ringfence.domains.calls.models import Call, CallLeg, CallTag
from ringfence.domains.compliance import api as compliance
from ringfence.domains.compliance.rules.authentication import Channel
from ringfence.domains.compliance.rules.records import Kind
from ringfence.domains.consent import api as consents
from ringfence.domains.consent.vocabulary import ConsentMethod, ConsentScope, ConsentState
from ringfence.domains.devices import api as devices
from ringfence.domains.devices.contracts import NewDevice
from ringfence.domains.flows import api as flows
from ringfence.domains.flows.contracts import NewTarget, TargetKind
from ringfence.domains.identity import api as identity
from ringfence.domains.identity.contracts import Session, UserPrincipal
from ringfence.domains.identity.sso.contracts import NewSso
from ringfence.domains.ledger import api as ledger
from ringfence.domains.ledger.contracts import DeckKind, Reference
from ringfence.domains.ledger.models import UnratedUsage
from ringfence.domains.numbers import api as numbers
from ringfence.domains.numbers.contracts import NewNumber, SipDial, TrunkDial
from ringfence.domains.policy.models import Acceptance, Notice
from ringfence.domains.portal import api as portal
from ringfence.domains.portal.contracts import Wish
from ringfence.domains.portal.models import Notice as PortalNotice
from ringfence.domains.privacy import api as privacy
from ringfence.domains.privacy.models import ErasureOrder, Hold
from ringfence.domains.privacy.rights_vocabulary import Channel as Intake
from ringfence.domains.privacy.rights_vocabulary import Jurisdiction, RightsKind
from ringfence.domains.recordings import api as recordings
from ringfence.domains.recordings.contracts import SettingsInfo as RecordingSettings
from ringfence.domains.trunks import api as trunks
from ringfence.domains.trunks.contracts import NewTrunk
from ringfence.domains.webhooks import api as webhooks
from ringfence.domains.webhooks.contracts import NewEndpoint
from ringfence.kernel.events import CallEvent, EventKind, SealedParty
from ringfence.kernel.fields import (
    CALL_RECORDS,
    IDENTIFIER,
    INSTALLATION,
    RECORDINGS,
    SealedFieldNumber,
)
from ringfence.kernel.ids import Prefix, public_id
from ringfence.kernel.money import Money
from ringfence.platform.audit import AuditSpool
from ringfence.platform.keys.client import Value
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.messages import UseRecord
from ringfence.platform.keys.names import Bucket, LeafRef
from ringfence.platform.keys.persons import Identifier
from ringfence.platform.settings import NodeSettings, Settings
from ringfence.platform_django.audit.sealer import AuditSealer
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.keys import keys
from ringfence.platform_django.sealed import day_of
from ringfence.platform_django.tenancy import CALLPLANE, across_tenants
from ringfence.platform_django.tenancy import tenant as in_tenant
from ringfence.platform_django.use import using
from ringfence.protocols.wav import Encoding, header


@dataclass(frozen=True)
class Populated:
    """One tenant and the ids of its rows."""

    tenant: UUID
    secret: str
    trunk: UUID
    number: UUID
    call: UUID
    leg: UUID
    recording: UUID
    erasure: UUID
    e164: str
    webhook: UUID
    delivery: UUID
    flow: UUID
    prompt: UUID
    target: UUID
    deck: UUID
    device: UUID
    member: UUID
    invitation: UUID
    role: UUID
    grant: UUID
    client: UUID
    """An OAuth client; its tokens are ``token``."""
    token: str
    case: UUID
    notice: UUID
    rights: UUID
    wording: UUID
    sent: UUID

    def path_values(self) -> dict[str, str]:
        """A value of ours for each path parameter of the API."""
        return {
            "trunk_id": public_id(Prefix.TRUNK, self.trunk),
            "number_id": public_id(Prefix.NUMBER, self.number),
            "call_id": public_id(Prefix.CALL, self.call),
            "recording_id": public_id(Prefix.RECORDING, self.recording),
            "erasure_id": public_id(Prefix.ERASURE, self.erasure),
            "webhook_id": public_id(Prefix.WEBHOOK, self.webhook),
            "delivery_id": public_id(Prefix.DELIVERY, self.delivery),
            "flow_id": public_id(Prefix.FLOW, self.flow),
            "version": "1",
            "prompt_id": public_id(Prefix.PROMPT, self.prompt),
            "target_id": public_id(Prefix.TARGET, self.target),
            "deck_id": public_id(Prefix.RATE_DECK, self.deck),
            "device_id": public_id(Prefix.DEVICE, self.device),
            "member_id": public_id(Prefix.MEMBER, self.member),
            "invitation_id": public_id(Prefix.INVITATION, self.invitation),
            "role_id": public_id(Prefix.ROLE, self.role),
            "grant_id": public_id(Prefix.ACCESS_GRANT, self.grant),
            "client_id": public_id(Prefix.OAUTH_CLIENT, self.client),
            "case_id": public_id(Prefix.CPNI_CASE, self.case),
            "notice_id": public_id(Prefix.CPNI_NOTICE, self.notice),
            "request_id": public_id(Prefix.RIGHTS_REQUEST, self.rights),
            "wording_id": public_id(Prefix.WORDING, self.wording),
        }


def populate(name: str, index: int) -> Populated:
    """A tenant with one row, or more, in each table that has tenants' rows."""
    tenant = accounts.create_tenant(name)
    key = accounts.create_api_key(tenant.id, scopes=ALL_SCOPES, purposes=("service", "support"))
    trunk = trunks.create_trunk(
        NewTrunk(
            name=f"{name} PBX",
            tenant_id=tenant.id,
            sources=(f"10.{index}.0.0/16",),
            username=f"pbx{index}",
            password="inbound secret",
            peer_host="pbx.example.net",
            auth_username="us",
            auth_password="outbound secret",
        )
    )
    e164 = f"+1202555010{index}"
    number = numbers.create_number(
        NewNumber(
            tenant_id=tenant.id,
            e164=e164,
            dial=(TrunkDial(trunk.id, "+12025550199"), SipDial("sip:desk@pbx.example.net")),
        )
    )
    call, leg = new_id(), new_id()
    record_call(call, leg, tenant.id, to_number=e164, number=number.id)
    record_use(tenant.id, call)
    answer = ask("post", "/live/tickets", key.secret, Idempotency_Key="first")
    assert answer.status_code == 201
    recording = new_id()
    record_recording(tenant.id, call, leg, recording)
    erasure = order_erasure(tenant.id)
    bind(tenant.id)
    return Populated(
        *(tenant.id, key.secret, trunk.id, number.id, call, leg, recording, erasure, e164),
        *listen(tenant.id),
        *draw(tenant.id),
        keep_books(tenant.id, call),
        devices.create_device(tenant.id, NewDevice(f"{name} desk", f"desk-{index}")).info.id,
        *seat(tenant.id, name),
        *connect(key.secret),
        *ask_for_calls(tenant.id, name),
        ask_for_copy(tenant.id),
        consent_to(tenant.id),
        send_out(tenant.id),
    )


def send_out(tenant: UUID) -> UUID:
    """Something left for a system of the tenant."""
    id_ = new_id()
    with connections[CALLPLANE].cursor() as cursor:
        cursor.execute(
            "SELECT ringfence_record_egress(%s, %s, %s, %s, %s, %s, %s, %s::bigint[], %s, %s, %s, "
            "ARRAY[]::uuid[], ARRAY[]::text[], ARRAY[]::smallint[])",
            [
                *([id_], [tenant], ["tenant"], ["webhook"], ["service"], ["hooks.example.net"]),
                *(["type timestamp"], [12], [b"digest"], [None], clock().now()),
            ],
        )
    return id_


def ask_for_copy(tenant: UUID) -> UUID:
    """The caller wants to see what is held of them."""
    found = portal.put_portal(tenant, f"portal-{tenant.hex}", None, officer_confirms=False)
    with in_tenant(tenant):
        told = {"urgency": "soon", "end_at": clock().now(), "told_at": clock().now()}
        PortalNotice.objects.create(tenant_id=tenant, request_id=new_id(), user_id=new_id(), **told)
    portal.ask_code(found, "ann@example.com", Wish.STATUS, Jurisdiction.EU, "192.0.2.1")
    caller = Identifier("e164", "+14155550100")
    law = (RightsKind.ACCESS, Jurisdiction.US_CA, Intake.NOTE)
    return privacy.request_rights(tenant, caller, *law, actor="test").id


def consent_to(tenant: UUID) -> UUID:
    """The caller agrees to something, by a wording."""
    text = "Send me news by text message."
    wording = consents.create_wording(
        tenant, ConsentScope.MESSAGING_MARKETING, "en", text, actor="test"
    ).id
    consents.record(
        tenant,
        Identifier("e164", "+14155550100"),
        ConsentScope.MESSAGING_MARKETING,
        ConsentState.GRANTED,
        method=ConsentMethod.WEB_FORM,
        source="https://example.com/news",
        wording_id=wording,
        actor="test",
    )
    return wording


def leave_link(owner: str, *tenants: UUID) -> None:
    """As of evidence that ended years ago: no serving role may write such a row."""
    with psycopg.connect(owner) as connection:
        for tenant in tenants:
            connection.execute("INSERT INTO consent_link VALUES (%s, 0, '', 'd')", [tenant])


def connect(secret: str) -> tuple[UUID, str]:
    """An OAuth client with a token, and a request in the log."""
    grantor = accounts.authenticate_api_key(secret)
    made = accounts.create_client(grantor, "CRM", Wanted(("calls:read",), ("service",)))
    public = public_id(Prefix.OAUTH_CLIENT, made.info.id)
    client = accounts.find_client(public, made.secret).principal
    token = accounts.issue_token(client, client.scopes).token
    with use_request_log(RequestLog()) as log:
        assert ask("get", f"/clients/{public}", secret).status_code == 200
        assert log.flush() == 1
    return made.info.id, token


def bind(tenant_id: UUID) -> None:
    """A version of the policy was accepted, and somebody was told of it."""
    rows = {"tenant_id": tenant_id, "number": 2}
    with in_tenant(tenant_id):
        Acceptance.objects.create(**rows, digest="d", accepted_at=clock().now(), actor="test")
        Notice.objects.create(**rows, user_id=new_id(), told_at=clock().now())


def ask_for_calls(tenant: UUID, name: str) -> tuple[UUID, UUID]:
    """A case in which the calls were told, and news of a change of address."""
    with using("service", "test"):
        for street in ("Elm", "Oak"):
            address = {Kind.ADDRESS: f"12 {street} Street, Springfield"}
            compliance.change_contacts(tenant, address, "test")
    clerk = make_user(f"clerk-of-{name.lower()}@operator.example")
    make_member(clerk, None, "operator-support", work_location="US")
    staff = identity.principal_of(Session(clerk.id, mfa=True, authenticated_at=None), None)
    case = compliance.open_case(staff, tenant, Channel.IN_STORE)
    compliance.show_photo_id(staff, case.id)
    compliance.tell_calls(staff, case.id)
    return case.id, compliance.list_notices(tenant).notices[0].id


def seat(tenant: UUID, name: str) -> tuple[UUID, UUID, UUID, UUID]:
    """An owner, somebody whom the owner invited, a role, and staff who asked to be let in."""
    accounts.change_settings(tenant, staff_access="approve")
    owner = make_user(f"owner@{name.lower()}.example")
    member = make_member(owner, tenant, "owner")
    giver = identity.principal_of(Session(owner.id, mfa=True, authenticated_at=None), tenant)
    invited = identity.invite_member(giver, f"new@{name.lower()}.example", "agent")
    role = identity.create_role(giver, "Listeners", ("calls:read",), ("service",), False)
    helper = make_user(f"staff-of-{name.lower()}@operator.example")
    make_member(helper, None, "operator-support", work_location="US")
    staff = identity.principal_of(Session(helper.id, mfa=True, authenticated_at=None), None)
    asked = identity.request_access(staff, tenant, "the customer asked for help", 60)
    assert role.id is not None
    trust_provider(giver, tenant, name.lower())
    return member.id, invited.info.id, role.id, asked.id


def trust_provider(giver: UserPrincipal, tenant: UUID, name: str) -> None:
    """The tenant's identity provider, and a domain whose people it brings."""
    identity.put_sso(
        giver,
        NewSso(
            slug=name,
            issuer=f"https://id.{name}.example",
            client_id="ringfence",
            client_secret="secret of the client",
            role="agent",
            role_id=None,
            domains=(f"{name}.example",),
            trusts_mfa=False,
            enabled=True,
        ),
    )
    identity.confirm_domain(tenant, f"{name}.example", verified=True, actor="test")


def draw(tenant: UUID) -> tuple[UUID, UUID, UUID]:
    """A published flow, which plays a prompt and dials a target."""
    prompt = flows.upload_prompt(tenant, "Welcome", header(Encoding.PCM16, 160) + bytes(160)).id
    sip = NewTarget("Desk", TargetKind.SIP, uri="sip:desk@pbx.example.net")
    target = flows.create_target(tenant, sip).id
    nodes = {
        "welcome": {
            "type": "play",
            "prompt": public_id(Prefix.PROMPT, prompt),
            "next": {"": "ring"},
        },
        "ring": {"type": "dial", "targets": [{"target": public_id(Prefix.TARGET, target)}]},
    }
    flow = flows.create_flow(tenant, "Main", {"start": "welcome", "nodes": nodes}).id
    flows.publish(tenant, flow)
    return flow, prompt, target


def listen(tenant: UUID) -> tuple[UUID, UUID]:
    """A webhook, to where no message gets, and a delivery to it."""
    new = NewEndpoint("https://hooks.invalid/ringfence", ("wallet.low",))
    endpoint = webhooks.create_endpoint(tenant, new).info.id
    return endpoint, webhooks.send_test(tenant, endpoint).id


def keep_books(tenant: UUID, call: UUID) -> UUID:
    """A price list, a paid wallet, and a call that was charged to it; the price list's id."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    deck = ledger.create_deck(
        tenant,
        "Retail",
        "prefix,price_per_minute,connection_fee,minimum_seconds,first_seconds,next_seconds,"
        f"effective_from,effective_to\n1,0.012,0,0,60,60,{at.isoformat()},\n",
        kind=DeckKind.SELL,
        currency="USD",
    )
    rated = ledger.rate_number(tenant, deck.id, "+12025550199", 61, at)
    assert rated is not None
    ledger.top_up(
        tenant, Money(5_000_000), idempotency_key="pay-1", reference=Reference("payment", "pi_1")
    )
    ledger.charge(
        tenant,
        rated.amount,
        idempotency_key=f"call:{call.hex}",
        reference=Reference("call", public_id(Prefix.CALL, call)),
        explanation=replace(rated.explanation, call=call),
    )
    with across_tenants("test population") as db:
        UnratedUsage.objects.using(db).create(
            tenant_id=tenant, leg_id=new_id(), call_id=call, kind="sell", direction="outbound",
            reason="no_rate", attempts=1, first_seen_at=at, last_seen_at=at, state="open",
        )  # fmt: skip
    ledger.checkpoint(lines=1)
    return deck.id


def journal_event(
    call: UUID,
    seq: int,
    tenant: UUID | None,
    data: dict[str, object],
    *,
    caller: SealedParty | None = None,
) -> None:
    """One journal row, written as the call plane's role."""
    with connections[CALLPLANE].cursor() as cursor:
        cursor.execute(
            "INSERT INTO calls_journal "
            "(call_id, seq, at, kind, tenant_id, data, caller_id, caller_sealed) "
            "VALUES (%s, %s, %s, 'call.started', %s, %s, %s, %s)",
            [call, seq, clock().now(), tenant, json.dumps(data),
             *((caller.person, caller.sealed) if caller is not None else (None, None))],
        )  # fmt: skip


def seal_parties(
    tenant: UUID | None, call: UUID, places: Sequence[tuple[SealedFieldNumber, UUID, str]]
) -> list[SealedParty]:
    """What the call plane seals for (field, row, number), each number a person of the tenant."""
    owner = tenant or INSTALLATION
    bucket = Bucket(IDENTIFIER, CALL_RECORDS, day=day_of(call))
    identifiers = [Identifier("e164", number) for _, _, number in places]
    persons = [one.person for one in keys().resolve(owner, identifiers, seal=(bucket,))]
    values = [
        Value(
            LeafRef(bucket, person),
            Place(owner, field, row, person, bucket),
            msgspec.json.encode({"number": number}),
        )
        for person, (field, row, number) in zip(persons, places, strict=True)
    ]
    sealed = keys().seal(owner, values, actor="test")
    return [SealedParty(*pair) for pair in zip(persons, sealed, strict=True)]


def record_call(
    call: UUID,
    leg: UUID,
    tenant: UUID | None,
    *,
    from_number: str = "+14155550100",
    to_number: str = "+12025550100",
    number: UUID | None = None,
    started_at: datetime | None = None,
    disposition: str = "answered",
) -> None:
    """A call record with a leg and a journal event, as the projector leaves them.

    ``to_number`` is the tenant's own when ``number`` is given, and somebody else's without.
    """
    at = started_at or datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    field = SealedFieldNumber
    caller, callee, party, captured = seal_parties(
        tenant,
        call,
        (
            (field.CALL_CALLER, call, from_number),
            (field.CALL_CALLEE, call, to_number),
            (field.LEG_PARTY, leg, from_number),
            (field.CALL_CAPTURED, call, from_number),
        ),
    )
    own = number is not None
    data: dict[str, object] = {"to": to_number} if own else {}
    journal_event(call, 1, tenant, data, caller=caller)
    with across_tenants("test population") as db:
        Call.objects.using(db).create(
            id=call,
            tenant_id=tenant,
            direction="inbound",
            caller_id=caller.person,
            caller_sealed=caller.sealed,
            callee_id=None if own else callee.person,
            callee_sealed=None if own else callee.sealed,
            captured_id=captured.person,
            captured_sealed=captured.sealed,
            dialled=to_number if own else None,
            number_id=number,
            started_at=at,
            disposition=disposition,
        )
        CallTag.objects.using(db).create(call_id=call, name="team", tenant_id=tenant, value="sales")
        CallLeg.objects.using(db).create(
            id=leg,
            tenant_id=tenant,
            call_id=call,
            role="caller",
            party_id=party.person,
            party_sealed=party.sealed,
            created_at=at,
        )


def record_recording(tenant: UUID, call: UUID, leg: UUID, recording: UUID) -> None:
    """A recording of a call that goes on, as the projector leaves it, and the tenant's settings."""
    recordings.change_settings(tenant, RecordingSettings(enabled=True))
    data = {
        "recording": recording.hex,
        "basis": "all_party:CA",
        "rule": RECORDINGS,
        "day": day_of(call),
        "gap": "silence",
        "customer_keys": [],
        "tracks": [
            {"track": new_id().hex, "leg": leg.hex, "role": "caller", "person": new_id().hex}
        ],
    }
    at = clock().micros()
    store_events([CallEvent(call, 100, at, EventKind.RECORDING_STARTED, tenant, data)])
    recordings.project_recordings([call])


def order_erasure(tenant: UUID) -> UUID:
    """An erasure of nobody that was carried out, and a hold that was released."""
    erasure, at = new_id(), clock().now()
    with across_tenants("test population") as db:
        ErasureOrder.objects.using(db).create(
            id=erasure, tenant_id=tenant, kind="person", reason="request", actor="test",
            destruction={"persons": [], "items": [], "buckets": []}, state="cleaned",
            ordered_at=at, destroyed_at=at, cleaned_at=at,
        )  # fmt: skip
        Hold.objects.using(db).create(
            id=new_id(), tenant_id=tenant, actor="test", placed_at=at, released_at=at
        )
    return erasure


def record_use(tenant: UUID, call: UUID) -> None:
    """A use of the call's values in the audit trail, as the sealer leaves it."""
    with tempfile.TemporaryDirectory(prefix="rf-audit-") as name:
        settings = Settings(node=NodeSettings(data_dir=Path(name)))
        spool = AuditSpool(settings, "web")
        objects = (public_id(Prefix.CALL, call),)
        spool(UseRecord(clock().micros(), "web", "key:1", tenant, "open", "support", objects, "ok"))
        spool.close()
        sealer = AuditSealer(settings)
        sealer.seal()
        sealer.close()
