"""Connections: of a tenant, by the name that people type, and of a session."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connections

from ringfence.domains.identity.models import SsoConnection, SsoDomain
from ringfence.domains.identity.rules import sso as rules
from ringfence.domains.identity.sso.contracts import (
    Connection,
    DomainInfo,
    SsoInfo,
    SsoNotFound,
)
from ringfence.platform_django.sealed import open_fields
from ringfence.platform_django.tenancy import APP, tenant
from ringfence.platform_django.use import using


class Alive(NamedTuple):
    """Of a session that a provider vouched for, while that counts."""

    tenant_id: UUID
    trusts_mfa: bool


def get_sso(tenant_id: UUID) -> SsoInfo:
    """The tenant's connection. Raises SsoNotFound."""
    with tenant(tenant_id):
        row = SsoConnection.objects.select_related("custom_role").first()
        if row is None:
            raise SsoNotFound("the tenant has no identity provider")
        return sso_info(row)


def sso_info(row: SsoConnection) -> SsoInfo:
    """In the tenant's transaction."""
    domains = SsoDomain.objects.filter(connection_id=row.id).order_by("domain")
    return SsoInfo(
        id=row.id,
        slug=row.slug,
        issuer=row.issuer,
        client_id=row.client_id,
        default_role=row.default_role or None,
        role_id=row.custom_role_id,
        trusts_mfa=row.trusts_mfa,
        enabled=row.enabled,
        domains=tuple(domain_info(one) for one in domains),
        redirect_uri=redirect_uri(row.slug),
        created_at=row.created_at,
    )


def domain_info(row: SsoDomain) -> DomainInfo:
    return DomainInfo(
        domain=row.domain,
        verified=row.verified_at is not None,
        txt_name=f"_ringfence.{row.domain}",
        txt_value=f"ringfence-verification={row.token}",
    )


def redirect_uri(slug: str) -> str:
    """Where a provider sends people back to."""
    return f"{settings.RINGFENCE.public_url}/accounts/oidc/{slug}/login/callback/"


def connection_of(slug: str) -> Connection | None:
    """The connection with this name, if it is in use and opens."""
    with connections[APP].cursor() as cursor:
        cursor.execute("SELECT * FROM ringfence_sso_connection(%s)", [slug])
        found = cursor.fetchone()
    if found is None:
        return None
    id_, tenant_id, name = found
    with tenant(tenant_id), using("security", "job:sso"):
        row = SsoConnection.objects.filter(id=id_, enabled=True).first()
        secret = open_fields([row], "secret_sealed")[0]["secret_sealed"].value if row else None
    if row is None or secret is None:
        return None
    return Connection(id_, tenant_id, name, row.slug, row.issuer, row.client_id, secret)


def slug_for(company: str) -> str | None:
    """The connection that somebody means who typed its name, or an e-mail of a proven domain."""
    company = company.strip().lower()
    if "@" not in company:
        return company if rules.is_slug(company) else None
    domain = company.rpartition("@")[2]
    if not rules.is_domain(domain):
        return None
    with connections[APP].cursor() as cursor:
        cursor.execute("SELECT slug FROM ringfence_sso_domain(%s)", [domain])
        row = cursor.fetchone()
    return None if row is None else str(row[0])


def alive(connection_id: UUID) -> Alive | None:
    """None once the connection is gone or off, or its tenant is not served."""
    with connections[APP].cursor() as cursor:
        cursor.execute("SELECT * FROM ringfence_sso_session(%s)", [connection_id])
        row = cursor.fetchone()
    return None if row is None else Alive(*row)
