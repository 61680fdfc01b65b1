"""Classification of every stored field of accounts."""

from ringfence.domains.privacy.api import not_personal, register
from ringfence.domains.privacy.contracts import Category, Erasure, FieldClass, Purpose

TENANT, KEY, SETTINGS = "accounts.Tenant", "accounts.ApiKey", "accounts.Settings"
_BUSINESS = "describes the business customer, not a person"

not_personal(TENANT, _BUSINESS, "id", "name", "status", "created_at", "kind", "parent_id")
not_personal(TENANT, _BUSINESS, "ancestors", "plan", "closed_at", "ends_at")
not_personal(SETTINGS, "decisions of the business customer", "tenant_id", "time_zone")
not_personal(SETTINGS, "decisions of the business customer", "staff_access", "us_staff_only")
not_personal(SETTINGS, "decisions of the business customer", "mfa_required")
not_personal("accounts.Plan", "an offer of the operator", "code", "name", "created_at")
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
