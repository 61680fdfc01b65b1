"""Static files of the hosted pages, under names that carry a hash of what is in them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """They are collected into the data directory when ``web`` starts; before that, as in tests,
    their plain names are told."""

    manifest_strict = False

    def url(self, name: str | None, force: bool = False) -> Any:
        if not self.hashed_files:
            return urljoin(settings.STATIC_URL, name or "")
        return super().url(name, force)


def collect() -> None:
    """Put the files of all apps, hashed and compressed, where WhiteNoise serves them from."""
    from django.core.management import call_command

    call_command("collectstatic", interactive=False, verbosity=0)
