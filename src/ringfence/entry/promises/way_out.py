"""Ways out of this machine, as the kernel shows them: whose connections, and what a try meets."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import psutil

from ringfence.entry.supervisor.messages import NotRunning, ProcessStatus, ask
from ringfence.platform.settings import Settings

EGRESS = "egress"
CALL_PLANE = frozenset({"signalling", "media"})
"""They speak SIP and RTP with trunks and phones: that is what they are for."""
FOREIGN = "198.51.100.1"
"""Documentation (RFC 5737): no machine has it."""
_PORT = 9
_SECONDS = 20
_UNITS = Path("/sys/fs/cgroup")
_HELD = frozenset({errno.EPERM, errno.EACCES})
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH})
# Becomes another user after it has started, because that one may not be able to start Python.
_TRY = f"""
import ctypes, os, socket, sys
pid, user, group = map(int, sys.argv[1:])
if os.geteuid() == 0:
    with open(f"/proc/{{pid}}/ns/net") as place:
        if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), 0x40000000):
            sys.exit("cannot enter the network of the process")
    os.setgroups([]); os.setresgid(group, group, group); os.setresuid(user, user, user)
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try:
    out.connect(("{FOREIGN}", {_PORT}))
    out.send(b"may this leave?")
    print(0)
except OSError as error:
    print(error.errno)
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A process of the installation."""

    name: str
    """As the supervisor, or its unit, calls it; of a child that of its parent."""
    pid: int


def running(settings: Settings) -> list[Running]:
    """Every process of the installation with its children, and this one with its own.

    Raises NotRunning when there is neither a supervisor nor a unit.
    """
    try:
        found = ask(settings, "status", None, list[ProcessStatus], 5.0)
        roots = [(one.name, one.pid) for one in found if one.pid is not None]
    except NotRunning:
        roots = list(_of_units())
        if not roots:
            raise
    here = ("examiner", os.getpid())
    return [
        Running(name, pid) for name, root in (*roots, here) for pid in dict.fromkeys(family(root))
    ]


def _of_units() -> Iterator[tuple[str, int]]:
    """By the systemd units that ``ringfence egress rules`` prints."""
    for file in _UNITS.glob("**/ringfence-*.service/cgroup.procs"):
        with contextlib.suppress(OSError):
            name = file.parent.name.removeprefix("ringfence-").removesuffix(".service")
            for pid in file.read_text().split():
                yield name, int(pid)


def family(pid: int) -> Iterator[int]:
    """A process and its descendants."""
    with contextlib.suppress(psutil.NoSuchProcess):
        yield pid
        for child in psutil.Process(pid).children(recursive=True):
            yield child.pid


def outward(processes: Iterable[Running]) -> Iterator[tuple[Running, str]]:
    """Connections that these processes made to other machines, with the address: TCP that is open
    or being opened, and UDP that is connected. Raises psutil.AccessDenied."""
    for one in processes:
        try:
            sockets = psutil.Process(one.pid).net_connections("inet")
        except psutil.NoSuchProcess:
            continue
        listening = {
            (each.type, each.laddr.port) for each in sockets if each.status == psutil.CONN_LISTEN
        }
        for each in sockets:
            if not each.raddr or (each.type, each.laddr.port) in listening:
                continue  # somebody came in
            if is_foreign(each.raddr.ip):
                yield one, str(each.raddr.ip)


def is_foreign(text: str) -> bool:
    """Whether an address is of another machine."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback or address.is_unspecified:
        return False
    return str(address) not in {
        one.address.partition("%")[0] for card in psutil.net_if_addrs().values() for one in card
    }


def addresses(host: str) -> set[str]:
    """Every address of a name; none when it does not resolve."""
    with contextlib.suppress(OSError):
        return {str(one[4][0]) for one in socket.getaddrinfo(host, None)}
    return set()


@contextlib.contextmanager
def a_connection_out() -> Iterator[str]:
    """A child of this process opens a connection to another machine, or goes on trying to; its
    subject. Raises RuntimeError where there is no way out at all."""
    code = (
        "import socket, sys\n"
        "out = socket.socket()\nout.setblocking(False)\n"
        f"print(out.connect_ex(('{FOREIGN}', {_PORT})), flush=True)\n"
        "sys.stdin.read()"
    )
    child = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        number = int(child.stdout.readline() or -1)
        if number != errno.EINPROGRESS:
            raise RuntimeError(f"no connection out could be made: {os.strerror(number)}")
        yield subject("examiner", FOREIGN)
    finally:
        child.kill()
        child.communicate()


def subject(name: str, address: str) -> str:
    return f"{name} to {address}"


def tried(pid: int) -> int:
    """What a datagram to another machine meets when the user of a process sends it from where that
    process is (network namespace, and cgroup where it can be joined): 0 it leaves, else an errno.

    Raises PermissionError when this user cannot become that one, RuntimeError when the try fails.
    """
    facts = psutil.Process(pid)
    user = facts.uids().effective
    if user != os.geteuid() and os.geteuid() != 0:
        raise PermissionError("only root can try as other users")
    ids = (str(pid), str(user), str(facts.gids().effective))
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-I", "-c", _TRY, *ids],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        preexec_fn=lambda: _join(pid),
    )
    if not done.stdout.strip().isdigit():
        raise RuntimeError(f"the try did not run: {done.stderr.strip()[-200:]}")
    return int(done.stdout)


def _join(pid: int) -> None:
    """Be where systemd's rules for the unit hold, if this user may."""
    with contextlib.suppress(OSError):
        place = Path(f"/proc/{pid}/cgroup").read_text().rpartition("0::")[2].split("\n")[0]
        for root in (_UNITS, _UNITS / "unified"):
            procs = root / place.lstrip("/") / "cgroup.procs"
            if procs.exists():
                procs.write_text(str(os.getpid()))
                return


def why_unforced(processes: list[Running]) -> str:
    """Why it cannot be said that only the egress process can send anything out; empty: it can.

    That nothing leaves shows a rule only where something can: the egress process's own try must.
    """
    can_send = False
    for one in processes:
        if one.name == "examiner" or one.name.startswith(tuple(CALL_PLANE)):
            continue
        try:
            number = tried(one.pid)
        except (PermissionError, RuntimeError, psutil.NoSuchProcess) as error:
            return f"as {one.name} it could not be tried: {type(error).__name__}"
        if one.name == EGRESS:
            can_send = can_send or number == 0
        elif number not in _HELD | _NO_ROUTE:
            return f"{one.name} can send to other machines"
    if not can_send:
        return "the egress process cannot send either: nothing shows a rule"
    return ""
