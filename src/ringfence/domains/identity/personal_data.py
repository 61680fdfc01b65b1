"""Classification of every stored field of identity, and of the libraries that sign people in."""

from ringfence.domains.privacy.api import not_personal, register
from ringfence.domains.privacy.contracts import Category, Erasure, FieldClass, PersonId, Purpose
from ringfence.kernel.fields import CONSOLE_USERS, INVITATIONS, SealedFieldNumber

USER, ROLE, MEMBER, INVITATION, GRANT = (
    "identity.User",
    "identity.Role",
    "identity.Membership",
    "identity.Invitation",
    "identity.AccessGrant",
)
SSO, DOMAIN = "identity.SsoConnection", "identity.SsoDomain"
DEVICE, AGE = "identity.KnownDevice", "identity.AgeAttestation"
_USES = frozenset({Purpose.SERVICE, Purpose.SUPPORT, Purpose.SECURITY})
_RANDOM = "random id of a row, a person or a business customer"
_COURSE = "time or outcome of a decision, naming random ids alone"


def _sealed(model: str, field: str, role: str, number: SealedFieldNumber, rule: str) -> FieldClass:
    return FieldClass(
        model=model,
        field=field,
        category=Category.IDENTIFIER,
        purposes=_USES,
        retention=rule,
        export=True,
        erasure=Erasure.DELETE_VALUE,
        role=role,
        number=number,
    )


def _of_account(model: str, field: str, category: Category, *, export: bool = True) -> FieldClass:
    """Stands in clear while the account does: the published exception of console log-ins."""
    return FieldClass(
        model=model,
        field=field,
        category=category,
        purposes=_USES,
        retention="account",
        export=export,
        erasure=Erasure.NOT_SUBJECT,
    )


not_personal(USER, _RANDOM, "id", "tenant_id")
not_personal(USER, "state of an account", "is_active", "created_at")
register(
    PersonId(USER, "person_id", "person"),
    _sealed(USER, "name_sealed", "person", SealedFieldNumber.USER_NAME, CONSOLE_USERS),
    _sealed(USER, "company_sealed", "person", SealedFieldNumber.USER_COMPANY, CONSOLE_USERS),
    _of_account(USER, "email", Category.IDENTIFIER),
    _of_account(USER, "last_login", Category.TRAFFIC),
    _of_account(USER, "password", Category.SECRET, export=False),
)
not_personal(DEVICE, _RANDOM, "id", "tenant_id", "user")
register(
    _of_account(DEVICE, "token_hash", Category.SECRET, export=False),
    _of_account(DEVICE, "created_at", Category.TRAFFIC),
    _of_account(DEVICE, "last_used_at", Category.TRAFFIC),
)
not_personal(AGE, _RANDOM, "id", "tenant_id", "user")
not_personal(AGE, "what everybody says who signs in", "age", "wording_version", "wording_hash")
register(_of_account(AGE, "attested_at", Category.TRAFFIC))
not_personal(ROLE, "what a business customer calls a set of permissions", "id", "tenant_id", "name")
not_personal(ROLE, "what a role may do", "permissions", "purposes", "mfa_required", "created_at")
not_personal(MEMBER, _RANDOM, "id", "tenant_id", "user_id", "custom_role")
not_personal(MEMBER, "what an account may do", "role", "created_at")
register(_of_account(MEMBER, "work_location", Category.IDENTIFIER))
not_personal(INVITATION, _RANDOM, "id", "tenant_id", "custom_role", "invited_by")
not_personal(INVITATION, "what an account will be able to do", "role", "work_location")
not_personal(INVITATION, _COURSE, "created_at", "expires_at", "accepted_at", "revoked_at")
register(
    PersonId(INVITATION, "invitee_id", "invitee"),
    _sealed(INVITATION, "email_sealed", "invitee", SealedFieldNumber.INVITATION_EMAIL, INVITATIONS),
    _of_account(INVITATION, "token_hash", Category.SECRET, export=False),
)
not_personal(GRANT, _RANDOM, "id", "tenant_id", "staff_id", "decided_by", "revoked_by")
not_personal(GRANT, "why the operator's staff came in, told to the tenant", "reason")
not_personal(GRANT, _COURSE, "minutes", "requested_at", "decided_at", "starts_at", "expires_at")
not_personal(GRANT, _COURSE, "denied", "revoked_at")
_PROVIDER = "a business customer's own identity provider, and what it may do here"
not_personal(SSO, _RANDOM, "id", "tenant_id", "custom_role")
not_personal(SSO, _PROVIDER, "slug", "issuer", "client_id", "default_role", "ceiling")
not_personal(SSO, _PROVIDER, "trusts_mfa", "enabled", "created_at")
register(
    FieldClass(
        model=SSO,
        field="secret_sealed",
        category=Category.SECRET,
        purposes=frozenset({Purpose.SECURITY}),
        retention="account",
        export=False,
        erasure=Erasure.NOT_SUBJECT,
        number=SealedFieldNumber.SSO_SECRET,
    )
)
not_personal(DOMAIN, _RANDOM, "id", "tenant_id", "connection", "verified_by")
not_personal(DOMAIN, "a business customer's own domain", "domain", "token")
not_personal(DOMAIN, _COURSE, "verified_at", "created_at")
