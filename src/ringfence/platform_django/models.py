"""Base models and fields, and the version of the call plane's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from ringfence.platform_django.clock import new_id

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
