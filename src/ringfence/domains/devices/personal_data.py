"""Classification of every stored field of devices.

A device is the business customer's own equipment, but often one employee's: its name and user name
then point at that person. They stand in clear, since calls are led by them, and name nobody whom
the key store knows: they end with the device, which its owner renames or deletes. A user name that
the platform makes up says nothing. Where a device is registered from is in no row.
"""

from ringfence.domains.privacy.api import not_personal, register
from ringfence.domains.privacy.contracts import Category, Erasure, FieldClass, Purpose
from ringfence.kernel.fields import SealedFieldNumber

DEVICE = "devices.Device"

not_personal(DEVICE, "random id of a row or of the business customer", "id", "tenant_id")
not_personal(DEVICE, "whether and since when equipment is in use", "enabled", "created_at")


def _field(field: str, category: Category, number: SealedFieldNumber | None = None) -> FieldClass:
    return FieldClass(
        model=DEVICE,
        field=field,
        category=category,
        purposes=frozenset({Purpose.SERVICE}),
        retention="account",
        export=False,
        erasure=Erasure.NOT_SUBJECT,
        number=number,
    )


register(
    _field("name", Category.IDENTIFIER),
    _field("username", Category.IDENTIFIER),
    _field("ha1_md5_sealed", Category.SECRET, SealedFieldNumber.DEVICE_HA1_MD5),
    _field("ha1_sha256_sealed", Category.SECRET, SealedFieldNumber.DEVICE_HA1_SHA256),
)
