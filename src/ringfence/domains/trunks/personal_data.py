"""Classification of every stored field of trunks."""

from ringfence.domains.privacy.api import not_personal, register
from ringfence.domains.privacy.contracts import Category, Erasure, FieldClass, Purpose
from ringfence.kernel.fields import SealedFieldNumber

TRUNK, SOURCE = "trunks.Trunk", "trunks.TrunkSource"
_TECHNICAL = "technical configuration of a carrier's or PBX's connection, a business's own"

not_personal(
    TRUNK,
    _TECHNICAL,
    "id",
    "tenant_id",
    "name",
    "username",
    "peer_host",
    "peer_port",
    "peer_transport",
    "auth_username",
    "country_code",
    "national_prefix",
    "international_prefix",
    "strip_prefix",
    "style",
    "add_prefix",
    "max_calls_per_second",
    "max_channels",
    "created_at",
)
not_personal(SOURCE, _TECHNICAL, "id", "tenant_id", "trunk", "network")


def _secret(field: str, number: SealedFieldNumber) -> FieldClass:
    return FieldClass(
        model=TRUNK,
        field=field,
        category=Category.SECRET,
        purposes=frozenset({Purpose.SERVICE}),
        retention="account",
        export=False,
        erasure=Erasure.NOT_SUBJECT,
        number=number,
    )


register(
    _secret("ha1_md5_sealed", SealedFieldNumber.TRUNK_HA1_MD5),
    _secret("ha1_sha256_sealed", SealedFieldNumber.TRUNK_HA1_SHA256),
    _secret("auth_password_sealed", SealedFieldNumber.TRUNK_PASSWORD),
)
