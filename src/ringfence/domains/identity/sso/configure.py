"""A tenant says which identity provider it trusts, or none any more."""

from __future__ import annotations

import secrets
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import IntegrityError

from ringfence.domains.identity.contracts import RoleRefused
from ringfence.domains.identity.models import SsoConnection, SsoDomain
from ringfence.domains.identity.rules import sso as rules
from ringfence.domains.identity.sso.contracts import (
    InvalidSso,
    NewSso,
    SlugTaken,
    SsoInfo,
    SsoNotFound,
)
from ringfence.domains.identity.sso.queries import sso_info
from ringfence.domains.identity.usecases.roles import checked_role
from ringfence.platform_django.clock import clock
from ringfence.platform_django.http import Caller
from ringfence.platform_django.sealed import seal_field
from ringfence.platform_django.tenancy import tenant

MAX_DOMAINS = 20
MAX_SECRET = 191


def put_sso(giver: Caller, new: NewSso) -> SsoInfo:
    """Put the tenant's connection in force as ``new`` says, from the next sign-in on.

    Raises InvalidSso, SlugTaken, UnknownRole, RoleRefused.
    """
    _check(new)
    try:
        with tenant(giver.tenant_id):
            return _put(giver, new)
    except IntegrityError:
        raise SlugTaken("somebody else has this name") from None


def _put(giver: Caller, new: NewSso) -> SsoInfo:
    row = SsoConnection.objects.select_for_update(of=("self",)).first()
    if row is None:
        row = SsoConnection(tenant_id=giver.tenant_id, slug=new.slug, created_at=clock().now())
        fresh = True
    else:
        fresh = row.issuer != new.issuer
        if row.slug != new.slug:
            raise _invalid("slug", "the name of a connection stays: delete it and make another")
    if new.client_secret is not None:
        row.secret_sealed = seal_field(row, "secret_sealed", new.client_secret)
    elif fresh:  # or whoever changes the issuer is told the secret by the old one
        raise _invalid("client_secret", "another issuer has another secret")
    row.issuer, row.client_id = new.issuer, new.client_id
    row.default_role, row.custom_role = "", None
    if new.role is not None:
        row.default_role, row.custom_role = checked_role(giver, new.role, new.role_id)
    if row.default_role == "owner":
        raise RoleRefused("an owner is invited by name")
    row.ceiling = sorted(giver.scopes)
    row.trusts_mfa, row.enabled = new.trusts_mfa, new.enabled
    row.save()
    _put_domains(row, new.domains)
    return sso_info(row)


def delete_sso(giver: Caller) -> None:
    """End the connection: sessions that it opened end at their next request. Raises SsoNotFound."""
    with tenant(giver.tenant_id):
        row = SsoConnection.objects.select_for_update(of=("self",)).first()
        if row is None:
            raise SsoNotFound("the tenant has no identity provider")
        known = f"{row.id.hex}:"
        row.delete()
    SocialAccount.objects.filter(uid__startswith=known).delete()


def _put_domains(row: SsoConnection, wanted: tuple[str, ...]) -> None:
    known = SsoDomain.objects.filter(connection_id=row.id)
    known.exclude(domain__in=wanted).delete()
    there = set(known.values_list("domain", flat=True))
    SsoDomain.objects.bulk_create(
        SsoDomain(
            tenant_id=row.tenant_id,
            connection=row,
            domain=domain,
            token=secrets.token_urlsafe(24),
            created_at=clock().now(),
        )
        for domain in dict.fromkeys(wanted)
        if domain not in there
    )


def _check(new: NewSso) -> None:
    if not rules.is_slug(new.slug):
        raise _invalid("slug", "a name has lower-case letters, digits and hyphens, at most 40")
    if not rules.is_issuer(new.issuer, plain_http=_may_be_plain(new.issuer)):
        raise _invalid("issuer", "an issuer is an https URL without query and fragment")
    if not 1 <= len(new.client_id) <= 191:
        raise _invalid("client_id", "a client id has 1 to 191 characters")
    if new.client_secret is not None and not 1 <= len(new.client_secret) <= MAX_SECRET:
        raise _invalid("client_secret", f"a secret has 1 to {MAX_SECRET} characters")
    if len(new.domains) > MAX_DOMAINS or not all(map(rules.is_domain, new.domains)):
        raise _invalid("domains", f"at most {MAX_DOMAINS} lower-case domain names")


def _may_be_plain(issuer: str) -> bool:
    """Without TLS only where the operator let requests out to: loopback in tests, an intranet."""
    try:
        address = ip_address(urlsplit(issuer).hostname or "")
    except ValueError:
        return False
    return any(address in ip_network(one) for one in settings.RINGFENCE.egress.allow_networks)


def _invalid(field: str, message: str) -> InvalidSso:
    return InvalidSso(message, details={"field": field})
