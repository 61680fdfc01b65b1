"""An erased person, a deleted recording and an expired day, attacked with everything that is left.

The attacker has the base backup and the write-ahead log from before the erasure, every object, the
key store with its slot file and root key as they are now, and every credential.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connections
from django.test import override_settings
from tests.database import point_django_at, role_urls
from tests.promises import attacker
from tests.promises.sealed_calls import CallPlane, SealedCall, Track, opens

from ringfence.domains.privacy import api as privacy
from ringfence.entry.keys import open_store, root_key
from ringfence.entry.promises import plaintext
from ringfence.entry.promises.attack import derivable
from ringfence.entry.promises.plaintext import Marker
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.fields import CALL_RECORDS, CONTENT, IDENTIFIER, RECORDINGS
from ringfence.kernel.ids import uuid7
from ringfence.platform.database import DatabaseUrls, with_database
from ringfence.platform.keys.access import GRANTS
from ringfence.platform.keys.blocking import BlockingKeys
from ringfence.platform.keys.client import Value
from ringfence.platform.keys.names import Bucket, day_number
from ringfence.platform.keys.objects import Leaf, open_object
from ringfence.platform.keys.roots import RootKeys
from ringfence.platform.postgres import EmbeddedPostgres, binaries
from ringfence.platform.settings import NodeSettings, Settings
from ringfence.platform.unprivileged import chown_tree
from ringfence.platform_django import roles
from ringfence.platform_django.keys import use_keys

SUBJECT, OTHER, THIRD = "+14155550142", "+12125550117", "+13125550133"
CONTROL = "+14155559731"
AREA = "+1415"
ALL_NUMBERS = 10_000_000
SAID = bytes(range(7, 247, 3)) * 400
"""Audio that occurs nowhere else; more than a chunk of the object format."""


@dataclass
class Aftermath:
    """What is left, and what there was."""

    home: Path
    settings: Settings
    dsn: str
    restored_dsn: str = ""
    tenant: UUID = field(default_factory=lambda: uuid7(SystemClock()))
    calls: dict[str, SealedCall] = field(default_factory=dict)

    @property
    def data_dir(self) -> Path:
        return self.settings.data_dir

    def dead(self) -> list[tuple[Value, bytes]]:
        """Sealed values that must not open, with their clear text: erased, deleted, expired."""
        erased = self.calls["recorded"]
        found = [
            pair
            for call in self.calls.values()
            for pair in call.values
            if pair[0].place.person == erased.caller or call.day < self.calls["recorded"].day
        ]
        assert len(found) == 3 + 2 + 5 + 5
        return found

    def alive(self) -> list[tuple[Value, bytes]]:
        dead = {value.data for value, _ in self.dead()}
        return [
            pair for call in self.calls.values() for pair in call.values if pair[0].data not in dead
        ]

    def dead_tracks(self) -> list[Track]:
        return [*self.calls["recorded"].tracks, *self.calls["deleted"].tracks]

    def live_tracks(self) -> list[Track]:
        return list(self.calls["other recorded"].tracks)

    def buckets(self) -> list[Bucket]:
        days = {call.day for call in self.calls.values()}
        kinds = ((IDENTIFIER, CALL_RECORDS), (CONTENT, RECORDINGS))
        return [Bucket(*kind, day=day) for kind in kinds for day in sorted(days)]


@pytest.fixture(scope="module")
def aftermath() -> Iterator[Aftermath]:
    home = Path(tempfile.mkdtemp(prefix="rf-atk-"))
    home.chmod(0o755)
    settings = Settings(node=NodeSettings(data_dir=home / "var"))
    server = EmbeddedPostgres(settings.data_dir, settings.run_dir, 5432, home / "archive")
    copy = EmbeddedPostgres(home / "loot", home / "lootrun", 5432)
    earlier = {alias: dict(connections.settings[alias]) for alias in connections.settings}
    try:
        server.start()
        urls = role_urls(server.superuser_url, "ringfence")
        roles.setup_database(server.superuser_url, urls)
        point_django_at(urls)
        roles.migrate(urls.owner)
        dsn = with_database(server.superuser_url, "ringfence")
        with keys_process(home, settings), override_settings(RINGFENCE=settings):
            found = Aftermath(home, settings, dsn)
            _live(found, server, urls)
            found.restored_dsn = _restore(found, server, copy)
            yield found
    finally:
        for alias in connections.settings:
            connections[alias].close()
            connections.settings[alias].update(earlier[alias])
        copy.stop()
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def keys_process(home: Path, settings: Settings) -> Iterator[None]:
    """The process ``keys`` as an installation runs it."""
    environment = os.environ | {"RINGFENCE_NODE__DATA_DIR": str(settings.data_dir)}
    process = subprocess.Popen(
        [sys.executable, "-m", "ringfence.entry.cli", "keys"],
        env=environment,
        cwd=home,
        stderr=(home / "keys.log").open("wb"),
    )
    try:
        deadline = time.monotonic() + 30
        while not settings.key_socket.exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextmanager
def client(settings: Settings, credential: str) -> Iterator[BlockingKeys]:
    found = BlockingKeys(settings, credential, SystemClock(), lambda _: None)
    try:
        yield found
    finally:
        found.close()


def _live(found: Aftermath, server: EmbeddedPostgres, urls: DatabaseUrls) -> None:
    """Calls, then the attacker's backup, then the three destructions, then more calls."""
    settings, now = found.settings, SystemClock().now()
    with (
        client(settings, "signalling") as signalling,
        client(settings, "media") as media,
        client(settings, "worker") as worker,
        use_keys(worker),
    ):
        plane = CallPlane(signalling, media, settings.spool_dir)

        def call(caller: str, callee: str, **more: Any) -> SealedCall:
            return plane.call(found.tenant, caller, callee, **({"at": now} | more))

        found.calls = {
            "recorded": call(SUBJECT, OTHER, recorded=SAID),
            "called": call(THIRD, SUBJECT),
            "others": call(OTHER, THIRD),
            "other recorded": call(THIRD, OTHER, recorded=SAID[::-1]),
            "deleted": call(THIRD, OTHER, recorded=SAID[1::2]),
            "expired": call(OTHER, THIRD, at=now - timedelta(days=1)),
            "expired too": call(THIRD, OTHER, at=now - timedelta(days=1)),
        }
        plane.ship()
        _take_backup(found.home, server)
        subject = found.calls["recorded"].caller
        assert all(all(opens(worker, call)) for call in found.calls.values())
        deleted = [track.id for track in found.calls["deleted"].tracks]
        done = [
            privacy.destroy_person(found.tenant, subject, actor="test"),
            privacy.destroy_items(found.tenant, deleted, actor="test"),
            privacy.expire(
                found.tenant, IDENTIFIER, CALL_RECORDS, day_number(now) - 1, actor="test"
            ),
        ]
        assert [info.state for info in done] == ["cleaned"] * 3


