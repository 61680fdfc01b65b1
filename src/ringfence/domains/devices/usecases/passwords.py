"""What a device proves itself by: made up or given, kept as what recognises it."""

from __future__ import annotations

import secrets

from django.conf import settings

from ringfence.domains.devices.models import Device
from ringfence.domains.devices.rules.validation import check_password
from ringfence.platform_django.sealed import seal_field
from ringfence.protocols.sip.digest import ha1

_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
"""Nothing that is mistaken for something else when it is typed into a phone."""


def made_up_username() -> str:
    """Says nothing about anybody."""
    return "desk-" + "".join(secrets.choice(_ALPHABET) for _ in range(6))


def set_password(row: Device, given: str | None) -> str | None:
    """Seal what recognises the password; the row is not saved. Returns it if it was made up.

    Raises InvalidDevice; Unavailable while `keys` is away.
    """
    password = given if given is not None else secrets.token_urlsafe(18)
    check_password(row.username, password)
    realm = settings.RINGFENCE.sip.realm
    row.ha1_md5_sealed = seal_field(
        row, "ha1_md5_sealed", ha1(row.username, realm, password, "MD5")
    )
    row.ha1_sha256_sealed = seal_field(
        row, "ha1_sha256_sealed", ha1(row.username, realm, password, "SHA-256")
    )
    return password if given is None else None
