"""Two tenants with rows in every tenant table, made through the product's own interfaces."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from django.db import connections

from ringfence.domains.accounts import api as accounts
from ringfence.domains.calls.models import Call, CallLeg
from ringfence.domains.numbers import api as numbers
from ringfence.domains.numbers.contracts import NewNumber, SipDial, TrunkDial
from ringfence.domains.trunks import api as trunks
from ringfence.domains.trunks.contracts import NewTrunk
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.audit import AuditSpool
from ringfence.platform.keys.messages import UseRecord
from ringfence.platform.settings import NodeSettings, Settings
from ringfence.platform_django.audit.sealer import AuditSealer
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.tenancy import CALLPLANE, across_tenants


@dataclass(frozen=True)
class Populated:
    """One tenant and the ids of its rows."""

    tenant: UUID
    secret: str
    trunk: UUID
    number: UUID
    call: UUID
    leg: UUID
    e164: str

    def path_values(self) -> dict[str, str]:
        """A value of ours for each path parameter of the API."""
        return {
            "trunk_id": public_id(Prefix.TRUNK, self.trunk),
            "number_id": public_id(Prefix.NUMBER, self.number),
            "call_id": public_id(Prefix.CALL, self.call),
        }


def populate(name: str, index: int) -> Populated:
    """A tenant with one row, or more, in each table that has tenants' rows."""
    tenant = accounts.create_tenant(name)
    key = accounts.create_api_key(tenant.id)
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
    return Populated(tenant.id, key.secret, trunk.id, number.id, call, leg, e164)


def journal_event(call: UUID, seq: int, tenant: UUID | None, data: dict[str, object]) -> None:
    """One journal row, written as the call plane's role."""
    with connections[CALLPLANE].cursor() as cursor:
        cursor.execute(
            "INSERT INTO calls_journal (call_id, seq, at, kind, tenant_id, data) "
            "VALUES (%s, %s, %s, 'call.started', %s, %s)",
            [call, seq, clock().now(), tenant, json.dumps(data)],
        )


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
    """A call record with a leg and a journal event, as the projector leaves them."""
    at = started_at or datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    journal_event(call, 1, tenant, {"from": from_number, "to": to_number})
    with across_tenants("test population") as db:
        Call.objects.using(db).create(
            id=call,
            tenant_id=tenant,
            direction="inbound",
            from_number=from_number,
            to_number=to_number,
            number_id=number,
            started_at=at,
            disposition=disposition,
        )
        CallLeg.objects.using(db).create(
            id=leg,
            tenant_id=tenant,
            call_id=call,
            role="caller",
            from_number=from_number,
            to_number=to_number,
            created_at=at,
        )


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
