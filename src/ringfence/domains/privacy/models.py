"""Destructions that were ordered, and legal holds; persons are named by random ids alone."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from ringfence.domains.privacy.contracts import ErasureState
from ringfence.domains.privacy.rights_vocabulary import RightsState
from ringfence.kernel.fields import CONSENTS, SealedFieldNumber
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.clock import new_id
from ringfence.platform_django.models import TenantModel
from ringfence.platform_django.sealed import SealedJSON, SealedText


class ErasureOrder(TenantModel):
    """One destruction and how far it is; what it names are random ids and days."""

    kind = models.CharField(max_length=16)
    reason = models.CharField(max_length=16)
    actor = models.CharField(max_length=80)
    destruction = models.JSONField()
    """platform.keys.erasure.Destruction."""
    state = models.CharField(max_length=16, default=ErasureState.ORDERED)
    ordered_at = models.DateTimeField()
    destroyed_at = models.DateTimeField(null=True)
    cleaned_at = models.DateTimeField(null=True)
    rows_cleared = models.BigIntegerField(default=0)
    escrowed = models.IntegerField(default=0)
    category = models.CharField(max_length=24, null=True)
    rule = models.CharField(max_length=24, null=True)
    day = models.IntegerField(null=True)
    """With category and rule: the day that expired."""
    certificate = models.JSONField(null=True)
    """Once it is cleaned: rules.certificate, signed; empty when that was before there were any.
    What is swept later is not in it."""

    class Meta:
        db_table = "privacy_erasure"
        indexes = [
            models.Index(fields=["tenant_id", "id"], name="erasure_tenant"),
            models.Index(fields=["ordered_at"], name="erasure_ordered"),
            models.Index(
                fields=["id"], name="erasure_unfinished", condition=~Q(state=ErasureState.CLEANED)
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["category", "rule", "day", "tenant_id"], name="erasure_day_once"
            )
        ]


class RightsRequest(TenantModel):
    """What a person asked of the tenant, and how it was answered; the person is a random id."""

    kind = models.CharField(max_length=24)
    person_id = models.UUIDField(null=True)
    """None: nobody was meant by what was told when it came in, and nothing is held of them."""
    jurisdiction = models.CharField(max_length=16)
    channel = models.CharField(max_length=16)
    state = models.CharField(max_length=16, default=RightsState.RECEIVED)
    received_at = models.DateTimeField()
    acknowledge_by = models.DateTimeField()
    due_at = models.DateTimeField()
    extended_until = models.DateTimeField(null=True)
    extension_reason = models.CharField(max_length=24, null=True)
    verified_at = models.DateTimeField(null=True)
    verified_by = models.CharField(max_length=80, null=True)
    method = models.CharField(max_length=24, null=True)
    refusal = models.CharField(max_length=24, null=True)
    decided_by = models.CharField(max_length=80, null=True)
    """Who refused it, or decided an appeal or a correction."""
    authority = models.CharField(max_length=24, null=True)
    """By what right somebody else asks for the person; None: nobody does."""
    authority_hash = models.CharField(max_length=64, null=True)
    authority_expires_at = models.DateTimeField(null=True)
    authority_sealed = SealedJSON(
        SealedFieldNumber.RIGHTS_AUTHORITY, "requester", person="person_id", rule=CONSENTS
    )
    """``{"agent", "reference"}``."""
    confirmed_at = models.DateTimeField(null=True)
    """When the person said that it is so."""
    statement_sealed = SealedText(
        SealedFieldNumber.RIGHTS_STATEMENT, "requester", person="person_id", rule=CONSENTS
    )
    """Of a correction: what is wrong, and what is right."""
    statement_use = models.CharField(max_length=16, null=True)
    appeal_of = models.UUIDField(null=True)
    """Of an appeal: the request that was refused."""
    follows_appeal = models.UUIDField(null=True)
    """Of what an appeal brought back: the appeal."""
    lifted_at = models.DateTimeField(null=True)
    """Of a report of a child: when a parent showed that it is none. What they said is in
    ``authority_sealed``, who took it in ``decided_by``."""
    lifted_hash = models.CharField(max_length=64, null=True)
    """SHA-256 of the document that they showed; None: they told what is noted."""
    completed_at = models.DateTimeField(null=True)
    erasure_id = models.UUIDField(null=True)
    """Of a deletion or a child: the erasure that carries it out."""
    evidence_id = models.UUIDField(null=True)
    """Of an opt-out: the piece of consent evidence that says so."""
    package_id = models.UUIDField(default=new_id)
    """The item whose key seals the package; it has one from when the package is made."""
    package_day = models.IntegerField(null=True)
    """Day of the bucket that the package is sealed in."""
    package_bytes = models.BigIntegerField(null=True)
    """Of a package that is there: its length in clear."""
    receipt = models.JSONField(null=True)
    """Once it is done: rules.receipt, signed."""

    class Meta:
        db_table = "privacy_rights_request"
        indexes = [
            models.Index(fields=["tenant_id", "id"], name="rights_tenant"),
            models.Index(fields=["tenant_id", "person_id"], name="rights_person"),
            models.Index(fields=["package_id"], name="rights_package"),
            models.Index(
                fields=["package_day"],
                name="rights_package_day",
                condition=Q(package_day__isnull=False),
            ),
            models.Index(
                fields=["id"],
                name="rights_unfinished",
                condition=~Q(state__in=[RightsState.DONE, RightsState.REFUSED]),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["appeal_of"], name="rights_appeal_once"),
            models.UniqueConstraint(fields=["follows_appeal"], name="rights_follows_once"),
        ]

    @property
    def use_objects(self) -> tuple[str, ...]:
        return (public_id(Prefix.RIGHTS_REQUEST, self.id),)


class Hold(TenantModel):
    """A legal hold: while it lasts, what it covers is neither destroyed nor cleared."""

    actor = models.CharField(max_length=80)
    placed_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True)
    persons = models.JSONField(default=list)
    """``[person, first day, last day]`` of rows."""
    items = models.JSONField(default=list)
    leaves = models.IntegerField(default=0)

    class Meta:
        db_table = "privacy_hold"
        indexes = [models.Index(fields=["tenant_id", "id"], name="hold_tenant")]
