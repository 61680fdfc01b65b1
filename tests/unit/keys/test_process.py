"""The real process: kill -9 during writes and destructions, and what it is started with."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from ringfence.entry.doctor import keys as doctor
from ringfence.entry.keys import ask_status, root_key
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.audit import audit_directory, instances
from ringfence.platform.keys import messages as m
from ringfence.platform.keys.client import KeyClient
from ringfence.platform.keys.connect import key_client
from ringfence.platform.keys.erasure import Destruction, ErasePerson
from ringfence.platform.keys.errors import KeyDestroyed, StoreDamaged
from ringfence.platform.keys.names import Bucket, LeafRef, day_number
from ringfence.platform.keys.persons import Identifier, NewItem
from ringfence.platform.keys.roots import LocalRootKey
from ringfence.platform.process import READY_FD
from ringfence.platform.settings import KeysSettings, NodeSettings, Settings
from ringfence.platform.spool import SpoolReader
from ringfence.platform.spool.reader import Position

TENANT = UUID(int=5)
BUCKET = Bucket("content", "recordings", day_number(SystemClock().now()))


def environment_of(settings: Settings) -> dict[str, str]:
    """Of a process of this installation."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("RINGFENCE_")}
    return clean | {"RINGFENCE_NODE__DATA_DIR": str(settings.data_dir)}


class Process:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.started: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        reading, writing = os.pipe()
        environment = environment_of(self.settings) | {READY_FD: str(writing)}
        command = [sys.executable, "-m", "ringfence.entry.cli", "keys"]
        self.started = subprocess.Popen(command, env=environment, pass_fds=(writing,))
        os.close(writing)
        said = os.read(reading, 64)
        os.close(reading)
        assert said == b"ready\n"

    def kill(self, number: int = signal.SIGKILL) -> int:
        assert self.started is not None
        self.started.send_signal(number)
        return self.started.wait(20)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = Process(Settings(node=NodeSettings(data_dir=tmp_path / "var")))
    process.start()
    try:
        yield process
    finally:
        if process.started is not None and process.started.poll() is None:
            process.kill()


@contextlib.asynccontextmanager
async def connected(settings: Settings, credential: str = "worker") -> AsyncIterator[KeyClient]:
    client = key_client(settings, credential, SystemClock(), lambda _: None)
    client.start()
    try:
        yield client
    finally:
        await client.stop()


USES_KEYS = """
import multiprocessing, os, sys
from uuid import UUID, uuid4
from ringfence.entry.database import setup_django
from ringfence.platform.keys.names import Bucket, LeafRef
from ringfence.platform.keys.persons import NewItem
from ringfence.platform_django.keys import keys

def use():
    setup_django("cli")
    item, bucket = uuid4(), Bucket("content", "recordings", 20000)
    keys().resolve(UUID(int=5), [], [NewItem(item, (), bucket)])
    assert keys().has(UUID(int=5), "seal", [LeafRef(bucket, None, (item,))])
    print("used", flush=True)
    os.read(0, 1)

if __name__ == "__main__":
    if "child" in sys.argv:
        child = multiprocessing.get_context("fork").Process(target=use)
        sys.stdin = open(0, closefd=False)
        child.start()
        child.join()
    else:
        use()
    if "error" in sys.argv:
        raise RuntimeError
"""