def _take_backup(home: Path, server: EmbeddedPostgres) -> None:
    subprocess.run(
        [
            str(binaries() / "pg_basebackup"), "--pgdata", str(home / "base"),
            "--dbname", server.superuser_url, "--wal-method=stream", "--checkpoint=fast",
        ],
        check=True, capture_output=True, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
    )  # fmt: skip


def _restore(found: Aftermath, server: EmbeddedPostgres, copy: EmbeddedPostgres) -> str:
    """The backup brought to life beside the installation."""
    (found.home / "loot" / "secrets").mkdir(parents=True, mode=0o700)
    shutil.copy(server.password_file, copy.password_file)
    shutil.copytree(found.home / "base", copy.files)
    copy.files.chmod(0o700)
    (found.home / "loot").chmod(0o711)
    chown_tree(copy.files, copy.identity())
    copy.start()
    return with_database(copy.superuser_url, "ringfence")


def _database_values(dsn: str) -> set[bytes]:
    return set(attacker.everything_in(dsn))


def test_the_attacker_holds_everything_that_was_sealed(aftermath: Aftermath) -> None:
    """Otherwise nothing of what follows would prove anything."""
    restored = _database_values(aftermath.restored_dsn)
    for value, _ in (*aftermath.dead(), *aftermath.alive()):
        assert value.data in restored
    now = _database_values(aftermath.dsn)
    assert not any(value.data in now for value, _ in aftermath.dead())
    assert all(value.data in now for value, _ in aftermath.alive())
    log = b"".join(
        path.read_bytes()
        for root in (aftermath.home / "archive", aftermath.home / "base" / "pg_wal",
                     aftermath.data_dir / "postgres" / "pg_wal")
        for path in sorted(root.rglob("*")) if path.is_file()
    )  # fmt: skip
    assert all(value.data in log for value, _ in aftermath.dead())


def test_no_credential_and_no_purpose_opens_what_is_dead(aftermath: Aftermath) -> None:
    dead, alive = aftermath.dead(), aftermath.alive()
    opened_alive = 0
    for credential, grant in GRANTS.items():
        with client(aftermath.settings, credential) as keys:
            for purpose in sorted({*grant.purposes, "service", "support", "legal", "backup"}):
                for pairs in (dead, alive):
                    for value, clear in pairs:
                        found = _try_open(keys, aftermath.tenant, purpose, value)
                        if pairs is dead:
                            assert found != clear
                        else:
                            opened_alive += found == clear
                for track in aftermath.dead_tracks():
                    assert _leaf(keys, aftermath.tenant, purpose, track) is None
    assert opened_alive >= 3 * len(alive)


