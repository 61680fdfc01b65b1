"""What is believed of an identity provider, and what its configuration may say."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

ALGORITHMS = frozenset(
    f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in ("256", "384", "512")
) | {"EdDSA"}
"""Of signatures that only the holder of a private key makes: neither ``none`` nor HMAC."""
MFA_CONTEXTS = frozenset(
    {
        "https://refeds.org/profile/mfa",
        "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
        "http://schemas.microsoft.com/claims/multipleauthn",
        "phr",
        "phrh",
    }
)
"""Values of ``acr`` that mean a second factor: REFEDS, PAPE, Microsoft, OpenID EAP."""
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
MAX_ISSUER = 400
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")


def is_slug(text: str) -> bool:
    """Lower-case letters, digits and inner hyphens, at most 40."""
    return _SLUG.fullmatch(text) is not None


def is_domain(text: str) -> bool:
    """A lower-case name with a dot, in the form that DNS has it, and no address."""
    return (
        len(text) <= 253
        and _DOMAIN.fullmatch(text) is not None
        and not text.rpartition(".")[2].isdigit()
    )


def is_issuer(text: str, *, plain_http: bool) -> bool:
    """Whether it is an issuer identifier (OpenID Connect Core 1.0, section 2): an https URL without
    query and fragment. ``plain_http``: one without TLS is one as well."""
    if len(text) > MAX_ISSUER or re.search(r"[\x00-\x20\x7f-\U0010ffff\\?#@]", text):
        return False
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return bool(host) and parts.scheme in (("https", "http") if plain_http else ("https",))


def discovery_problem(found: object, issuer: str) -> str | None:
    """Why a discovery document is not that of ``issuer`` (Discovery 1.0, section 4.3); None if it
    is. An issuer with TLS has no endpoint without."""
    if not isinstance(found, Mapping):
        return "no object"
    if found.get("issuer") != issuer:
        return "another issuer"
    schemes = ("https://",) if issuer.startswith("https://") else ("https://", "http://")
    names = [*ENDPOINTS, *(["userinfo_endpoint"] if "userinfo_endpoint" in found else [])]
    for name in names:
        url = found.get(name)
        if not isinstance(url, str) or not url.startswith(schemes):
            return f"no proper {name}"
    methods = found.get("token_endpoint_auth_methods_supported", [])
    return None if isinstance(methods, list) else "no list of methods"


def proves_mfa(claims: Mapping[str, Any]) -> bool:
    """Whether an ID token says that there was a second factor (RFC 8176; ``acr``)."""
    methods, context = claims.get("amr"), claims.get("acr")
    return (isinstance(methods, list) and "mfa" in methods) or (
        isinstance(context, str) and context in MFA_CONTEXTS
    )


def verified_email(claims: Mapping[str, Any]) -> str | None:
    """The e-mail that the claims vouch for; None when they vouch for none."""
    email, verified = claims.get("email"), claims.get("email_verified")
    if not isinstance(email, str) or not (verified is True or verified == "true"):
        return None
    email = email.strip().lower()
    name, _, domain = email.rpartition("@")
    good = name and is_domain(domain) and len(email) <= 254 and email.isascii()
    return email if good and not re.search(r"[\s,;<>\"@]", name) else None


def account_uid(connection: UUID, issuer: str, subject: str) -> str:
    """Names whom a provider means, as one connection knows them: of another connection, or after
    the connection got another issuer, the same subject is somebody else."""
    digest = hashlib.sha256(f"{issuer}\0{subject}".encode()).digest()
    return f"{connection.hex}:{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def brings(permissions: Sequence[str] | frozenset[str], ceiling: Sequence[str]) -> bool:
    """Whether a connection may give a role with these permissions."""
    return frozenset(permissions) <= frozenset(ceiling)
