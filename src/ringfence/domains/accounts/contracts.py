"""What other domains and the entrances see of accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ringfence.kernel.errors import InvalidInput, NotFound, RingfenceError
from ringfence.kernel.fields import INSTALLATION

ALL_SCOPES = (
    "audit:read",
    "calls:read",
    "calls:write",
    "devices:read",
    "devices:write",
    "flows:read",
    "flows:write",
    "keys:read",
    "keys:write",
    "ledger:read",
    "ledger:write",
    "live:read",
    "numbers:read",
    "numbers:write",
    "privacy:erase",
    "recordings:read",
    "recordings:write",
    "tenant:read",
    "trunks:read",
    "trunks:write",
    "webhooks:read",
    "webhooks:write",
)
"""Scopes that an API key may carry."""

OPERATOR_SCOPES = ("tenants:read", "tenants:write")
"""Scopes of the operator's keys alone; beside them theirs may carry any other, for the routes of
the operator that ask for it."""

GRANTED_BY_NAME = frozenset(
    {"keys:write", "numbers:write", "privacy:erase", "recordings:write", "trunks:write"}
)
"""Only for a key for which they were named: what they allow cannot be undone, makes keys that
outlive theirs, or decides whose calls come here and whose number others see."""
DEFAULT_SCOPES = tuple(scope for scope in ALL_SCOPES if scope not in GRANTED_BY_NAME)
"""Of a key for which none were named."""

ALL_PURPOSES = (
    "service", "billing", "fraud", "support", "security", "marketing", "training",
)  # fmt: skip
"""Purposes that an API key may be granted: why whoever uses it opens personal data."""


@dataclass(frozen=True, slots=True)
class TenantInfo:
    """A business customer of the installation."""

    id: UUID
    name: str
    status: str
    """``active`` or ``suspended``."""
    created_at: datetime


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
    """Who an authenticated request acts as."""

    tenant_id: UUID
    """INSTALLATION for an operator."""
    api_key_id: UUID
    scopes: frozenset[str]
    purposes: tuple[str, ...]
    """What the key may open personal data for; a request that names none is for the first."""
    expires_at: datetime | None = None

    @property
    def is_operator(self) -> bool:
        return self.tenant_id == INSTALLATION

    @property
    def actor(self) -> str:
        """As the audit trail names it."""
        return f"key:{self.api_key_id.hex}"


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
    """A tenant is ``active`` or ``suspended``."""

    code = "invalid_status"


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