def _try_open(keys: BlockingKeys, tenant: UUID, purpose: str, value: Value) -> Any:
    try:
        (found,) = keys.open(tenant, purpose, [value], actor="attacker")
    except RingfenceError:
        return None
    return found


def _leaf(keys: BlockingKeys, tenant: UUID, purpose: str, track: Track) -> bytes | None:
    try:
        found = keys.leaves(tenant, purpose, [track.ref], actor="attacker")[track.ref]
    except RingfenceError:
        return None
    return found if isinstance(found, bytes) else None


@pytest.mark.promise("SIP-08.2-02")
def test_no_key_of_the_store_as_it_is_now_opens_what_is_dead(aftermath: Aftermath) -> None:
    """Store, slots and root key in the attacker's hands: every key, and all derived from it."""
    loot = aftermath.home / "keys-loot"
    settings = Settings(node=NodeSettings(data_dir=loot / "var"))
    settings.key_store.parent.mkdir(parents=True)
    for suffix in ("", "-wal"):
        source = Path(f"{aftermath.settings.key_store}{suffix}")
        if source.exists():
            shutil.copy(source, f"{settings.key_store}{suffix}")
    shutil.copytree(aftermath.settings.keys_dir, settings.keys_dir)
    store = open_store(settings, SystemClock(), RootKeys(root_key(settings)))
    try:
        persons = {value.place.person for value, _ in (*aftermath.dead(), *aftermath.alive())}
        keys = set(
            derivable(store, aftermath.tenant, {who for who in persons if who}, aftermath.buckets())
        )
    finally:
        store.close()
    assert len(keys) > 100
    for value, clear in aftermath.alive():
        assert attacker.breaks(keys, value, clear)
    for value, clear in aftermath.dead():
        assert not attacker.breaks(keys, value, clear)
    for tracks, expected in ((aftermath.live_tracks(), True), (aftermath.dead_tracks(), False)):
        for track in tracks:
            assert _opens_object(keys, track) is expected
    shutil.rmtree(loot)


def _opens_object(keys: set[bytes], track: Track) -> bool:
    """Whether any key unwraps the object's own key."""
    for key in keys:
        try:
            said = b"".join(open_object([track.sealed], Leaf(key, track.place)))
        except RingfenceError:
            continue
        assert said == track.audio
        return True
    return False


def test_ten_million_guesses_find_nobody(aftermath: Aftermath) -> None:
    """The area code is known; seven digits are guessed against every stored value, of the restored
    backup and of the database as it is. Planted hashes show that a match would be found."""
    secret = os.urandom(32)
    with psycopg.connect(aftermath.restored_dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE planted_hashes (key bytea, keyed bytea, plain text)")
        keyed = hmac.digest(secret, CONTROL.encode(), "sha256")
        plain = hashlib.sha256(CONTROL.encode()).hexdigest()
        connection.execute("INSERT INTO planted_hashes VALUES (%s, %s, %s)", [secret, keyed, plain])
    values = _database_values(aftermath.restored_dsn) | _database_values(aftermath.dsn)
    where = attacker.windows(values)
    assert secret in values
    recognised = attacker.guess_plain(AREA, ALL_NUMBERS, where)
    assert recognised == {CONTROL}
    guessed = attacker.guess_keyed(AREA, ALL_NUMBERS, where, secret)
    assert guessed == {CONTROL}
    # whoever guesses right knows no hash of any kind, under no key that stands anywhere
    everything = attacker.key_like(values)
    assert attacker.matches(CONTROL, where, everything) == {"sha256", "hmac-sha256"}
    for number in (SUBJECT, OTHER, THIRD):
        assert attacker.matches(number, where, everything) == set()
    texts = b"\0".join(values)
    for form in (SUBJECT, OTHER, THIRD):
        assert form[2:].encode() not in texts


def test_no_number_and_no_voice_stands_anywhere_in_clear(aftermath: Aftermath) -> None:
    """Database files, log, archive, backup, spool, objects, key store, secrets, and through SQL."""
    markers = [
        *(Marker(number, number) for number in (SUBJECT, OTHER, THIRD)),
        Marker("voice", ulaw=SAID[:160]),
    ]
    control = [
        Marker("control", CONTROL[:-2] + "88"),
        Marker("tone", ulaw=bytes(range(200, 40, -1))),
    ]
    more = {"archive": aftermath.home / "archive", "base": aftermath.home / "base"}
    report = plaintext.check(
        aftermath.data_dir,
        aftermath.settings.keys_dir,
        aftermath.dsn,
        markers,
        control,
        more=more,
    )
    assert {"postgres", "spool", "objects", "keys", plaintext.SQL_STORE} <= set(report.scanned)
    assert report.missed == []
    assert report.hits == []
