"""What an endpoint may be, and what may stand in the outbox."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from ringfence.domains.webhooks.contracts import EVENT_TYPES, EVERY_TYPE, InvalidWebhook, Scalar

MAX_URL = 2048
MAX_DESCRIPTION = 200
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,80}")
_NUMBER = re.compile(r"\+?[0-9().-]{5,20}")
_LARGEST_AMOUNT = 10**15


class PersonalValueRefused(ValueError):
    """Somebody tried to put what may be a personal value into the outbox: a mistake of ours."""


def check_url(url: str, *, plain_http: bool) -> None:
    """Raises InvalidWebhook unless messages could be sent there. Where it leads is checked when it
    is stored and again at each attempt."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise _invalid("url", "not a URL") from None
    if not _PRINTABLE.fullmatch(url) or len(url) > MAX_URL or "\\" in url or not host:
        raise _invalid("url", "not a URL")
    if parts.scheme != "https" and not (plain_http and parts.scheme == "http"):
        raise _invalid("url", "only https is spoken")
    if parts.username is not None or parts.password is not None:
        raise _invalid("url", "no user name or password may stand in it")
    if parts.fragment or (port is not None and port < 1):
        raise _invalid("url", "not a URL that can be posted to")


def check_events(events: Sequence[str]) -> tuple[str, ...]:
    """The types, each once, in their own order. Raises InvalidWebhook."""
    unknown = sorted(set(events) - {*EVENT_TYPES, EVERY_TYPE})
    if not events or unknown:
        raise _invalid("events", "name one or more known types, or *")
    if EVERY_TYPE in events:
        return (EVERY_TYPE,)
    return tuple(type_ for type_ in EVENT_TYPES if type_ in events)


def check_description(description: str) -> str:
    """Raises InvalidWebhook."""
    text = description.strip()
    if len(text) > MAX_DESCRIPTION or not (text.isprintable() or not text):
        raise _invalid("description", "up to 200 printable characters")
    return text


def check_data(data: Mapping[str, Scalar]) -> None:
    """Raises PersonalValueRefused for anything but ids, codes and amounts."""
    for value in data.values():
        if value is None or isinstance(value, bool):
            continue
        if isinstance(value, int):
            good = -_LARGEST_AMOUNT <= value <= _LARGEST_AMOUNT
        else:
            good = _WORD.fullmatch(value) is not None and not _NUMBER.fullmatch(value)
        if not good:
            raise PersonalValueRefused("the outbox holds ids, codes and amounts only")


def _invalid(field: str, problem: str) -> InvalidWebhook:
    return InvalidWebhook(f"{field}: {problem}", details={"field": field})
