"""The marker of a closed installation: while it is there, nothing but database and keys starts.

A restore closes the installation before it touches anything, and opens it when what was erased
since is erased again.
"""

from __future__ import annotations

import os
from pathlib import Path

from ringfence.kernel.errors import Unavailable
from ringfence.platform.keys.roots import sync_directory
from ringfence.platform.settings import Settings


class InstallationClosed(Unavailable):
    """A restore is not finished."""

    code = "installation_closed"


def closed_marker(settings: Settings) -> Path:
    """The file; what it holds says why and how far."""
    return settings.data_dir / "closed"


def refuse_closed(settings: Settings) -> None:
    """Raises InstallationClosed while the marker is there."""
    marker = closed_marker(settings)
    if marker.exists():
        raise InstallationClosed(
            f"{marker} closes this installation: a restore is not finished; "
            "`ringfence restore --resume` finishes it"
        )


def write_durably(path: Path, data: bytes) -> None:
    """Replace a file of mode 0600 by another, on disk when this returns."""
    draft = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    sync_directory(path.parent)
