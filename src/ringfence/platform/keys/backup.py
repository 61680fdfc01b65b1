"""A copy of the store's file while it is in use. Worth nothing without slot file and root key."""

from __future__ import annotations

import os
import secrets
import sqlite3
from pathlib import Path

from ringfence.platform.keys.errors import UnfitName
from ringfence.platform.keys.roots import sync_directory


def copy_store(source: Path, target: Path) -> int:
    """Copy what is committed at this moment to a new file of mode 0600; its size in bytes.

    Runs beside the owner's work, in any thread of the process that owns the store. Raises UnfitName
    when ``target`` exists or its folder does not, OSError when it cannot be written.
    """
    if not target.is_absolute() or not target.parent.is_dir() or target.exists():
        raise UnfitName("a backup goes to a new file, by absolute path, in a folder that exists")
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        reading, writing = sqlite3.connect(source), sqlite3.connect(draft)
        try:
            reading.backup(writing)
        finally:
            reading.close()
            writing.close()
        with draft.open("rb") as file:
            os.fsync(file.fileno())
            size = os.fstat(file.fileno()).st_size
        os.link(draft, target)  # fails, unlike rename, when the file has come to be
        sync_directory(target.parent)
        return size
    except sqlite3.Error as error:
        raise OSError(f"the key store cannot be copied: {error}") from None
    finally:
        draft.unlink(missing_ok=True)
