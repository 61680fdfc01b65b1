"""The journal as shipped from the call plane, and the call records projected from it."""

from __future__ import annotations

from typing import Any

from django.db import models

from ringfence.kernel.events import party_objects, party_place
from ringfence.kernel.fields import SealedFieldNumber
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.keys.crypto import Place
from ringfence.platform_django.sealed import SealedJSON


class NextPosition(models.Func):
    """The next value of the journal's position sequence."""

    function = "nextval"
    template = "nextval('calls_journal_position')"
    output_field = models.BigIntegerField()


class JournalParty(SealedJSON):
    """A person of an event: the same sealed value that the record of the call or leg has."""

    @property
    def numbers(self) -> frozenset[int]:
        return super().numbers | {
            int(SealedFieldNumber.LEG_PARTY),
            int(SealedFieldNumber.CALL_CAPTURED),
        }

    def place(self, row: Any) -> Place:
        place = super().place(row)
        field, of = party_place(self.role, row.kind, row.call_id, row.data)
        return Place(place.tenant, field, of, place.person, place.bucket)


class JournalEvent(models.Model):
    """One event of a call, exactly as the call plane wrote it; ``(call_id, seq)`` is unique.

    A row without tenant belongs to a call that no tenant was found for.
    """

    pk = models.CompositePrimaryKey("call_id", "seq")
    call_id = models.UUIDField()
    seq = models.IntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    tenant_id = models.UUIDField(null=True)
    data = models.JSONField()
    position = models.BigIntegerField(db_default=NextPosition())
    caller_id = models.UUIDField(null=True)
    caller_sealed = JournalParty(
        SealedFieldNumber.CALL_CALLER, "caller", row="call_id", day_of="call_id"
    )
    callee_id = models.UUIDField(null=True)
    callee_sealed = JournalParty(
        SealedFieldNumber.CALL_CALLEE, "callee", row="call_id", day_of="call_id"
    )

    class Meta:
        db_table = "calls_journal"
        indexes = [
            models.Index(fields=["position"], name="journal_position"),
            models.Index(fields=["tenant_id", "position"], name="journal_tenant_position"),
            models.Index(
                fields=["tenant_id", "caller_id"],
                name="journal_caller",
                condition=models.Q(caller_id__isnull=False),
            ),
            models.Index(
                fields=["tenant_id", "callee_id"],
                name="journal_callee",
                condition=models.Q(callee_id__isnull=False),
            ),
        ]

    @property
    def use_objects(self) -> tuple[str, ...]:
        return party_objects(self.kind, self.call_id, self.data)


