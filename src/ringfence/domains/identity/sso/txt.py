"""TXT records of domains: a port, and adapters that ask nobody outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.conf import settings
from django.utils.module_loading import import_string

TxtLookup = Callable[[str], Sequence[str]]
"""The texts of a name's TXT records; none where there are none, or nobody to ask."""


def lookup(name: str) -> Sequence[str]:
    """By the adapter that ``SSO_TXT_LOOKUP`` names."""
    adapter: TxtLookup = import_string(settings.SSO_TXT_LOOKUP)
    return adapter(name)


def from_nowhere(name: str) -> Sequence[str]:
    """Nothing is proven by DNS: the operator vouches for domains."""
    return ()


def from_file(name: str) -> Sequence[str]:
    """From ``<data_dir>/txt-records``, lines of a name, a space and a text; none without it.

    Whatever watches the DNS for an installation without a resolver of its own may write it.
    """
    try:
        text = (settings.RINGFENCE.data_dir / "txt-records").read_text("utf-8")
    except FileNotFoundError:
        return ()
    pairs = (line.strip().partition(" ") for line in text.splitlines())
    return [value.strip() for owner, _, value in pairs if owner.rstrip(".").lower() == name]
