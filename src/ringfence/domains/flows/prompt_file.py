"""Where the audio of prompts is kept, for the media workers to play."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID


def prompt_path(folder: Path, tenant_id: UUID, prompt_id: UUID) -> Path:
    """``folder`` is platform.settings.Settings.prompt_dir."""
    return folder / tenant_id.hex / f"{prompt_id.hex}.wav"


def write_prompt(path: Path, audio: bytes) -> None:
    """Durable, and there either whole or not at all. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.new")  # a backup passes over it
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(audio)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
