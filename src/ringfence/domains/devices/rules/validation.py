"""What a device may be called, and what it may prove itself by."""

from __future__ import annotations

import re

from ringfence.domains.devices.contracts import InvalidDevice

_USERNAME = re.compile(r"[a-z0-9._-]{3,40}")
_PASSWORD = re.compile(r"[\x21-\x7e]{12,128}")


def _refuse(field: str, problem: str) -> InvalidDevice:
    return InvalidDevice(f"{field}: {problem}", details={"field": field})


def check_name(name: str) -> str:
    """The name without white space around it. Raises InvalidDevice."""
    if not 1 <= len(name.strip()) <= 120:
        raise _refuse("name", "has 1 to 120 characters")
    return name.strip()


def check_username(username: str) -> None:
    """Raises InvalidDevice."""
    if not _USERNAME.fullmatch(username):
        raise _refuse("username", "has 3 to 40 of a-z, 0-9, . _ -")


def check_password(username: str, password: str) -> None:
    """Raises InvalidDevice for a password that phones cannot be given, or that is guessed."""
    if not _PASSWORD.fullmatch(password):
        raise _refuse("password", "has 12 to 128 ASCII characters and no spaces")
    if username in password.lower() or len(set(password)) < 5:
        raise _refuse("password", "is too easy to guess")
