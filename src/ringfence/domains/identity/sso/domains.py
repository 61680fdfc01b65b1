"""A domain becomes a tenant's own: by its TXT record, or because the operator says so."""

from __future__ import annotations

import hmac
from uuid import UUID

from django.db import IntegrityError

from ringfence.domains.identity.models import SsoDomain
from ringfence.domains.identity.sso import txt
from ringfence.domains.identity.sso.contracts import (
    DomainInfo,
    DomainTaken,
    DomainUnproven,
    SsoNotFound,
)
from ringfence.domains.identity.sso.queries import domain_info
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import APP, across_tenants, tenant


def verify_domain(tenant_id: UUID, domain: str) -> DomainInfo:
    """Look whether the domain's TXT record names the tenant.

    Raises SsoNotFound, DomainUnproven, DomainTaken.
    """
    with tenant(tenant_id):
        row = SsoDomain.objects.filter(domain=domain).first()
    if row is None:
        raise SsoNotFound("the tenant does not name this domain")
    wanted = domain_info(row)
    texts = txt.lookup(wanted.txt_name)
    if not any(hmac.compare_digest(text.encode(), wanted.txt_value.encode()) for text in texts):
        raise DomainUnproven("the TXT record is not there, or not as it should be")
    try:
        with tenant(tenant_id):
            return _set(APP, tenant_id, domain, verified_by="dns")
    except IntegrityError:
        raise DomainTaken("another tenant has proven that this domain is its own") from None


def confirm_domain(tenant_id: UUID, domain: str, *, verified: bool, actor: str) -> DomainInfo:
    """The operator vouches for a domain, or does not any more. Raises SsoNotFound, DomainTaken."""
    try:
        with across_tenants("confirm domain") as db:
            return _set(db, tenant_id, domain, verified_by=actor if verified else "")
    except IntegrityError:
        raise DomainTaken("another tenant has proven that this domain is its own") from None


def _set(db: str, tenant_id: UUID, domain: str, *, verified_by: str) -> DomainInfo:
    rows = SsoDomain.objects.using(db).select_for_update()
    row = rows.filter(tenant_id=tenant_id, domain=domain).first()
    if row is None:
        raise SsoNotFound("the tenant does not name this domain")
    row.verified_by = verified_by
    row.verified_at = clock().now() if verified_by else None
    row.save(using=db, update_fields=["verified_by", "verified_at"])
    return domain_info(row)
