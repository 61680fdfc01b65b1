"""Whether a call is to be recorded, and what its parties have to hear first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connections

from ringfence.domains.recordings.contracts import RecordingPlanInfo
from ringfence.domains.recordings.rules.consent import consent
from ringfence.domains.recordings.usecases.change_settings import PROMPTS
from ringfence.kernel.fields import CUSTOMER_RECORDINGS, RECORDINGS
from ringfence.platform_django.tenancy import CALLPLANE

MESSAGE = "message"
"""Basis of a message: the caller's own wish."""


def recording_plan(
    tenant_id: UUID, numbers: Sequence[str], *, emergency: bool
) -> RecordingPlanInfo | None:
    """How to record a call between these numbers; None: not at all.

    ``numbers``: E.164 of everybody who may take part (the caller, the dialled number, each
    target), empty where withheld or no number. An emergency call is never recorded. One indexed
    query, as the call plane's role. Raises django.db.Error.
    """
    row = None if emergency else _settings(tenant_id)
    if row is None or not row[0]:
        return None
    _, override, gap, prompt, customer_key = row
    asked = consent(numbers, override)
    return RecordingPlanInfo(
        basis=asked.basis,
        prompt=f"file:{PROMPTS / prompt}.wav" if asked.announce else None,
        gap=gap,
        customer_keys=() if customer_key is None else (customer_key,),
        rule=RECORDINGS if customer_key is None else CUSTOMER_RECORDINGS,
    )


def message_plan(tenant_id: UUID) -> RecordingPlanInfo:
    """How a message is kept that a caller leaves after a beep: who speaks then asks to be recorded,
    so it does not depend on whether the tenant records conversations. Raises django.db.Error."""
    row = _settings(tenant_id)
    customer_key = None if row is None else row[4]
    return RecordingPlanInfo(
        basis=MESSAGE,
        prompt=None,
        gap="silence",
        customer_keys=() if customer_key is None else (customer_key,),
        rule=RECORDINGS if customer_key is None else CUSTOMER_RECORDINGS,
    )


def _settings(tenant_id: UUID) -> tuple[Any, ...] | None:
    with connections[CALLPLANE].cursor() as cursor:
        cursor.execute("SELECT * FROM ringfence_recording_settings(%s)", [tenant_id])
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row
