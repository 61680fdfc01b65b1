"""Trunks and the networks that they are recognised by."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.indexes import OpClass
from django.db import models

from ringfence.kernel.fields import SealedFieldNumber
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.clock import new_id
from ringfence.platform_django.models import CidrField
from ringfence.platform_django.sealed import SealedText


class Trunk(models.Model):
    """A connection to a carrier or a PBX; the operator's when it has no tenant.

    What authenticates either side is sealed under the secret key of the tenant, or of the
    installation: H(username:realm:password) serves as well as the password.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField(null=True, editable=False)
    name = models.CharField(max_length=120)
    username = models.CharField(max_length=120, null=True, unique=True)
    ha1_md5_sealed = SealedText(SealedFieldNumber.TRUNK_HA1_MD5, "", person="")
    ha1_sha256_sealed = SealedText(SealedFieldNumber.TRUNK_HA1_SHA256, "", person="")
    peer_host = models.CharField(max_length=255, null=True)
    peer_port = models.IntegerField(default=5060)
    peer_transport = models.CharField(max_length=8, default="udp")
    auth_username = models.CharField(max_length=120, null=True)
    auth_password_sealed = SealedText(SealedFieldNumber.TRUNK_PASSWORD, "", person="")
    country_code = models.CharField(max_length=3, default="1")
    national_prefix = models.CharField(max_length=8, default="1")
    international_prefix = models.CharField(max_length=8, default="011")
    strip_prefix = models.CharField(max_length=16, default="", blank=True)
    style = models.CharField(max_length=16, default="e164")
    add_prefix = models.CharField(max_length=16, default="", blank=True)
    max_calls_per_second = models.IntegerField(null=True)
    max_channels = models.IntegerField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "trunks_trunk"
        indexes = [models.Index(fields=["tenant_id", "id"], name="trunk_tenant")]

    @property
    def use_objects(self) -> tuple[str, ...]:
        return (public_id(Prefix.TRUNK, self.id),)


class TrunkSource(models.Model):
    """One network of a trunk. No two networks of an installation overlap."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField(null=True, editable=False)
    trunk = models.ForeignKey(Trunk, on_delete=models.CASCADE, related_name="sources")
    network = CidrField()

    class Meta:
        db_table = "trunks_source"
        constraints = [
            ExclusionConstraint(
                name="trunk_sources_disjoint",
                expressions=[(OpClass(models.F("network"), name="inet_ops"), "&&")],
            )
        ]
