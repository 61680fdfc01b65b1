"""What the REST API says of OAuth clients and of the request log."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, cast
from uuid import UUID

from ninja import Schema
from pydantic import Field

from ringfence.domains.accounts.contracts import ClientInfo, RequestInfo
from ringfence.domains.accounts.schemas import ApiKeyChange, ApiKeyIn, Page
from ringfence.kernel.ids import InvalidId, Prefix, parse_public_id, public_id

Kind = Literal["key", "client", "session"]
_PREFIXES = {"key": Prefix.API_KEY, "client": Prefix.OAUTH_CLIENT, "session": Prefix.USER}


class ClientOut(Schema):
    """An OAuth client, without its secrets; ``id`` is its ``client_id``."""

    volatile: ClassVar[frozenset[str]] = frozenset({"last_used_at"})

    id: str
    name: str
    last4: str
    """Of the secret in force."""
    previous_last4: str | None
    previous_until: datetime | None
    """Until when the secret before is accepted as well."""
    scopes: list[str]
    purposes: list[str]
    allowed_networks: list[str]
    requests_per_minute: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""


class NewClientOut(ClientOut):
    """``secret`` is shown here and never again."""

    secret: str


class ClientList(Schema):
    """Clients, newest first; pass ``next`` as ``before`` for the page after this one."""

    clients: list[ClientOut]
    next: str | None


class ClientIn(ApiKeyIn):
    """As of a key. A token has the client's scopes, or those that the request for it names."""


class ClientChange(ApiKeyChange):
    """What is left out stays; ``requests_per_minute`` null: the installation's default."""


class RotationIn(Schema):
    """``grace_seconds``: how long the secret in force is accepted beside the new one; 0 ends it and
    all tokens of the client now, as after a leak."""

    model_config = ApiKeyIn.model_config

    grace_seconds: int = Field(86_400, ge=0, le=7 * 86_400)


class ClientQuery(Page):
    def before_id(self) -> UUID | None:
        """Raises InvalidId."""
        return None if self.before is None else parse_public_id(Prefix.OAUTH_CLIENT, self.before)


class RequestOut(Schema):
    """What is kept of one request: nothing that the client wrote."""

    id: str
    """As the answer's ``Request-Id`` told it."""
    at: datetime
    kind: Kind
    credential: str
    """The API key, the OAuth client or the user."""
    method: str
    route: str
    """As this document writes it, with names in place of values."""
    objects: list[str]
    """The ids in the path, where there was something at it."""
    status: int
    duration_ms: int
    error_code: str | None
    network: str | None
    """The /24 or /48 that it came from."""


class RequestList(Schema):
    """Requests, newest first; pass ``next`` as ``before`` for the page after this one."""

    requests: list[RequestOut]
    next: str | None


class RequestQuery(Page):
    credential: str | None = None
    status: int | None = Field(None, ge=100, le=599)

    def before_id(self) -> UUID | None:
        """Raises InvalidId."""
        return None if self.before is None else parse_public_id(Prefix.REQUEST, self.before)

    def credential_id(self) -> UUID | None:
        """Raises InvalidId."""
        if self.credential is None:
            return None
        for prefix in _PREFIXES.values():
            if self.credential.startswith(prefix):
                return parse_public_id(prefix, self.credential)
        raise InvalidId("a credential is the id of an API key, an OAuth client or a user")


def client_out(info: ClientInfo) -> ClientOut:
    return ClientOut(
        id=public_id(Prefix.OAUTH_CLIENT, info.id),
        name=info.name,
        last4=info.last4,
        previous_last4=info.previous_last4,
        previous_until=info.previous_until,
        scopes=list(info.scopes),
        purposes=list(info.purposes),
        allowed_networks=list(info.allowed_networks),
        requests_per_minute=info.requests_per_minute,
        created_at=info.created_at,
        expires_at=info.expires_at,
        revoked_at=info.revoked_at,
        last_used_at=info.last_used_at,
    )


def request_out(info: RequestInfo) -> RequestOut:
    return RequestOut(
        id=public_id(Prefix.REQUEST, info.id),
        at=info.at,
        kind=cast(Kind, info.kind),
        credential=public_id(_PREFIXES[info.kind], info.credential_id),
        method=info.method,
        route=info.route,
        objects=list(info.objects),
        status=info.status,
        duration_ms=info.duration_ms,
        error_code=info.error_code or None,
        network=info.network or None,
    )
