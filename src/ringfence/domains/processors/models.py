"""The ledger of the egress gate: append-only for every serving role."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Sent(models.Model):
    """Something that left, or was refused. The row is committed before the first byte leaves; no
    value of what was sent stands in it, nor the path of a URL."""

    id = models.UUIDField(primary_key=True, editable=False)
    """The time in it is that of the row."""
    tenant_id = models.UUIDField(null=True, editable=False)
    """None: of the installation itself, such as a mail."""
    receiver = models.CharField(max_length=40)
    """A registered processor; ``tenant``: a system of the tenant's; ``own``: of the operator's."""
    template = models.CharField(max_length=40)
    purpose = models.CharField(max_length=20)
    host = models.CharField(max_length=253)
    fields = ArrayField(models.TextField())
    """Names of what was in the body."""
    size = models.BigIntegerField()
    """Of the body, in bytes."""
    digest = models.BinaryField()
    """HMAC-SHA-256 of the body under a secret of the installation: who has the body can tell, who
    has only the row cannot guess."""
    refusal = models.CharField(max_length=40, null=True)
    """The code, of what did not leave."""
    outcome = models.CharField(max_length=20, null=True)
    """What became of it; None: under way, or never known."""
    status = models.SmallIntegerField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "processors_sent"
        indexes = [models.Index(fields=["tenant_id", "id"], name="sent_tenant")]