@pytest.mark.parametrize(
    ("how", "waited_for"),
    [("return", 0), ("error", 0), ("SIGINT", 0), ("SIGTERM", 0), ("child", 0), ("SIGKILL", 1)],
)
async def test_who_used_keys_and_ended(
    process: Process, tmp_path: Path, how: str, waited_for: int
) -> None:
    """By its own end, however it came to it, it is not waited for; killed, for a minute."""
    script = tmp_path / "uses_keys.py"
    script.write_text(USES_KEYS)
    command = [sys.executable, str(script), how]
    user = subprocess.Popen(
        command, env=environment_of(process.settings), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert user.stdin is not None and user.stdout is not None
    assert await asyncio.to_thread(user.stdout.readline) == b"used\n"
    assert (await asyncio.to_thread(ask_status, process.settings)).leases == 1
    if how.startswith("SIG"):
        user.send_signal(signal.Signals[how])
    else:
        user.stdin.write(b"\n")
        user.stdin.flush()
    await asyncio.to_thread(user.wait, 20)
    status = await asyncio.to_thread(ask_status, process.settings)
    assert (status.leases, status.clients) == (waited_for, 1)
    if not waited_for:
        async with connected(process.settings) as client:
            (found,) = await client.resolve(TENANT, [Identifier("user", "1")])
            await client.destroy(TENANT, Destruction((ErasePerson(found.person),)), actor="test")


@pytest.mark.parametrize("after", [1, 40, 150])
async def test_kill_loses_no_acknowledged_person(process: Process, after: int) -> None:
    """Key durable first: whoever was told of a key finds it after the kill, and nothing half."""
    acknowledged: dict[str, tuple[UUID, UUID]] = {}

    async def call(client: KeyClient, worker: int) -> None:
        for n in range(1000):
            text, item = f"{worker}-{n}", uuid4()
            found = await client.resolve(TENANT, [Identifier("user", text)], [NewItem(item, ())])
            acknowledged[text] = found[0].person, item

    async with connected(process.settings) as client:
        workers = [asyncio.ensure_future(call(client, worker)) for worker in range(8)]
        async with asyncio.timeout(20):
            while len(acknowledged) < after:
                await asyncio.sleep(0.001)
        process.kill()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    process.start()
    async with connected(process.settings) as client:
        texts = list(acknowledged)
        found = await client.find(TENANT, [Identifier("user", text) for text in texts])
        assert [item and item.person for item in found] == [acknowledged[t][0] for t in texts]
        refs = [LeafRef(BUCKET, None, (item,)) for _, item in acknowledged.values()]
        leaves = await client.leaves(TENANT, m.SEAL, refs, actor="test")
        assert all(isinstance(leaf, bytes) for leaf in leaves.values())
    status = await asyncio.to_thread(ask_status, process.settings)
    assert (status.keys - 1) % 3 == 0, "person, identifier and item of a call, or none of them"


@pytest.mark.parametrize("delay", [0.0, 0.004, 0.02])
async def test_kill_during_destruction_completes_it(process: Process, delay: float) -> None:
    async with connected(process.settings) as client:
        identifiers = [Identifier("user", str(n)) for n in range(300)]
        people = [item.person for item in await client.resolve(TENANT, identifiers)]
        refs = [LeafRef(BUCKET, person) for person in people]
        before = await client.leaves(TENANT, m.SEAL, refs, actor="test")
        erased = tuple(ErasePerson(person) for person in people[:30])
        destroying = asyncio.ensure_future(
            client.destroy(TENANT, Destruction(erased), actor="test")
        )
        await asyncio.sleep(delay)  # the moment of the kill, not a wait for something
        process.kill()
        with contextlib.suppress(RingfenceError):
            await destroying
    process.start()
    status = await asyncio.to_thread(ask_status, process.settings)
    assert (status.stale_shards, status.contradictions) == (0, 0)
    async with connected(process.settings) as client:
        after = await client.leaves(TENANT, m.SEAL, refs, actor="test")
        dead = [isinstance(after[ref], KeyDestroyed) for ref in refs[:30]]
        assert all(dead) or not any(dead), "ordered together, destroyed together"
        assert len(set(dead)) == 1 and bool(status.tombstones) == dead[0]
        assert [after[ref] for ref in refs[30:]] == [before[ref] for ref in refs[30:]]


async def test_files_audit_and_stop(process: Process) -> None:
    settings = process.settings
    async with connected(settings) as client:
        (found,) = await client.resolve(TENANT, [Identifier("e164", "+14155550177")])
        ref = LeafRef(BUCKET, found.person)
        await client.leaves(TENANT, m.SEAL, [ref], actor="nobody", objects=["CA6"])
        await client.leaves(TENANT, "service", [ref], actor="somebody", objects=["CA7"])
    assert settings.key_slots.is_file() and settings.root_key_file.is_file()
    assert not settings.keys_dir.is_relative_to(settings.data_dir)
    assert all(finding.ok for finding in doctor.check(settings))
    for path in (settings.key_slots, settings.root_key_file, settings.key_store):
        assert path.stat().st_mode & 0o777 == 0o600
    assert process.kill(signal.SIGTERM) == 0
    (spool,) = instances(audit_directory(settings))
    records = SpoolReader(spool).read(Position(0, 0), 10)
    assert [b"somebody" in record and b"CA7" in record for _, record in records] == [True]
    for path in settings.data_dir.rglob("*"):
        assert not path.is_file() or b"4155550177" not in path.read_bytes()


MOUNTS = """\
21 1 254:0 / / rw - ext4 /dev/vda rw
30 21 0:50 / /data rw - btrfs /dev/vdb rw
31 30 0:51 / /data/x\\040y rw - tmpfs tmpfs rw
32 21 0:52 / /vault rw - xfs /dev/mapper/vg-vault rw
"""


@pytest.mark.parametrize(
    ("path", "kind", "ok"),
    [("/var/x/slots", "ext4", True), ("/data/slots", "btrfs", False), ("/database", "ext4", True),
     ("/data/x y/slots", "tmpfs", False), ("/vault/slots", "xfs", True)],
)  # fmt: skip
def test_doctor_knows_the_file_system(
    path: str, kind: str, ok: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    monkeypatch.setattr(doctor, "_MOUNTS", mounts)
    finding = doctor._check_file_system(Path(path))
    assert finding.observed.startswith(kind) and finding.ok is ok
    assert bool(finding.advice) == (not ok or kind == "xfs")


def run_cli(settings: Settings, *arguments: str, text: str = "") -> tuple[int, str]:
    """Exit status of a command and everything that it said."""
    environment = environment_of(settings)
    command = [sys.executable, "-m", "ringfence.entry.cli", "keys", *arguments]
    done = subprocess.run(
        command, env=environment, input=text, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


async def test_another_root_key_rotation_and_backup(process: Process, tmp_path: Path) -> None:
    settings, copy = process.settings, tmp_path / "copy"
    async with connected(settings) as client:
        (found,) = await client.resolve(TENANT, [Identifier("user", "1")])
    assert run_cli(settings, "backup", str(copy))[0] == 0 and copy.stat().st_size > 4096
    status, said = run_cli(settings, "backup", str(copy))
    assert status != 0 and "new file" in said and "Traceback" not in said
    status, said = run_cli(settings, "rotate")
    assert status == 0 and "64 of 64 shards have a new key" in said
    slots = settings.key_slots.read_bytes()
    generations = [int.from_bytes(slots[at : at + 8], "big") for at in range(0, len(slots), 4096)]
    assert sorted(generations) == [0] * 64 + [2] * 64
    new = base64.urlsafe_b64encode(os.urandom(32)).decode()
    status, said = run_cli(settings, "rotate", "--root", "-", text="not a key")
    assert status != 0 and "new root key" in said and "Traceback" not in said
    status, said = run_cli(settings, "rotate", "--root", "-", text=new)
    assert status == 0 and new not in said
    assert (await asyncio.to_thread(ask_status, settings)).root_keys == 2
    process.kill()
    settings.root_key_file.write_text(new)
    process.start()
    async with connected(settings) as client:
        (again,) = await client.find(TENANT, [Identifier("user", "1")])
        assert again is not None and again.person == found.person
    assert (await asyncio.to_thread(ask_status, settings)).root_keys == 1


def test_a_root_key_from_a_program(tmp_path: Path) -> None:
    settings = Settings(
        node=NodeSettings(data_dir=tmp_path / "var"),
        keys=KeysSettings(root_key_command=("/bin/echo", base64.b64encode(b"k" * 32).decode())),
    )
    for source in (settings, settings.model_copy(update={"keys": KeysSettings()})):
        root = root_key(source)
        wrapped = LocalRootKey(b"k" * 32).wrap(b"w" * 32, b"x")
        if source is settings:
            assert root.unwrap(wrapped, b"x") == b"w" * 32
            assert not settings.root_key_file.exists(), "the file is not made beside it"
        else:
            with pytest.raises(StoreDamaged):
                root.unwrap(wrapped, b"x")
