"""Consent, for other domains and the entrances."""

from ringfence.domains.consent.queries import (
    get_wording,
    list_evidence,
    list_wordings,
    profile_of,
    refused,
    stands_of,
)
from ringfence.domains.consent.usecases.create_wording import create_wording
from ringfence.domains.consent.usecases.record import record
from ringfence.domains.consent.usecases.settle import stop_now

__all__ = [
    "create_wording",
    "get_wording",
    "list_evidence",
    "list_wordings",
    "profile_of",
    "record",
    "refused",
    "stands_of",
    "stop_now",
]
