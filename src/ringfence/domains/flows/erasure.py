"""At the end of a tenant its audio files go; its rows go with all others."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from uuid import UUID

from django.conf import settings

from ringfence.domains.privacy.api import register_file_removal


def register() -> None:
    """Called when the app is ready."""
    register_file_removal(remove_files)


def remove_files(tenant: UUID, held: Collection[UUID]) -> None:
    """A prompt is no item: no legal hold covers one."""
    shutil.rmtree(settings.RINGFENCE.prompt_dir / tenant.hex, ignore_errors=True)