class Call(models.Model):
    """A call record (CDR), keyed by the call's own id. Its sealed values are those of the call's
    events, unchanged: the call plane seals for this place."""

    id = models.UUIDField(primary_key=True, editable=False)
    tenant_id = models.UUIDField(null=True, editable=False)
    direction = models.CharField(max_length=16)
    caller_id = models.UUIDField(null=True)
    caller_sealed = SealedJSON(SealedFieldNumber.CALL_CALLER, "caller")
    callee_id = models.UUIDField(null=True)
    callee_sealed = SealedJSON(SealedFieldNumber.CALL_CALLEE, "callee")
    captured_id = models.UUIDField(null=True)
    captured_sealed = SealedJSON(SealedFieldNumber.CALL_CAPTURED, "captured")
    """What the person at the other end gave in answer to the flow: {variable: value}."""
    dialled = models.CharField(max_length=128, null=True)
    """The called number when it is the tenant's own; nobody else's number stands here."""
    country_code = models.CharField(max_length=8, null=True)
    area = models.CharField(max_length=16, null=True)
    trunk_id = models.UUIDField(null=True)
    number_id = models.UUIDField(null=True)
    flow_id = models.UUIDField(null=True)
    flow_version = models.IntegerField(null=True)
    started_at = models.DateTimeField()
    routed_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    disposition = models.CharField(max_length=16, null=True)
    end_reason = models.CharField(max_length=32, null=True)
    ended_by = models.CharField(max_length=16, null=True)
    sip_status = models.IntegerField(null=True)
    q850 = models.IntegerField(null=True)
    billed_seconds = models.IntegerField(default=0)
    duration_ms = models.BigIntegerField(null=True)
    unrecorded = models.CharField(max_length=40, null=True)
    """Code of why it was not recorded though it was to be."""

    class Meta:
        db_table = "calls_call"
        indexes = [
            models.Index(fields=["tenant_id", "id"], name="call_tenant"),
            models.Index(fields=["tenant_id", "caller_id", "id"], name="call_tenant_caller"),
            models.Index(
                fields=["tenant_id", "callee_id", "id"],
                name="call_tenant_callee",
                condition=models.Q(callee_id__isnull=False),
            ),
            models.Index(
                fields=["tenant_id", "captured_id", "id"],
                name="call_tenant_captured",
                condition=models.Q(captured_id__isnull=False),
            ),
            models.Index(fields=["tenant_id", "dialled", "id"], name="call_tenant_dialled"),
            models.Index(fields=["tenant_id", "number_id", "id"], name="call_tenant_number"),
            models.Index(
                fields=["tenant_id", "flow_id", "id"],
                name="call_tenant_flow",
                condition=models.Q(flow_id__isnull=False),
            ),
            models.Index(fields=["tenant_id", "direction", "id"], name="call_tenant_direction"),
            models.Index(fields=["tenant_id", "disposition", "id"], name="call_tenant_disposition"),
        ]

    @property
    def use_objects(self) -> tuple[str, ...]:
        return (public_id(Prefix.CALL, self.id),)


class CallLeg(models.Model):
    """One leg of a call. It refers to its call by id: both are partitioned by month."""

    id = models.UUIDField(primary_key=True, editable=False)
    tenant_id = models.UUIDField(null=True, editable=False)
    call_id = models.UUIDField()
    role = models.CharField(max_length=16)
    trunk_id = models.UUIDField(null=True)
    party_id = models.UUIDField(null=True)
    party_sealed = SealedJSON(SealedFieldNumber.LEG_PARTY, "party", day_of="call_id")
    transport = models.CharField(max_length=8, null=True)
    cipher = models.CharField(max_length=64, null=True)
    codec = models.CharField(max_length=32, null=True)
    created_at = models.DateTimeField()
    ringing_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    bridged_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    sip_status = models.IntegerField(null=True)
    q850 = models.IntegerField(null=True)
    ended_by = models.CharField(max_length=16, null=True)
    rx_packets = models.BigIntegerField(null=True)
    tx_packets = models.BigIntegerField(null=True)
    lost_packets = models.BigIntegerField(null=True)
    jitter_ms = models.FloatField(null=True)
    rtt_ms = models.FloatField(null=True)
    mos = models.FloatField(null=True)

    class Meta:
        db_table = "calls_leg"
        indexes = [
            models.Index(fields=["call_id", "id"], name="leg_call"),
            models.Index(
                fields=["tenant_id", "party_id"],
                name="leg_party",
                condition=models.Q(party_id__isnull=False),
            ),
        ]

    @property
    def use_objects(self) -> tuple[str, ...]:
        return public_id(Prefix.LEG, self.id), public_id(Prefix.CALL, self.call_id)


class CallTag(models.Model):
    """A tag of a call, for reports: one value per name. Says nothing personal."""

    pk = models.CompositePrimaryKey("call_id", "name")
    call_id = models.UUIDField()
    name = models.CharField(max_length=64)
    tenant_id = models.UUIDField(null=True)
    value = models.CharField(max_length=255)

    class Meta:
        db_table = "calls_tag"
        indexes = [
            models.Index(fields=["tenant_id", "name", "value", "call_id"], name="tag_value"),
        ]


class ProjectorState(models.Model):
    """How far a projector has read the journal."""

    name = models.CharField(max_length=40, primary_key=True)
    position = models.BigIntegerField(default=0)

    class Meta:
        db_table = "calls_projector"
