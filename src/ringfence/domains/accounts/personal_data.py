"""Classification of every stored field of accounts."""

from ringfence.domains.privacy.api import not_personal, register
from ringfence.domains.privacy.contracts import Category, Erasure, FieldClass, Purpose

TENANT, KEY, SETTINGS = "accounts.Tenant", "accounts.ApiKey", "accounts.Settings"
CLIENT, TOKEN, REQUEST = "accounts.OAuthClient", "accounts.AccessToken", "accounts.RequestRecord"
_BUSINESS = "describes the business customer, not a person"

not_personal(TENANT, _BUSINESS, "id", "name", "status", "created_at", "kind", "parent_id")
not_personal(
    TENANT, _BUSINESS, "ancestors", "plan", "closed_at", "ends_at", "warned_at", "ended_at"
)
not_personal(TENANT, _BUSINESS, "requests_per_minute")
not_personal(SETTINGS, "decisions of the business customer", "tenant_id", "time_zone")
not_personal(SETTINGS, "decisions of the business customer", "staff_access", "us_staff_only")
not_personal(SETTINGS, "decisions of the business customer", "mfa_required", "retention")
not_personal(SETTINGS, "decisions of the business customer", "retention_wanted")
not_personal("accounts.Plan", "an offer of the operator", "code", "name", "created_at")
not_personal(KEY, _BUSINESS, "id", "tenant_id", "name", "scopes", "purposes")
not_personal(KEY, _BUSINESS, "created_at", "expires_at", "revoked_at", "last_used_at")
not_personal(KEY, _BUSINESS, "allowed_networks", "requests_per_minute")
not_personal(CLIENT, _BUSINESS, "id", "tenant_id", "name", "scopes", "purposes", "created_at")
not_personal(CLIENT, _BUSINESS, "allowed_networks", "requests_per_minute", "expires_at")
not_personal(CLIENT, _BUSINESS, "revoked_at", "last_used_at", "previous_until")
not_personal(TOKEN, "of a program", "id", "tenant_id", "client", "scopes", "issued_at")
not_personal(TOKEN, "of a program", "expires_at")
_ASKED = "what the software did for a credential; nothing that a client wrote"
not_personal(REQUEST, _ASKED, "id", "tenant_id", "credential_id", "kind", "method", "route")
not_personal(REQUEST, _ASKED, "objects_named", "status", "duration_ms", "error_code", "at")
register(
    FieldClass(
        model=REQUEST,
        field="network",
        category=Category.IDENTIFIER,
        purposes=frozenset({Purpose.SECURITY}),
        retention="request_log",
        export=False,
        erasure=Erasure.NOT_SUBJECT,
    )
)
for _model, _field in (
    (KEY, "secret_hash"),
    (KEY, "last4"),
    (CLIENT, "secret_hash"),
    (CLIENT, "last4"),
    (CLIENT, "previous_hash"),
    (CLIENT, "previous_last4"),
    (TOKEN, "token_hash"),
):
    register(
        FieldClass(
            model=_model,
            field=_field,
            category=Category.SECRET,
            purposes=frozenset({Purpose.SECURITY}),
            retention="account",
            export=False,
            erasure=Erasure.NOT_SUBJECT,
        )
    )
