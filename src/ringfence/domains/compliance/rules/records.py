"""Contacts of record: which count, and where news of a change goes (47 CFR 64.2003, 64.2010(f))."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

ON_FILE = timedelta(days=30)
BEGINNING = timedelta(hours=24)
"""What is given so soon after an account was made came with the account."""


class Kind(StrEnum):
    """What a contact is, in the order in which news goes to them."""

    EMAIL = "email"
    NUMBER = "number"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class OnFile:
    """A contact that is, or was, on file."""

    kind: Kind
    value: str
    since: datetime
    with_account: bool
    """It came with the account."""
    replaced_at: datetime | None = None


def of_record(contact: OnFile, now: datetime) -> bool:
    """Whether it is on file, and long enough."""
    return contact.replaced_at is None and _long_enough(contact, now)


def addressee(contacts: Sequence[OnFile], now: datetime) -> OnFile | None:
    """Who hears of a change: the e-mail of record, else the number, else the address.

    A contact that was replaced lately stands in for its successor until that one is of record, so
    that whoever changes a contact first does not then hear of all the rest alone. Where nothing is
    of record, whatever is on file.
    """
    for kind in Kind:
        mine = [one for one in contacts if one.kind is kind]
        for one in mine:
            if of_record(one, now):
                return one
        before = [
            one
            for one in mine
            if one.replaced_at is not None
            and now - one.replaced_at < ON_FILE
            and _long_enough(one, one.replaced_at)
        ]
        if before:
            return max(before, key=lambda one: one.replaced_at or one.since)
    rest = [one for kind in Kind for one in contacts if one.kind is kind and not one.replaced_at]
    return rest[0] if rest else None


def masked(kind: Kind, value: str) -> str:
    """As much as tells its owner which one it is."""
    if kind is Kind.EMAIL:
        name, _, domain = value.partition("@")
        return f"{name[:1]}***@{domain}"
    if kind is Kind.NUMBER:
        return f"{value[:2]}{'*' * (len(value) - 4)}{value[-2:]}"
    return "***"


def _long_enough(contact: OnFile, at: datetime) -> bool:
    return contact.with_account or at - contact.since >= ON_FILE
