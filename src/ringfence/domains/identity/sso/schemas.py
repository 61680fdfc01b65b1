"""Bodies of the REST API of single sign-on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from ninja import Schema
from pydantic import Field

from ringfence.domains.identity.schemas import RoleText, role_of
from ringfence.domains.identity.sso.contracts import DomainInfo, NewSso, SsoInfo
from ringfence.kernel.ids import Prefix, public_id

DomainText = Annotated[str, Field(min_length=3, max_length=253)]


class DomainOut(Schema):
    """A domain, and the TXT record that proves that it is the tenant's."""

    domain: str
    verified: bool
    txt_name: str
    txt_value: str


class SsoOut(Schema):
    """The tenant's identity provider. ``default_role``: of whom it brings without an invitation;
    null: it brings nobody."""

    id: str
    slug: str
    issuer: str
    client_id: str
    default_role: str | None
    trusts_mfa: bool
    enabled: bool
    domains: list[DomainOut]
    redirect_uri: str
    created_at: datetime


class SsoIn(Schema, extra="forbid"):
    """``client_secret``: left out, it stays. ``slug`` never changes. ``trusts_mfa``: a second
    factor at the provider counts as one here."""

    slug: Annotated[str, Field(min_length=1, max_length=40)]
    issuer: Annotated[str, Field(min_length=8, max_length=400)]
    client_id: Annotated[str, Field(min_length=1, max_length=191)]
    client_secret: Annotated[str, Field(min_length=1, max_length=191)] | None = None
    default_role: RoleText | None = None
    domains: Annotated[list[DomainText], Field(max_length=20)] = Field(default_factory=list)
    trusts_mfa: bool = False
    enabled: bool = True


class DomainIn(Schema, extra="forbid"):
    domain: DomainText


class DomainConfirmation(Schema, extra="forbid"):
    domain: DomainText
    verified: bool = True


def new_sso(body: SsoIn) -> NewSso:
    role, role_id = (None, None) if body.default_role is None else role_of(body.default_role)
    return NewSso(
        slug=body.slug,
        issuer=body.issuer,
        client_id=body.client_id,
        client_secret=body.client_secret,
        role=role,
        role_id=role_id,
        domains=tuple(body.domains),
        trusts_mfa=body.trusts_mfa,
        enabled=body.enabled,
    )


def domain_out(info: DomainInfo) -> DomainOut:
    return DomainOut(
        domain=info.domain,
        verified=info.verified,
        txt_name=info.txt_name,
        txt_value=info.txt_value,
    )


def sso_out(info: SsoInfo) -> SsoOut:
    role = info.default_role
    return SsoOut(
        id=public_id(Prefix.SSO_CONNECTION, info.id),
        slug=info.slug,
        issuer=info.issuer,
        client_id=info.client_id,
        default_role=role if info.role_id is None else public_id(Prefix.ROLE, info.role_id),
        trusts_mfa=info.trusts_mfa,
        enabled=info.enabled,
        domains=[domain_out(one) for one in info.domains],
        redirect_uri=info.redirect_uri,
        created_at=info.created_at,
    )
