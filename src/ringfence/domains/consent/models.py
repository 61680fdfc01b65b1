"""Wordings and evidence of consent: rows that are only ever added."""

from __future__ import annotations

from django.db import models

from ringfence.kernel.fields import CONSENTS, SealedFieldNumber
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.models import TenantModel
from ringfence.platform_django.sealed import SealedText


class Wording(TenantModel):
    """A text that people are asked by."""

    scope = models.CharField(max_length=32)
    language = models.CharField(max_length=35)
    version = models.PositiveIntegerField()
    text = models.TextField()
    hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=80)

    class Meta:
        db_table = "consent_wording"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "scope", "language", "version"], name="wording_once"
            )
        ]


class Evidence(TenantModel):
    """What a person said of one scope, chained to the tenant's piece before it."""

    seq = models.BigIntegerField()
    person_id = models.UUIDField()
    scope = models.CharField(max_length=32)
    state = models.CharField(max_length=16)
    method = models.CharField(max_length=24)
    wording_id = models.UUIDField(null=True)
    wording_hash = models.CharField(max_length=64, null=True)
    recorded_at = models.DateTimeField()
    actor = models.CharField(max_length=80)
    contact_sealed = SealedText(
        SealedFieldNumber.CONSENT_CONTACT, "subject", person="person_id", rule=CONSENTS
    )
    """The number or address that they were known by."""
    source_sealed = SealedText(
        SealedFieldNumber.CONSENT_SOURCE, "subject", person="person_id", rule=CONSENTS
    )
    contact_hash = models.CharField(max_length=64, null=True)
    """Of the sealed bytes: it stays when they go, and tells nothing of what they were."""
    source_hash = models.CharField(max_length=64, null=True)
    previous = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64)

    class Meta:
        db_table = "consent_evidence"
        indexes = [
            models.Index(fields=["tenant_id", "person_id", "seq"], name="evidence_person"),
            models.Index(fields=["tenant_id", "id"], name="evidence_tenant"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "seq"], name="evidence_seq"),
            models.UniqueConstraint(fields=["tenant_id", "previous"], name="evidence_no_fork"),
        ]

    @property
    def use_objects(self) -> tuple[str, ...]:
        return (public_id(Prefix.CONSENT, self.id),)


class Link(models.Model):
    """The place in the chain of evidence that has ended: nothing of what was said."""

    pk = models.CompositePrimaryKey("tenant_id", "seq")
    tenant_id = models.UUIDField()
    seq = models.BigIntegerField()
    previous = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64)

    class Meta:
        db_table = "consent_link"
