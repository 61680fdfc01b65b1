"""Limits of wrong passwords, which stop a guesser and no owner (decision 0028).

A browser from which the account was used before has a limit of its own that nobody else can use
up. All others share three: of the address that they come from (many accounts from one place), of
the account from that address, and of the account from everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from allauth.core.internal.ratelimit import RateLimitUsage, clear, consume, get_ip
from django.http import HttpRequest

from ringfence.domains.identity.sign_in.devices import known_device

_APP = "ringfence"
FROM_KNOWN = {"known_device": "10/10m/key"}
FROM_ADDRESS = {"address": "30/10m/ip"}
FROM_ADDRESS_AT_ACCOUNT = {"account_from_address": "5/10m/key"}
AT_ACCOUNT = {"account": "50/h/key"}


@dataclass(frozen=True, slots=True)
class Tries:
    """What a try used up; a right password gives it back."""

    used: tuple[RateLimitUsage, ...]

    def rollback(self) -> None:
        for usage in self.used:
            usage.rollback()


def count_try(request: HttpRequest, email: str) -> Tries | None:
    """Count a try with a password before it is looked at; None: it is not looked at."""
    email = email.lower()
    device = known_device(request, email)
    if device is not None:
        limits = [(FROM_KNOWN, f"{email} {device.hex()}")]
    else:
        limits = [
            (FROM_ADDRESS, ""),
            (FROM_ADDRESS_AT_ACCOUNT, f"{email} {get_ip(request)}"),
            (AT_ACCOUNT, email),
        ]
    used = []
    for config, key in limits:
        (action,) = config
        usage = consume(request, app=_APP, action=action, config=config, key=key)
        if usage is None:
            return None
        used.append(usage)
    return Tries(tuple(used))


def forget_tries(request: HttpRequest, email: str) -> None:
    """Whoever has the mailbox of an account may try again from where they are."""
    email = email.lower()
    for config, key in (
        (FROM_ADDRESS_AT_ACCOUNT, f"{email} {get_ip(request)}"),
        (AT_ACCOUNT, email),
    ):
        (action,) = config
        clear(request, app=_APP, action=action, config=config, key=key)
