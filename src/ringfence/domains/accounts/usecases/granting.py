"""What a new credential may be allowed: what is known, and nothing that its maker lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db.models import Q

from ringfence.domains.accounts.contracts import (
    ALL_PURPOSES,
    GrantRefused,
    InvalidExpiry,
    InvalidNetwork,
    LimitTooHigh,
    UnknownPurpose,
    UnknownScope,
    Wanted,
)
from ringfence.platform_django.addresses import narrower, parse_networks
from ringfence.platform_django.clock import clock
from ringfence.platform_django.http import Caller
from ringfence.platform_django.ratelimit import limits

MAX_NETWORKS = 50
_LAST_YEAR = 2999


def checked(wanted: Wanted, known: Sequence[str]) -> Wanted:
    """What is wanted, without repetition. Raises UnknownScope, UnknownPurpose, InvalidExpiry,
    InvalidNetwork."""
    unknown = sorted(set(wanted.scopes) - set(known))
    if unknown:
        raise UnknownScope("unknown scopes", details={"scopes": unknown, "known": known})
    unfit = sorted(set(wanted.purposes) - set(ALL_PURPOSES))
    if unfit:
        raise UnknownPurpose("unknown purposes", details={"purposes": unfit, "known": ALL_PURPOSES})
    ends = wanted.expires_at
    if ends is not None and (
        ends.tzinfo is None or ends <= clock().now() or ends.year > _LAST_YEAR
    ):
        raise InvalidExpiry(f"expires_at is to come, until {_LAST_YEAR}, and has an offset")
    return replace(
        wanted,
        scopes=tuple(dict.fromkeys(wanted.scopes)),
        purposes=tuple(dict.fromkeys(wanted.purposes)),
        allowed_networks=checked_networks(wanted.allowed_networks),
    )


def checked_networks(texts: Sequence[str]) -> tuple[str, ...]:
    """Networks as they are stored. Raises InvalidNetwork."""
    try:
        found = parse_networks(texts)
    except ValueError:
        raise InvalidNetwork("a network is like 192.0.2.0/24 or 2001:db8::/48") from None
    if len(found) > MAX_NETWORKS or any("%" in str(one) for one in found):
        raise InvalidNetwork(f"there are at most {MAX_NETWORKS} networks, without zones")
    return tuple(str(one) for one in found)


def check_grant(grantor: Caller, wanted: Wanted) -> None:
    """Raises GrantRefused where a new credential could do what its maker cannot."""
    beyond = {
        "scopes": sorted(set(wanted.scopes) - grantor.scopes),
        "purposes": sorted(set(wanted.purposes) - set(grantor.purposes)),
    }
    if any(beyond.values()):
        raise GrantRefused("a key cannot grant what it lacks", details=beyond)
    if grantor.expires_at is not None and (
        wanted.expires_at is None or wanted.expires_at > grantor.expires_at
    ):
        raise GrantRefused(
            "a key cannot grant a longer life than its own",
            details={"expires_at": grantor.expires_at.isoformat()},
        )
    check_networks(grantor, wanted.allowed_networks)
    check_per_minute(grantor, wanted.requests_per_minute)


def check_networks(grantor: Caller, texts: Sequence[str]) -> None:
    """Raises GrantRefused."""
    if not narrower(parse_networks(texts), grantor.networks):
        raise GrantRefused(
            "a key cannot grant wider networks than its own",
            details={"allowed_networks": [str(one) for one in grantor.networks]},
        )


def check_per_minute(grantor: Caller, per_minute: int | None) -> None:
    """Raises GrantRefused."""
    most, given = grantor.most_per_minute, per_minute or limits().requests
    if most and (not given or given > most):
        raise GrantRefused(
            "a key cannot grant a higher limit than its own",
            details={"requests_per_minute": most},
        )


def check_tenant_limit(of_tenant: int | None, per_minute: int | None) -> None:
    """Raises LimitTooHigh where a credential would be allowed more than its tenant."""
    most = of_tenant or limits().tenant_requests
    if most and per_minute is not None and per_minute > most:
        raise LimitTooHigh("the tenant itself is allowed less", details={"most": most})


def still_valid(now: datetime) -> Q:
    """Neither revoked nor expired."""
    return Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))
