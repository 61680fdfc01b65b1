"""Giving up root for one child process, without creating users or changing foreign folders."""

from __future__ import annotations

import ctypes
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from ringfence.kernel.errors import RingfenceError
from ringfence.platform.process import set_parent_death_signal

SERVICE_USER = "ringfence"
"""Used when the machine has such a user."""
UNCLAIMED_UID = 61000
"""Else this id, which no distribution hands out (systemd's UIDS-GIDS: 60706-61183 are unused)."""

_PR_CAPBSET_READ, _PR_SET_SECUREBITS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 23, 28, 47, 2
_SECBIT_NO_SETUID_FIXUP = 4
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2
_CAPABILITY_VERSION_3 = 0x20080522


class DirectoryClosed(RingfenceError):
    """A folder on the way to a file may not be entered by the user that has to reach it."""

    code = "directory_closed"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a child process runs as; ``uid`` None leaves everything as it is (not started as root).

    ``initialising_uid`` has an entry in the password file, which initdb insists on.
    ``capability`` lets it pass folders closed to it, when the installation lies beneath one.
    """

    uid: int | None = None
    gid: int = 0
    initialising_uid: int = 0
    capability: int | None = None

    def own(self, path: Path, *, initialising: bool = False) -> None:
        """Hand a file or folder to this identity."""
        if self.uid is not None:
            os.chown(path, self.initialising_uid if initialising else self.uid, self.gid)

    def become(self, death_signal: int, *, initialising: bool = False) -> None:
        """Between fork and exec: take this identity; get ``death_signal`` when the parent ends."""
        parent = os.getppid()
        if self.uid is not None:
            uid = self.initialising_uid if initialising else self.uid
            if self.capability is not None:
                # capabilities outlive setuid, and access(2), which PostgreSQL asks, counts them
                _libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
            os.setgroups([])
            os.setgid(self.gid)
            os.setuid(uid)
            if self.capability is not None:
                _keep_capability(self.capability)
        os.umask(0o077)
        set_parent_death_signal(death_signal)
        if os.getppid() != parent:
            os._exit(1)


_libc = ctypes.CDLL(None, use_errno=True)


def choose_identity(*paths: Path) -> Identity:
    """Who shall own and reach ``paths``. Raises DirectoryClosed, naming the folder in the way."""
    if os.geteuid() != 0:
        return Identity()
    try:
        user = pwd.getpwnam(SERVICE_USER)
        uid, gid, initialising = user.pw_uid, user.pw_gid, user.pw_uid
    except KeyError:
        uid = gid = UNCLAIMED_UID
        initialising = max(entry.pw_uid for entry in pwd.getpwall())
    closed = next(filter(None, (_closed_parent(path, uid, gid) for path in paths)), None)
    capability = None
    if closed is not None:
        capability = _available_capability()
        if capability is None:
            raise DirectoryClosed(
                f"{closed} may not be entered by the unprivileged user (id {uid}) that the "
                f"database server runs as: set node.data_dir to a directory outside of it, "
                f"or install outside of it",
                details={"directory": str(closed)},
            )
    return Identity(uid, gid, initialising, capability)


def chown_tree(root: Path, identity: Identity) -> None:
    """Hand a folder and everything in it to ``identity``."""
    if identity.uid is None:
        return
    for folder, _, files in os.walk(root):
        os.chown(folder, identity.uid, identity.gid)
        for name in files:
            os.chown(Path(folder, name), identity.uid, identity.gid, follow_symlinks=False)


def _closed_parent(path: Path, uid: int, gid: int) -> Path | None:
    """The outermost existing folder above ``path`` that the user may not enter."""
    for parent in reversed(path.resolve().parents):
        try:
            status = parent.stat()
        except FileNotFoundError:
            return None
        if status.st_uid == uid:
            allowed = status.st_mode & stat.S_IXUSR
        elif status.st_gid == gid:
            allowed = status.st_mode & stat.S_IXGRP
        else:
            allowed = status.st_mode & stat.S_IXOTH
        if not allowed:
            return parent
    return None


def _available_capability() -> int | None:
    """The least capability, of those this process may pass on, that opens closed folders."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    permitted = next((int(line[7:], 16) for line in lines if line.startswith("CapPrm:")), 0)
    for capability in (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE):
        if permitted >> capability & 1 and _libc.prctl(_PR_CAPBSET_READ, capability, 0, 0, 0) == 1:
            return capability
    return None


def _keep_capability(capability: int) -> None:
    """Reduce this process to one capability and let it survive exec."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    bit = 1 << capability
    data = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    if _libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0)
