"""What authenticates a business customer that asks for its call detail, the cases in which one did,
what was told, and the news of changes (47 CFR 64.2010)."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from ringfence.domains.compliance.rules.authentication import Channel, State
from ringfence.domains.compliance.rules.records import Kind
from ringfence.kernel.fields import CPNI_CONTACTS, SealedFieldNumber
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.models import TenantModel
from ringfence.platform_django.sealed import SealedText


class Account(models.Model):
    """The secrets of a tenant, and what its contract says; without a row nothing is set."""

    tenant_id = models.UUIDField(primary_key=True, editable=False)
    password_hash = models.CharField(max_length=255, default="")
    password_set_at = models.DateTimeField(null=True)
    question = models.CharField(max_length=40, default="")
    answer_hash = models.CharField(max_length=255, default="")
    answer_set_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)
    """Wrong secrets since the last right one."""
    locked_until = models.DateTimeField(null=True)
    contract_regime = models.CharField(max_length=500, default="")
    """How its contract says that its callers are authenticated; empty: it does not."""
    contract_reason = models.CharField(max_length=500, default="")
    contract_set_by = models.CharField(max_length=80, default="")
    contract_set_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "compliance_account"


class Contact(TenantModel):
    """A contact of record, or one that was."""

    kind = models.CharField(max_length=16)
    holder_id = models.UUIDField(null=True, editable=False)
    value_sealed = SealedText(
        SealedFieldNumber.CPNI_CONTACT, "holder", rule=CPNI_CONTACTS, account="tenant_id"
    )
    since = models.DateTimeField()
    with_account = models.BooleanField(default=False)
    """It came with the account."""
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "compliance_contact"
        constraints = [
            models.CheckConstraint(
                name="cpni_contact_kind", condition=models.Q(kind__in=[str(kind) for kind in Kind])
            ),
            models.UniqueConstraint(
                fields=["tenant_id", "kind"],
                name="cpni_contact_once",
                condition=models.Q(replaced_at=None),
            ),
        ]
        indexes = [models.Index(fields=["tenant_id", "holder_id"], name="cpni_contact_holder")]

    @property
    def use_objects(self) -> tuple[str, ...]:
        return (public_id(Prefix.CPNI_CONTACT, self.id),)


class Case(TenantModel):
    """Somebody asks for the tenant's call detail. Actors are named as in the audit trail."""

    channel = models.CharField(max_length=16)
    state = models.CharField(max_length=40, default=State.OPENED.value)
    opened_by = models.CharField(max_length=80)
    opened_at = models.DateTimeField()
    proved_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)
    """Wrong secrets in this case."""
    misses = models.PositiveSmallIntegerField(default=0)
    """Calls that were named and are none of the tenant's."""
    callback_by = models.CharField(max_length=80, default="")
    code_hash = models.BinaryField(null=True)
    code_by = models.CharField(max_length=80, default="")
    code_at = models.DateTimeField(null=True)
    wrong_codes = models.PositiveSmallIntegerField(default=0)
    mail_by = models.CharField(max_length=80, default="")
    mail_since = models.DateTimeField(null=True)
    mail_until = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "compliance_case"
        constraints = [
            models.CheckConstraint(
                name="cpni_case_state", condition=models.Q(state__in=[str(one) for one in State])
            ),
            models.CheckConstraint(
                name="cpni_case_channel",
                condition=models.Q(channel__in=[str(one) for one in Channel]),
            ),
        ]
        indexes = [models.Index(fields=["tenant_id", "id"], name="cpni_case_tenant")]


class Disclosure(TenantModel):
    """Call detail of these calls was told or sent in a case."""

    case_id = models.UUIDField()
    kind = models.CharField(max_length=16)
    """``told``, ``named`` or ``mailed``."""
    basis = models.CharField(max_length=40)
    """The state of the case."""
    actor = models.CharField(max_length=80)
    at = models.DateTimeField()
    calls = ArrayField(models.UUIDField())

    class Meta:
        db_table = "compliance_disclosure"
        indexes = [models.Index(fields=["case_id", "id"], name="cpni_disclosure_case")]


class Notice(TenantModel):
    """News that something of the account changed, for a contact that was there before."""

    what = models.CharField(max_length=40)
    channel = models.CharField(max_length=16)
    """``email``, ``number`` (to be told), ``address`` (to be posted), ``none``."""
    contact_id = models.UUIDField(null=True)
    actor = models.CharField(max_length=80)
    changed_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    sent_by = models.CharField(max_length=80, default="")

    class Meta:
        db_table = "compliance_notice"
        indexes = [
            models.Index(fields=["tenant_id", "id"], name="cpni_notice_tenant"),
            models.Index(
                fields=["id"],
                name="cpni_notice_waiting",
                condition=models.Q(sent_at=None),
            ),
        ]
