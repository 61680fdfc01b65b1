"""What other domains and the entrances see of accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ringfence.kernel.errors import InvalidInput, NotFound, RingfenceError
from ringfence.kernel.fields import INSTALLATION
from ringfence.platform_django.admission import Admission, InsufficientScope
from ringfence.policies.roles import API_KEY, Cell, matrix

_KEYS = matrix()

ALL_SCOPES = tuple(sorted(_KEYS.of(API_KEY, Cell.ALLOWED, Cell.BY_NAME)))
"""Scopes that an API key or an OAuth client of a tenant may carry."""

OPERATOR_SCOPES = (
    "plans:read", "plans:write", "tenants:provision", "tenants:read", "tenants:write",
)  # fmt: skip
"""Scopes of the operator's keys; beside them theirs may carry any other, for the routes of the
operator that ask for it."""

GRANTED_BY_NAME = _KEYS.of(API_KEY, Cell.BY_NAME)
"""Only for a key for which they were named: what they allow cannot be undone, makes keys that
outlive theirs, or decides whose calls come here and whose number others see."""
DEFAULT_SCOPES = tuple(sorted(_KEYS.of(API_KEY, Cell.ALLOWED)))
"""Of a key for which none were named."""

ALL_PURPOSES = (
    "service", "billing", "fraud", "support", "security", "marketing", "training",
)  # fmt: skip
"""Purposes that an API key may be granted: why whoever uses it opens personal data."""


@dataclass(frozen=True, slots=True)
class TenantInfo:
    """A business customer of the installation, or a reseller."""

    id: UUID
    name: str
    status: str
    """``active``, ``suspended``, or ``closed``: ``ends_at`` says until when it may come back."""
    created_at: datetime
    kind: str = "tenant"
    """``tenant``, or ``reseller``, who has tenants of its own."""
    parent_id: UUID | None = None
    """The reseller that it is a customer of; None: the operator."""
    plan: str = "standard"
    closed_at: datetime | None = None
    ends_at: datetime | None = None
    """Until when a closed tenant may be reactivated."""


@dataclass(frozen=True, slots=True)
class TenantSettings:
    """What a tenant decides about its people and the operator's staff."""

    time_zone: str = "UTC"
    """An IANA name."""
    staff_access: str = "automatic"
    """What a request of the operator's staff for access becomes: ``automatic`` grants it,
    ``approve`` waits for the tenant, ``never`` refuses it."""
    us_staff_only: bool = False
    """Only staff who work in the United States get access."""
    mfa_required: bool = False
    """All members sign in with a second factor, not only those whose role requires it."""


@dataclass(frozen=True, slots=True)
class ApiKeyInfo:
    """An API key without its secret."""

    id: UUID
    tenant_id: UUID | None
    """None: the operator's."""
    name: str
    last4: str
    scopes: tuple[str, ...]
    purposes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""


@dataclass(frozen=True, slots=True)
class PlanInfo:
    """What a tenant may subscribe to."""

    code: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TenantPage:
    """Tenants, newest first, and the id to continue before; None on the last page."""

    tenants: tuple[TenantInfo, ...]
    next_cursor: UUID | None


@dataclass(frozen=True, slots=True)
class ApiKeyPage:
    """Keys, newest first, and the id to continue before; None on the last page."""

    keys: tuple[ApiKeyInfo, ...]
    next_cursor: UUID | None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key just made, with the only copy of its secret."""

    info: ApiKeyInfo
    secret: str


@dataclass(frozen=True, slots=True)
class Principal:
    """What a request with an API key or an OAuth client's token acts as."""

    tenant_id: UUID
    """INSTALLATION for an operator."""
    credential_id: UUID
    scopes: frozenset[str]
    purposes: tuple[str, ...]
    """What the key may open personal data for; a request that names none is for the first."""
    expires_at: datetime | None = None
    kind: str = "key"
    """``key``, or ``client`` for an OAuth client."""

    @property
    def is_operator(self) -> bool:
        return self.tenant_id == INSTALLATION

    @property
    def actor(self) -> str:
        """As the audit trail names it."""
        return f"{self.kind}:{self.credential_id.hex}"

    def admit(self, admission: Admission) -> None:
        """Raises InsufficientScope."""
        if admission.scope not in self.scopes:
            raise InsufficientScope(
                "the API key lacks a scope", details={"required_scope": admission.scope}
            )


class UnknownScope(InvalidInput):
    """The scope does not exist."""

    code = "unknown_scope"


class UnknownPurpose(InvalidInput):
    """The purpose does not exist, or no API key may be granted it."""

    code = "unknown_purpose"


class InvalidName(InvalidInput):
    """A name is empty or too long."""

    code = "invalid_name"


class InvalidExpiry(InvalidInput):
    """A key ends in the future, or not at all."""

    code = "invalid_expiry"


class InvalidStatus(InvalidInput):
    """A tenant is ``active``, ``suspended`` or ``closed``."""

    code = "invalid_status"


class InvalidKind(InvalidInput):
    """An account is a ``tenant`` or a ``reseller``."""

    code = "invalid_kind"


class InvalidSettings(InvalidInput):
    """A setting of a tenant has no such value."""

    code = "invalid_tenant_settings"


class UnknownPlan(InvalidInput):
    """There is no plan with this code."""

    code = "unknown_plan"


class PlanExists(RingfenceError):
    """A plan with this code is there already."""

    code = "plan_exists"
    http_status = 409


class NotAReseller(RingfenceError):
    """Only a reseller has customers."""

    code = "not_a_reseller"
    http_status = 403


class TreeTooDeep(RingfenceError):
    """There are as many resellers above as there may be."""

    code = "tree_too_deep"
    http_status = 409


class HasTenants(RingfenceError):
    """A reseller with customers is not closed."""

    code = "has_tenants"
    http_status = 409


class TenantClosed(RingfenceError):
    """The tenant is closed."""

    code = "tenant_closed"
    http_status = 409


class ClosedForGood(RingfenceError):
    """The time in which the tenant could have been reactivated is over."""

    code = "closed_for_good"
    http_status = 409


class TenantNotFound(NotFound):
    """The installation has no such tenant."""

    code = "tenant_not_found"


class ApiKeyNotFound(NotFound):
    """No such API key of this tenant."""

    code = "api_key_not_found"


class TenantSuspended(RingfenceError):
    """The key is valid, and its tenant is suspended by the operator."""

    code = "tenant_suspended"
    http_status = 403


class GrantRefused(RingfenceError):
    """A key gives nothing that it has not: neither scopes, nor purposes, nor a longer life."""

    code = "grant_refused"
    http_status = 403


class TooManyKeys(RingfenceError):
    """The tenant has as many valid keys as it may have."""

    code = "too_many_keys"
    http_status = 409
