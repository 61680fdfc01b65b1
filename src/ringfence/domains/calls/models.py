"""The journal as shipped from the call plane, and the call records projected from it."""

from __future__ import annotations

from django.db import models


class NextPosition(models.Func):
    """The next value of the journal's position sequence."""

    function = "nextval"
    template = "nextval('calls_journal_position')"
    output_field = models.BigIntegerField()


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

    class Meta:
        db_table = "calls_journal"
        indexes = [
            models.Index(fields=["position"], name="journal_position"),
            models.Index(fields=["tenant_id", "position"], name="journal_tenant_position"),
        ]


class Call(models.Model):
    """A call record (CDR), keyed by the call's own id."""

    id = models.UUIDField(primary_key=True, editable=False)
    tenant_id = models.UUIDField(null=True, editable=False)
    direction = models.CharField(max_length=16)
    from_number = models.CharField(max_length=128)
    to_number = models.CharField(max_length=128)
    trunk_id = models.UUIDField(null=True)
    number_id = models.UUIDField(null=True)
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

    class Meta:
        db_table = "calls_call"
        indexes = [
            models.Index(fields=["tenant_id", "id"], name="call_tenant"),
            models.Index(fields=["tenant_id", "from_number", "id"], name="call_tenant_from"),
            models.Index(fields=["tenant_id", "to_number", "id"], name="call_tenant_to"),
            models.Index(fields=["tenant_id", "number_id", "id"], name="call_tenant_number"),
            models.Index(fields=["tenant_id", "disposition", "id"], name="call_tenant_disposition"),
        ]


class CallLeg(models.Model):
    """One leg of a call. It refers to its call by id: both are partitioned by month."""

    id = models.UUIDField(primary_key=True, editable=False)
    tenant_id = models.UUIDField(null=True, editable=False)
    call_id = models.UUIDField()
    role = models.CharField(max_length=16)
    trunk_id = models.UUIDField(null=True)
    from_number = models.CharField(max_length=128)
    to_number = models.CharField(max_length=128)
    transport = models.CharField(max_length=8, null=True)
    cipher = models.CharField(max_length=64, null=True)
    codec = models.CharField(max_length=32, null=True)
    created_at = models.DateTimeField()
    ringing_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
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
        indexes = [models.Index(fields=["call_id", "id"], name="leg_call")]


class ProjectorState(models.Model):
    """How far a projector has read the journal."""

    name = models.CharField(max_length=40, primary_key=True)
    position = models.BigIntegerField(default=0)

    class Meta:
        db_table = "calls_projector"
