"""What other domains and the entrances see of accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ringfence.kernel.errors import InvalidInput, NotFound, RingfenceError
from ringfence.kernel.fields import INSTALLATION
from ringfence.platform_django.addresses import Network
from ringfence.platform_django.admission import Admission, InsufficientScope
from ringfence.platform_django.ratelimit import limits
from ringfence.policies.roles import API_KEY, Cell, matrix

_KEYS = matrix()

ALL_SCOPES = tuple(sorted(_KEYS.of(API_KEY, Cell.ALLOWED, Cell.BY_NAME)))
"""Scopes that an API key or an OAuth client of a tenant may carry."""

OPERATOR_SCOPES = tuple(
    sorted(_KEYS.of(API_KEY, Cell.OPERATOR) | {"tenants:read", "tenants:write"})
)
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
    ended_at: datetime | None = None
    """When its data was gone, some time after that."""
    requests_per_minute: int | None = None
    """Of all its keys, clients and people together; None: the installation's default."""


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
class KeptInfo:
    """How long a tenant's data of one rule is kept, in whole days after the day that it is of."""

    rule: str
    least: int
    most: int
    installed: int
    """What holds where the tenant chose nothing."""
    chosen: int | None
    days: int
    """What holds."""

    @property
    def clamped(self) -> bool:
        """The policy that binds the tenant by now does not allow what it chose: the nearest number
        that it allows holds in its place."""
        return self.chosen not in (None, self.days)


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
    allowed_networks: tuple[str, ...] = ()
    """CIDR, where it may be used from; empty: anywhere."""
    requests_per_minute: int | None = None
    """None: the installation's default."""


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """An OAuth client without its secrets."""

    id: UUID
    tenant_id: UUID
    name: str
    last4: str
    """Of the secret in force."""
    previous_last4: str | None
    previous_until: datetime | None
    """Until when the secret before is accepted as well."""
    scopes: tuple[str, ...]
    purposes: tuple[str, ...]
    allowed_networks: tuple[str, ...]
    requests_per_minute: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a new credential is to be allowed."""

    scopes: tuple[str, ...]
    purposes: tuple[str, ...] = ()
    expires_at: datetime | None = None
    allowed_networks: tuple[str, ...] = ()
    requests_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client just made, or one with a secret just made; the only copy of the secret."""

    info: ClientInfo
    secret: str


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An access token, the only copy of it."""

    token: str
    scopes: tuple[str, ...]
    seconds: int
    """Until it ends."""


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """What is kept of one request."""

    id: UUID
    at: datetime
    kind: str
    """``key``, ``client`` or ``session``."""
    credential_id: UUID
    method: str
    route: str
    """As the document writes it, with names in place of values."""
    objects: tuple[str, ...]
    status: int
    duration_ms: int
    error_code: str
    """Empty: none."""
    network: str
    """The /24 or /48 that it came from; empty: not known."""


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
class ClientPage:
    """Clients, newest first, and the id to continue before; None on the last page."""

    clients: tuple[ClientInfo, ...]
    next_cursor: UUID | None


@dataclass(frozen=True, slots=True)
class RequestPage:
    """Requests, newest first, and the id to continue before; None on the last page."""

    requests: tuple[RequestInfo, ...]
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
    networks: tuple[Network, ...] = ()
    """Where it may be used from; empty: anywhere."""
    requests_per_minute: int | None = None
    """Its own limit; None: the installation's default."""
    tenant_requests_per_minute: int | None = None
    """That of its tenant; None: the installation's default."""

    @property
    def is_operator(self) -> bool:
        return self.tenant_id == INSTALLATION

    @property
    def actor(self) -> str:
        """As the audit trail names it."""
        return f"{self.kind}:{self.credential_id.hex}"

    @property
    def most_per_minute(self) -> int:
        """Requests that it may make, and give to another; 0: as many as its tenant."""
        return self.requests_per_minute or limits().requests

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


class RetentionOutOfBounds(InvalidInput):
    """The policy lets a tenant keep this neither so short nor so long."""

    code = "retention_out_of_bounds"


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


class AddressRefused(RingfenceError):
    """The credential is valid, and not for use from this address."""

    code = "address_refused"
    http_status = 403


class InvalidNetwork(InvalidInput):
    """A network is written in CIDR, without bits beyond its length; there are at most 50."""

    code = "invalid_network"


class LimitTooHigh(InvalidInput):
    """A credential is allowed more than its tenant, or a customer more than its reseller."""

    code = "limit_too_high"


class ClientNotFound(NotFound):
    """No such OAuth client of this tenant."""

    code = "client_not_found"


class ClientEnded(RingfenceError):
    """The OAuth client was revoked, or its time is over."""

    code = "client_ended"
    http_status = 409


class TooManyClients(RingfenceError):
    """The tenant has as many valid clients as it may have."""

    code = "too_many_clients"
    http_status = 409


class RotationOpen(RingfenceError):
    """Two secrets are valid: the older one ends first, or both with ``grace_seconds`` 0."""

    code = "rotation_open"
    http_status = 409


class GrantRefused(RingfenceError):
    """A credential gives nothing that it has not: neither scopes, nor purposes, nor a longer life,
    nor wider networks, nor a higher limit."""

    code = "grant_refused"
    http_status = 403


class TooManyKeys(RingfenceError):
    """The tenant has as many valid keys as it may have."""

    code = "too_many_keys"
    http_status = 409
