"""Whether a call is to be recorded, and what its parties have to hear first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connections

from ringfence.domains.policy.api import custody_of
from ringfence.domains.recordings.contracts import (
    Custody,
    InForce,
    RecordingPlanInfo,
    RecordingPlans,
    SettingsInfo,
)
from ringfence.domains.recordings.rules.consent import consent
from ringfence.domains.recordings.usecases.change_settings import PROMPTS
from ringfence.kernel.fields import CUSTOMER_RECORDINGS, RECORDINGS
from ringfence.platform_django.tenancy import CALLPLANE
from ringfence.policies.profiles.service_vocabulary import Custody as KeyCustody

KEY_MISSING = "customer_key_missing"
"""Nothing is recorded: the customer alone may open it, and has registered no key."""
MESSAGE = "message"
"""Basis of a message: the caller's own wish."""
_ANYBODY = ("",)


def recording_plans(tenant_id: UUID, numbers: Sequence[str], *, emergency: bool) -> RecordingPlans:
    """How to record a call between these numbers.

    ``numbers``: E.164 of everybody who may take part (the caller, the dialled number, each
    target), empty where withheld or no number. An emergency call is never recorded. Where the
    version of the policy that binds the tenant leaves the keys to the customer, nobody else opens
    what is recorded, and without a key of theirs nothing is. Two indexed queries, as the call
    plane's role. Raises django.db.Error.
    """
    if emergency:
        return RecordingPlans()
    with connections[CALLPLANE].cursor() as cursor:
        cursor.execute("SELECT * FROM ringfence_recording_settings(%s)", [tenant_id])
        row = cursor.fetchone()
    empty: tuple[Any, ...] = (False, None, "silence", "", None, 24)
    enabled, override, gap, prompt, customer_key, hours = row or empty
    keys = () if customer_key is None else (customer_key,)
    custody = _custody(tenant_id, hours)
    rule = RECORDINGS if customer_key is None else CUSTOMER_RECORDINGS
    if custody == "customer" and not keys:
        refused = RecordingPlanInfo("", None, gap, (), rule, custody, KEY_MISSING)
        conversation = refused if enabled else None
        return RecordingPlans(conversation, conversation, refused)
    message = RecordingPlanInfo(MESSAGE, None, "silence", keys, rule, custody)
    if not enabled:
        return RecordingPlans(message=message)

    def plan(parties: Sequence[str]) -> RecordingPlanInfo:
        asked = consent(parties, override)
        source = f"file:{PROMPTS / prompt}.wav" if asked.announce else None
        return RecordingPlanInfo(asked.basis, source, gap, keys, rule, custody)

    return RecordingPlans(plan(numbers), plan(_ANYBODY), message)


def in_force(tenant_id: UUID, settings: SettingsInfo) -> InForce:
    """What becomes of calls from now on. Raises django.db.Error."""
    custody = _custody(tenant_id, settings.analysis_hours)
    missing = settings.enabled and custody == "customer" and settings.customer_key is None
    return InForce(custody, KEY_MISSING if missing else None)


def _custody(tenant_id: UUID, analysis_hours: int) -> Custody:
    """Who opens what is recorded: the customer alone where the tenant leaves us no hours, or where
    the version of the policy that binds it says so. No key agent of a customer's can be asked, so a
    profile that allows for one is as strict."""
    if analysis_hours and custody_of(tenant_id) is not KeyCustody.CUSTOMER:
        return "platform"
    return "customer"
