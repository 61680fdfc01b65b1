"""Devices: phones that register with a user name and a password."""

from __future__ import annotations

from django.db import models

from ringfence.kernel.fields import SealedFieldNumber
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.clock import new_id
from ringfence.platform_django.sealed import SealedText


class Device(models.Model):
    """A desk phone or softphone of a tenant.

    What it is recognised by is sealed under the secret key of its tenant:
    H(username:realm:password) serves as well as the password.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField(editable=False)
    name = models.CharField(max_length=120)
    username = models.CharField(max_length=40, unique=True)
    ha1_md5_sealed = SealedText(SealedFieldNumber.DEVICE_HA1_MD5, "", person="", null=False)
    ha1_sha256_sealed = SealedText(SealedFieldNumber.DEVICE_HA1_SHA256, "", person="", null=False)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "devices_device"
        indexes = [models.Index(fields=["tenant_id", "id"], name="device_tenant")]

    @property
    def use_objects(self) -> tuple[str, ...]:
        return (public_id(Prefix.DEVICE, self.id),)
