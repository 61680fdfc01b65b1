"""What the REST API says of tenants and keys."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, cast
from uuid import UUID

from ninja import Schema
from pydantic import AwareDatetime, ConfigDict, Field

from ringfence.domains.accounts.contracts import ApiKeyInfo, TenantInfo
from ringfence.kernel.ids import Prefix, parse_public_id, public_id

_Name = Field(min_length=1, max_length=120)


class _In(Schema):
    model_config = ConfigDict(extra="forbid")


class TenantOut(Schema):
    """A business customer of the installation."""

    id: str
    name: str
    status: Literal["active", "suspended"]
    created_at: datetime


class TenantList(Schema):
    """Tenants, newest first; pass ``next`` as ``before`` for the page after this one."""

    tenants: list[TenantOut]
    next: str | None


class TenantIn(_In):
    name: str = _Name


class TenantChange(_In):
    """What is left out stays. A suspended tenant's keys are refused, its numbers take no call."""

    name: str | None = Field(None, min_length=1, max_length=120)
    status: Literal["active", "suspended"] | None = None


class ApiKeyOut(Schema):
    """An API key, without its secret."""

    volatile: ClassVar[frozenset[str]] = frozenset({"last_used_at"})

    id: str
    name: str
    last4: str
    scopes: list[str]
    purposes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""


class NewApiKeyOut(ApiKeyOut):
    """A key just made: ``secret`` is shown here and never again."""

    secret: str


class ApiKeyList(Schema):
    """Keys, newest first; pass ``next`` as ``before`` for the page after this one."""

    keys: list[ApiKeyOut]
    next: str | None


class ApiKeyIn(_In):
    """``scopes``: what the key may do. ``purposes``: what it may open personal data for, the usual
    one first. Only what the key that asks has itself, and no longer than it lives."""

    name: str = _Name
    scopes: list[str] = Field(max_length=64)
    purposes: list[str] = Field(default_factory=list, max_length=16)
    expires_at: AwareDatetime | None = None


class ApiKeyChange(_In):
    name: str = _Name


class Page(Schema):
    before: str | None = None
    limit: int = Field(50, ge=1, le=200)


class TenantQuery(Page):
    def before_id(self) -> UUID | None:
        """Raises InvalidId."""
        return None if self.before is None else parse_public_id(Prefix.TENANT, self.before)


class ApiKeyQuery(Page):
    def before_id(self) -> UUID | None:
        """Raises InvalidId."""
        return None if self.before is None else parse_public_id(Prefix.API_KEY, self.before)


def tenant_out(info: TenantInfo) -> TenantOut:
    return TenantOut(
        id=public_id(Prefix.TENANT, info.id),
        name=info.name,
        status=cast(Literal["active", "suspended"], info.status),
        created_at=info.created_at,
    )


def api_key_out(info: ApiKeyInfo) -> ApiKeyOut:
    return ApiKeyOut(
        id=public_id(Prefix.API_KEY, info.id),
        name=info.name,
        last4=info.last4,
        scopes=list(info.scopes),
        purposes=list(info.purposes),
        created_at=info.created_at,
        expires_at=info.expires_at,
        revoked_at=info.revoked_at,
        last_used_at=info.last_used_at,
    )
