"""Classification of every stored field of accounts."""

from ringfence.domains.privacy.api import not_personal, register
from ringfence.domains.privacy.contracts import Category, Erasure, FieldClass, Purpose

TENANT, KEY = "accounts.Tenant", "accounts.ApiKey"
_BUSINESS = "describes the business customer, not a person"

not_personal(TENANT, _BUSINESS, "id", "name", "status", "created_at")
not_personal(KEY, _BUSINESS, "id", "tenant_id", "name", "scopes", "purposes")
not_personal(KEY, _BUSINESS, "created_at", "expires_at", "revoked_at", "last_used_at")
for _field in ("secret_hash", "last4"):
    register(
        FieldClass(
            model=KEY,
            field=_field,
            category=Category.SECRET,
            purposes=frozenset({Purpose.SECURITY}),
            retention="account",
            export=False,
            erasure=Erasure.NOT_SUBJECT,
        )
    )
