"""Records of use, the batches that chain them, and how far each spool was read.

No personal value stands in any of them. What belongs to the installation and to no tenant has the
nil UUID in ``tenant_id``, which no tenant has, so that no tenant sees it.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models


class Use(models.Model):
    """One use of keys; append-only. The time in ``id`` is that of the use.

    ``record`` is what counts: the bytes as the process wrote them, over which the chain runs. The
    other columns show it for queries; ``ringfence audit verify`` compares them.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    tenant_id = models.UUIDField(editable=False)
    at = models.DateTimeField()
    credential = models.TextField()
    actor = models.TextField()
    action = models.TextField()
    purpose = models.TextField()
    object_ids = ArrayField(models.TextField())
    outcome = models.TextField()
    batch_seq = models.BigIntegerField()
    batch_index = models.IntegerField()
    record = models.BinaryField()

    class Meta:
        db_table = "audit_use"
        indexes = [
            models.Index(fields=["tenant_id", "id"], name="audit_use_tenant"),
            GinIndex(fields=["object_ids"], name="audit_use_objects", fastupdate=False),
        ]


class Batch(models.Model):
    """What one tenant's uses of one round came to; ``head`` continues the one before."""

    pk = models.CompositePrimaryKey("tenant_id", "seq")
    tenant_id = models.UUIDField(editable=False)
    seq = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    count = models.IntegerField()
    digest = models.BinaryField()
    previous_head = models.BinaryField()
    head = models.BinaryField()

    class Meta:
        db_table = "audit_batch"


class SpoolPosition(models.Model):
    """How far the spool of one process instance is sealed: segment << 32 | offset."""

    name = models.TextField(primary_key=True)
    node = models.TextField()
    position = models.BigIntegerField()

    class Meta:
        db_table = "audit_spool"
