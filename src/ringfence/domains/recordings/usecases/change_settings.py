"""A tenant decides whether and how its calls are recorded."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import get_args
from uuid import UUID

from ringfence.domains.recordings.contracts import (
    ConsentOverride,
    Gap,
    InvalidRecordingSettings,
    SettingsInfo,
)
from ringfence.domains.recordings.models import RecordingSettings
from ringfence.platform.keys.errors import UnfitName
from ringfence.platform.keys.objects import customer_key
from ringfence.platform_django.tenancy import tenant

PROMPTS = Path(__file__).parent.parent / "prompts"
_MAX_PEM = 8192


def change_settings(tenant_id: UUID, new: SettingsInfo) -> SettingsInfo:
    """Put new settings in force, from the next call on. Raises InvalidRecordingSettings."""
    if new.gap not in get_args(Gap):
        raise _refuse("gap", "is silence or tone")
    if new.consent_override not in (None, *get_args(ConsentOverride)):
        raise _refuse("consent_override", "is always_announce or nothing")
    if not 0 <= new.analysis_hours <= 720:
        raise _refuse("analysis_hours", "lies between 0 and 720")
    if not new.analysis_hours and new.customer_key is None:
        raise _refuse("analysis_hours", "is 0 only with a customer_key: nobody could listen")
    if new.prompt not in {path.stem for path in PROMPTS.glob("*.wav")}:
        raise _refuse("prompt", "names no prompt of this installation")
    if new.customer_key is not None:
        _check_key(new.customer_key)
    with tenant(tenant_id):
        RecordingSettings.objects.update_or_create(tenant_id=tenant_id, defaults=asdict(new))
    return new


def _check_key(pem: str) -> None:
    try:
        if len(pem) > _MAX_PEM:
            raise UnfitName("the PEM is too long")
        customer_key(pem.encode())
    except UnfitName as error:
        raise _refuse("customer_key", error.message) from None


def _refuse(field: str, problem: str) -> InvalidRecordingSettings:
    return InvalidRecordingSettings(f"{field}: {problem}", details={"field": field})
