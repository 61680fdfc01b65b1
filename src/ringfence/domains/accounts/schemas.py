"""What the REST API says of tenants and keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, cast
from uuid import UUID

from ninja import Schema
from pydantic import AwareDatetime, ConfigDict, Field

from ringfence.domains.accounts.contracts import (
    ApiKeyInfo,
    PlanInfo,
    TenantInfo,
    TenantSettings,
    Wanted,
)
from ringfence.kernel.ids import Prefix, parse_public_id, public_id

Kind = Literal["tenant", "reseller"]
StaffAccess = Literal["automatic", "approve", "never"]
_Name = Field(min_length=1, max_length=120)
PerMinute = Annotated[int, Field(ge=1, le=1_000_000)]
Networks = Annotated[list[Annotated[str, Field(max_length=43)]], Field(max_length=50)]


class _In(Schema):
    model_config = ConfigDict(extra="forbid")


class TenantOut(Schema):
    """A business customer of the installation, or a reseller."""

    id: str
    name: str
    kind: Kind
    parent: str | None
    """The reseller that it is a customer of."""
    plan: str
    status: Literal["active", "suspended", "closed"]
    created_at: datetime
    closed_at: datetime | None
    ends_at: datetime | None
    """Until when a closed tenant may be reactivated."""
    ended_at: datetime | None
    """When its data was gone, some time after that."""
    requests_per_minute: int | None
    """Of all its keys, clients and people together; null: the installation's default."""


class TenantList(Schema):
    """Tenants, newest first; pass ``next`` as ``before`` for the page after this one."""

    tenants: list[TenantOut]
    next: str | None


class TenantIn(_In):
    """``kind``: a reseller has tenants of its own."""

    name: str = _Name
    kind: Kind = "tenant"
    plan: str = Field("standard", min_length=1, max_length=40)


class TenantChange(_In):
    """What is left out stays. A suspended tenant's keys are refused, its numbers take no call.
    ``requests_per_minute``: of all its keys, clients and people together; null: the installation's
    default."""

    name: str | None = Field(None, min_length=1, max_length=120)
    status: Literal["active", "suspended"] | None = None
    plan: str | None = Field(None, min_length=1, max_length=40)
    requests_per_minute: PerMinute | None = None


class SettingsOut(Schema):
    """What a tenant settled for itself."""

    time_zone: str
    staff_access: StaffAccess
    us_staff_only: bool
    mfa_required: bool


class SettingsChange(_In):
    """What is left out stays. ``staff_access``: what a request of the operator's staff for access
    becomes: ``automatic`` grants it, ``approve`` waits for the tenant, ``never`` refuses it.
    ``us_staff_only``: only staff who work in the United States. ``mfa_required``: everybody signs
    in with a second factor."""

    time_zone: str | None = Field(None, max_length=64)
    staff_access: StaffAccess | None = None
    us_staff_only: bool | None = None
    mfa_required: bool | None = None


class PlanOut(Schema):
    """What a tenant may subscribe to."""

    code: str
    name: str
    created_at: datetime


class PlanList(Schema):
    """All plans; ``standard`` exists without being listed."""

    plans: list[PlanOut]


class PlanIn(_In):
    code: str = Field(min_length=1, max_length=40)
    name: str = _Name


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
    allowed_networks: list[str]
    """CIDR, where it may be used from; empty: anywhere."""
    requests_per_minute: int | None
    """null: the installation's default."""


class NewApiKeyOut(ApiKeyOut):
    """A key just made: ``secret`` is shown here and never again."""

    secret: str


class ApiKeyList(Schema):
    """Keys, newest first; pass ``next`` as ``before`` for the page after this one."""

    keys: list[ApiKeyOut]
    next: str | None


class ApiKeyIn(_In):
    """``scopes``: what the key may do. ``purposes``: what it may open personal data for, the usual
    one first. ``allowed_networks``: where it may be used from (CIDR); empty: anywhere. Only what
    the key that asks has itself, and no longer than it lives."""

    name: str = _Name
    scopes: list[str] = Field(max_length=64)
    purposes: list[str] = Field(default_factory=list, max_length=16)
    expires_at: AwareDatetime | None = None
    allowed_networks: Networks = Field(default_factory=list)
    requests_per_minute: PerMinute | None = None


class ApiKeyChange(_In):
    """What is left out stays; ``requests_per_minute`` null: the installation's default."""

    name: str | None = Field(None, min_length=1, max_length=120)
    allowed_networks: Networks | None = None
    requests_per_minute: PerMinute | None = None

    def given(self) -> dict[str, Any]:
        """What is to change."""
        named = self.model_dump(exclude_unset=True)
        return {
            name: value
            for name, value in named.items()
            if value is not None or name == "requests_per_minute"
        }


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
        kind=cast(Kind, info.kind),
        parent=None if info.parent_id is None else public_id(Prefix.TENANT, info.parent_id),
        plan=info.plan,
        status=cast(Literal["active", "suspended", "closed"], info.status),
        created_at=info.created_at,
        closed_at=info.closed_at,
        ends_at=info.ends_at,
        ended_at=info.ended_at,
        requests_per_minute=info.requests_per_minute,
    )


def settings_out(info: TenantSettings) -> SettingsOut:
    return SettingsOut(
        time_zone=info.time_zone,
        staff_access=cast(StaffAccess, info.staff_access),
        us_staff_only=info.us_staff_only,
        mfa_required=info.mfa_required,
    )


def plan_out(info: PlanInfo) -> PlanOut:
    return PlanOut(code=info.code, name=info.name, created_at=info.created_at)


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
        allowed_networks=list(info.allowed_networks),
        requests_per_minute=info.requests_per_minute,
    )


def wanted(new: ApiKeyIn) -> Wanted:
    return Wanted(
        tuple(new.scopes),
        tuple(new.purposes),
        new.expires_at,
        tuple(new.allowed_networks),
        new.requests_per_minute,
    )
