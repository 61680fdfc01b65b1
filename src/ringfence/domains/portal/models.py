"""Portals of tenants, and the visits of people who asked for a code."""

from __future__ import annotations

from django.db import models

from ringfence.kernel.fields import SealedFieldNumber
from ringfence.platform_django.clock import new_id
from ringfence.platform_django.models import TenantModel
from ringfence.platform_django.sealed import SealedJSON


class Portal(models.Model):
    """Where a tenant's data subjects find its portal."""

    tenant_id = models.UUIDField(primary_key=True, editable=False)
    slug = models.CharField(max_length=63, unique=True)
    caller_id = models.CharField(max_length=16, null=True)
    officer_confirms = models.BooleanField(default=False)

    class Meta:
        db_table = "portal_portal"


class Visit(TenantModel):
    """One browser that asked for a code. What was told to find the person by stands here as an HMAC
    alone, under a secret that is not in the database."""

    browser_hash = models.BinaryField(unique=True)
    """SHA-256 of the 32 random bytes in the browser's cookie."""
    subject_hash = models.BinaryField(null=True)
    address_hash = models.BinaryField(null=True)
    wish = models.CharField(max_length=24)
    jurisdiction = models.CharField(max_length=16)
    by_call = models.BooleanField()
    person_id = models.UUIDField(null=True)
    """Whom it meant when the code was asked for; None: nobody."""
    code_hash = models.BinaryField(null=True)
    """None: no code was sent, or it was used."""
    call_id = models.UUIDField(default=new_id)
    """Of the call that tells the code."""
    contact_sealed = SealedJSON(SealedFieldNumber.PORTAL_CALL, "", person="")
    """``{"person", "code"}`` until it is sent. Never the contact: that dies with its person,
    and the key of this does not."""
    state = models.CharField(max_length=8)
    tries = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    proven_at = models.DateTimeField(null=True)
    request_id = models.UUIDField(null=True)

    class Meta:
        db_table = "portal_visit"
        indexes = [
            models.Index(fields=["tenant_id", "asked_at"], name="portal_visit_tenant"),
            models.Index(fields=["tenant_id", "subject_hash", "asked_at"], name="portal_visit_of"),
            models.Index(fields=["tenant_id", "person_id"], name="portal_visit_person"),
            models.Index(fields=["asked_at"], name="portal_visit_age"),
        ]

    @property
    def use_objects(self) -> tuple[str, ...]:
        return ()


class Notice(TenantModel):
    """One person was told that the time for a request ends, or has ended."""

    request_id = models.UUIDField(editable=False)
    urgency = models.CharField(max_length=8)
    end_at = models.DateTimeField()
    """The end that they were told of: an extension is a new one."""
    user_id = models.UUIDField(editable=False)
    told_at = models.DateTimeField()

    class Meta:
        db_table = "portal_notice"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "request_id", "urgency", "end_at", "user_id"],
                name="portal_notice_once",
            )
        ]
