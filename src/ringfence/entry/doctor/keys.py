"""Checks of the key store: what is overwritten in the slot file must be gone from the disk."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ringfence.entry.doctor.finding import Finding
from ringfence.platform.settings import Settings

_MOUNTS = Path("/proc/self/mountinfo")
_COPY_ON_WRITE = {"btrfs", "zfs", "bcachefs"}
_VOLATILE = {"tmpfs", "ramfs"}
_FS_IOC_GETFLAGS = 0x80086601
_FS_NOCOW_FL = 0x00800000


def check(settings: Settings) -> Iterator[Finding]:
    """Place and file system of the slot file, and who may read the root key."""
    yield _check_place(settings)
    yield _check_file_system(settings.key_slots)
    if settings.keys.root_key_command is not None:
        yield _check_root_key_command(settings.keys.root_key_command)
    else:
        yield _check_root_key(settings.root_key_file)


def _check_place(settings: Settings) -> Finding:
    folder = settings.keys_dir
    if folder.is_relative_to(settings.data_dir):
        advice = "set keys.directory outside node.data_dir, and keep it out of backups"
        return Finding("key slots place", False, f"{folder} is in the data directory", advice)
    return Finding("key slots place", True, f"{folder}, outside the data directory")


def _check_file_system(slots: Path) -> Finding:
    name = "key slots file system"
    kind, source = mounted_on(slots, _MOUNTS.read_text())
    observed = f"{kind} on {source}"
    if kind in _VOLATILE:
        advice = "keys would be lost with a restart of the machine: move keys.directory"
        return Finding(name, False, observed, advice)
    if kind in _COPY_ON_WRITE and not _overwrites_in_place(slots):
        advice = "it keeps what is overwritten: use ext4 or xfs, or chattr +C the empty folder"
        return Finding(name, False, observed, advice)
    if kind in _COPY_ON_WRITE or source.startswith("/dev/mapper/"):
        return Finding(name, True, observed, "make no snapshots of it: each keeps destroyed keys")
    return Finding(name, True, observed)


def mounted_on(path: Path, mounts: str) -> tuple[str, str]:
    """File system type and device under a path, from the text of /proc/self/mountinfo."""
    best, found = -1, ("unknown", "unknown")
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        point = Path(left.split()[4].encode().decode("unicode_escape"))
        if path.is_relative_to(point) and len(point.parts) >= best:
            kind, source = right.split()[:2]
            best, found = len(point.parts), (kind, source)
    return found


def _overwrites_in_place(path: Path) -> bool:
    """Whether btrfs was told not to copy on write (chattr +C); false where that does not exist."""
    while not path.exists():
        path = path.parent
    flags = array.array("l", [0])
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, _FS_IOC_GETFLAGS, flags)
        finally:
            os.close(fd)
    return bool(flags[0] & _FS_NOCOW_FL)


def _check_root_key_command(command: tuple[str, ...]) -> Finding:
    """Not run here: it may ask a service that counts who asks for the key."""
    program = command[0] if command else "nothing"
    if shutil.which(program) is None:
        advice = "keys.root_key_command names no program that can be run"
        return Finding("root key", False, f"from {program}", advice)
    return Finding("root key", True, f"from {program}")


def _check_root_key(path: Path) -> Finding:
    try:
        mode = path.stat().st_mode & 0o777
    except OSError:
        return Finding("root key", True, "not in a file (yet)")
    if mode & 0o077:
        return Finding("root key", False, f"{path} has mode {mode:o}", f"chmod 600 {path}")
    return Finding("root key", True, f"{path}, readable by its owner alone")
