"""What the entrances see of single sign-on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ringfence.kernel.errors import InvalidInput, NotFound, RingfenceError

SSO_TENANT = "ringfence_sso_tenant"
"""In a session: the tenant whose identity provider vouched for the person."""
SSO_CONNECTION = "ringfence_sso_connection"
"""In a session: the connection by which it did."""
SSO_MFA = "ringfence_sso_mfa"
"""In a session: the provider says that there was a second factor."""
SSO_AT = "ringfence_sso_at"
"""In a session: when the provider says that the person proved who they are (Unix time); 0: it does
not say."""
VOUCHED = "ringfence_vouched"
"""On a request: what the provider said in it."""


@dataclass(frozen=True, slots=True)
class DomainInfo:
    """A domain of a tenant's people."""

    domain: str
    verified: bool
    txt_name: str
    txt_value: str
    """The TXT record that proves it."""


@dataclass(frozen=True, slots=True)
class SsoInfo:
    """A tenant's connection, without its secret."""

    id: UUID
    slug: str
    issuer: str
    client_id: str
    default_role: str | None
    role_id: UUID | None
    """The custom role."""
    trusts_mfa: bool
    enabled: bool
    domains: tuple[DomainInfo, ...]
    redirect_uri: str
    """What the provider is told to send people back to."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewSso:
    """What a tenant says of its provider."""

    slug: str
    issuer: str
    client_id: str
    client_secret: str | None
    """None: as before."""
    role: str | None
    role_id: UUID | None
    domains: tuple[str, ...]
    trusts_mfa: bool
    enabled: bool


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection in use, with its secret."""

    id: UUID
    tenant_id: UUID
    tenant_name: str
    slug: str
    issuer: str
    client_id: str
    secret: str


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a provider said of somebody, after its word was checked."""

    connection: Connection
    subject: str
    email: str | None
    """Verified by the provider, in lower case; None: it vouches for none."""
    mfa: bool
    authenticated_at: int
    """Unix time; 0: the provider does not say."""


class InvalidSso(InvalidInput):
    """The connection cannot be as it was said to be; ``details.field`` says where."""

    code = "invalid_sso"


class SsoNotFound(NotFound):
    """The tenant has no identity provider, or the domain is not among its own."""

    code = "sso_not_found"


class SlugTaken(RingfenceError):
    """Somebody else has this name."""

    code = "sso_slug_taken"
    http_status = 409


class DomainTaken(RingfenceError):
    """Another tenant has proven that the domain is its own."""

    code = "sso_domain_taken"
    http_status = 409


class DomainUnproven(RingfenceError):
    """The domain's TXT record does not say what it should."""

    code = "sso_domain_unproven"
    http_status = 409


class SignInRefused(RingfenceError):
    """Somebody whom a provider vouches for does not get in; ``code`` says why, for the page."""

    http_status = 403

    def __init__(self, code: str) -> None:
        super().__init__("the sign-in is refused")
        self.code = code
