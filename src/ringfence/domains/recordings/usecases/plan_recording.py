"""Whether a call is to be recorded, and what its parties have to hear first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connections

from ringfence.domains.recordings.contracts import RecordingPlanInfo, RecordingPlans
from ringfence.domains.recordings.rules.consent import consent
from ringfence.domains.recordings.usecases.change_settings import PROMPTS
from ringfence.kernel.fields import CUSTOMER_RECORDINGS, RECORDINGS
from ringfence.platform_django.tenancy import CALLPLANE

MESSAGE = "message"
"""Basis of a message: the caller's own wish."""
_ANYBODY = ("",)


def recording_plans(tenant_id: UUID, numbers: Sequence[str], *, emergency: bool) -> RecordingPlans:
    """How to record a call between these numbers.

    ``numbers``: E.164 of everybody who may take part (the caller, the dialled number, each
    target), empty where withheld or no number. An emergency call is never recorded. One indexed
    query, as the call plane's role. Raises django.db.Error.
    """
    if emergency:
        return RecordingPlans()
    with connections[CALLPLANE].cursor() as cursor:
        cursor.execute("SELECT * FROM ringfence_recording_settings(%s)", [tenant_id])
        row = cursor.fetchone()
    empty: tuple[Any, ...] = (False, None, "silence", "", None)
    enabled, override, gap, prompt, customer_key = row or empty
    keys = () if customer_key is None else (customer_key,)
    rule = RECORDINGS if customer_key is None else CUSTOMER_RECORDINGS
    message = RecordingPlanInfo(MESSAGE, None, "silence", keys, rule)
    if not enabled:
        return RecordingPlans(message=message)

    def plan(parties: Sequence[str]) -> RecordingPlanInfo:
        asked = consent(parties, override)
        source = f"file:{PROMPTS / prompt}.wav" if asked.announce else None
        return RecordingPlanInfo(asked.basis, source, gap, keys, rule)

    return RecordingPlans(plan(numbers), plan(_ANYBODY), message)
