"""Base models and fields, and the version of the call plane's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from ringfence.kernel.fields import SealedFieldNumber
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.clock import new_id
from ringfence.platform_django.sealed import SealedJSON

if TYPE_CHECKING:
    _AnyField = models.Field[Any, Any]
else:
    _AnyField = models.Field  # not subscriptable at run time


class TenantModel(models.Model):
    """A row of one tenant. Its table has row-level security on ``tenant_id``."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField(editable=False)

    class Meta:
        abstract = True


class CidrField(_AnyField):
    """PostgreSQL ``cidr``; an ``ipaddress`` network in Python."""

    description = "IP network"

    def db_type(self, connection: Any) -> str:
        return "cidr"


class ConfigVersion(models.Model):
    """One row: grows whenever configuration that the call plane keeps in memory changes."""

    id = models.SmallIntegerField(primary_key=True)
    version = models.BigIntegerField()

    class Meta:
        db_table = "platform_config_version"


class IdempotentRequest(models.Model):
    """A POST that was served under an ``Idempotency-Key``, and its answer, which ``passing`` opens.
    An operator's has no tenant."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField(null=True, editable=False)
    api_key_id = models.UUIDField()
    name = models.BinaryField()
    """Stands for the key: an HMAC under a secret of the installation."""
    created_at = models.DateTimeField()
    response_sealed = SealedJSON(SealedFieldNumber.IDEMPOTENT_RESPONSE, "", person="", null=False)

    class Meta:
        db_table = "platform_idempotent_request"
        constraints = [
            models.UniqueConstraint(fields=["api_key_id", "name"], name="idempotent_request_once")
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotent_request_age")]

    @property
    def use_objects(self) -> tuple[str, ...]:
        return (public_id(Prefix.API_KEY, self.api_key_id),)


class Mail(models.Model):
    """A mail that waits to be sent, which ``passing`` opens. It is of no tenant; nobody but the
    sending job reads it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField(null=True, editable=False)
    """Always None."""
    queued_at = models.DateTimeField()
    mail_sealed = SealedJSON(SealedFieldNumber.MAIL, "", person="", null=False)

    class Meta:
        db_table = "platform_mail"
        constraints = [
            models.CheckConstraint(name="mail_of_no_tenant", condition=models.Q(tenant_id=None))
        ]

    @property
    def use_objects(self) -> tuple[str, ...]:
        return ()
