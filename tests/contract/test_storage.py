"""One suite for both object stores. The peer of the S3 adapter is moto's server."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest

from ringfence.platform.settings import SettingsError, StorageSettings
from ringfence.platform.storage import (
    ObjectNotFound,
    ObjectStore,
    StorageUnavailable,
    UnfitKey,
    open_store,
)

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
PATIENCE = 30
LARGE = 200 << 20

CHILD = """
import sys
from pathlib import Path
from ringfence.platform.settings import StorageSettings
from ringfence.platform.storage import open_store
url, settings, what, path = sys.argv[1:]
store = open_store(url, StorageSettings.model_validate_json(settings))
store.put("warm/up", bytes(1 << 20))
for _ in store.read("warm/up"): pass
def peak():  # not ru_maxrss, which a process inherits from the one that started it
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) >> 10
before = peak()
if what == "put":
    store.put_file("large", Path(path))
else:
    sum(len(piece) for piece in store.read("large"))
print(peak() - before)
"""


@dataclass
class Place:
    """Where a store keeps its objects, and the outside view of it."""

    url: str
    settings: StorageSettings
    s3: Any = None

    def open(self) -> ObjectStore:
        return open_store(self.url, self.settings)

    def child(self, what: str, path: Path) -> subprocess.Popen[str]:
        """Another process that puts ``path`` as "large", or reads "large"; prints MiB grown."""
        arguments = [self.url, self.settings.model_dump_json(), what, str(path)]
        return subprocess.Popen(
            [sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True
        )

    def putting(self) -> bool:
        """Whether a child has put what it warms up with, and now part of the large object."""
        return "warm/up" in set(self.open().list()) and self.half_written()

    def half_written(self) -> bool:
        if self.s3 is None:
            staging = Path(self.url.removeprefix("file://")) / ".staging"
            return any(path.stat().st_size for path in staging.glob("*"))
        uploads = self.s3.list_multipart_uploads(Bucket="objects").get("Uploads", [])
        return any(
            self.s3.list_parts(Bucket="objects", Key=each["Key"], UploadId=each["UploadId"]).get(
                "Parts"
            )
            for each in uploads
        )


def eventually(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: answers(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def s3_settings(endpoint: str) -> StorageSettings:
    return StorageSettings(
        endpoint=endpoint, region="eu-west-1", access_key_id="AKEY", secret_access_key=SECRET
    )


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "local":
        yield Place(f"file://{tmp_path / 'data' / 'objects'}", StorageSettings())
        return
    endpoint = request.getfixturevalue("s3_endpoint")
    s3 = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="eu-west-1",
        aws_access_key_id="AKEY",
        aws_secret_access_key=SECRET,
    )
    s3.create_bucket(
        Bucket="objects", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    yield Place("s3://objects/some/prefix", s3_settings(endpoint), s3)
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="objects").get("Contents", [])]
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST"))
    assert all(key.startswith("some/prefix/") for key in keys)


@pytest.fixture
def store(place: Place) -> ObjectStore:
    return place.open()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("large") / "file"
    piece = random.Random(7).randbytes(1 << 20)
    with path.open("wb") as file:
        for number in range(LARGE >> 20):
            file.write(number.to_bytes(4, "big") + piece[4:])
    yield path
    path.unlink()


@pytest.mark.parametrize("length", [0, 1, (1 << 20) + 1, (9 << 20) + 3])
def test_what_is_put_is_read(store: ObjectStore, tmp_path: Path, length: int) -> None:
    data = random.Random(length).randbytes(length)
    path = tmp_path / "source"
    path.write_bytes(data)
    store.put("t1/tracks/2026/11/22/a", data)
    store.put_file("t1/tracks/2026/11/22/b", path)
    for key in ("t1/tracks/2026/11/22/a", "t1/tracks/2026/11/22/b"):
        assert b"".join(store.read(key)) == data
        assert store.size(key) == length
    assert path.read_bytes() == data


def test_putting_again_replaces(store: ObjectStore) -> None:
    store.put("a/b", b"first, and longer")
    earlier = store.read("a/b")
    store.put("a/b", b"second")
    assert b"".join(store.read("a/b")) == b"second"
    assert b"".join(earlier) == b"first, and longer"
    assert list(store.list()) == ["a/b"]


def test_a_missing_object_is_told_at_once(store: ObjectStore) -> None:
    store.put("a/b", b"there")
    for key in ("a/c", "a", "a/b/c", "x"):
        for use in (store.read, store.size):
            with pytest.raises(ObjectNotFound) as caught:
                use(key)
            assert (caught.value.code, caught.value.http_status) == ("object_not_found", 404)


def test_deleting(store: ObjectStore) -> None:
    store.put("a/b", b"x")
    store.put("a/c", b"y")
    store.delete("a/b")
    store.delete("a/b")
    store.delete("never/was")
    with pytest.raises(ObjectNotFound):
        store.read("a/b")
    assert list(store.list()) == ["a/c"]


def test_deleting_many(store: ObjectStore) -> None:
    for key in ("a/b", "a/c", "b/d", "b/e"):
        store.put(key, b"x")
    store.delete_all(["a/b", "b/d", "never/was", "a/b"])
    assert sorted(store.list()) == ["a/c", "b/e"]
    store.delete_all([])
    with pytest.raises(UnfitKey):
        store.delete_all(["a/c", "../a"])
    assert sorted(store.list()) == ["a/c", "b/e"]


def test_listing_is_by_whole_segments(store: ObjectStore) -> None:
    assert list(store.list()) == []
    keys = {"a/1", "a/2/3", "ab/1", "c"} | {f"many/{number}" for number in range(1100)}
    for key in keys:
        store.put(key, b"")
    assert set(store.list()) == keys
    assert sorted(store.list("a")) == sorted(store.list("a/")) == ["a/1", "a/2/3"]
    assert sum(1 for _ in store.list("many")) == 1100
    assert list(store.list("nothing/here")) == []


UNFIT = [
    *("", "/a", "a/", "a//b", "..", "a/../b", "a/..", ".", "./a", ".staging/x", "a/.b", "a\0b"),
    *("a b", "a#1", "a\n", "ä", "a\\b", "a%2fb", "x" * 513),
]


def test_unfit_keys(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"x")
    uses: list[Callable[[str], Any]] = [
        lambda key: store.put(key, b"x"),
        lambda key: store.put_file(key, tmp_path / "source"),
        store.read,
        store.size,
        store.delete,
        lambda key: list(store.list(key if key not in ("", "a/") else "..")),
    ]
    for key in UNFIT:
        for use in uses:
            with pytest.raises(UnfitKey):
                use(key)
    assert list(store.list()) == []


def test_a_source_that_cannot_be_read(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.put_file("a", tmp_path / "missing")
    assert list(store.list()) == []


def test_large_files_are_streamed(place: Place, large: Path) -> None:
    """200 MiB are put and read by processes that grow by less than 64 MiB."""
    for what in ("put", "read"):
        with place.child(what, large) as child:
            output, _ = child.communicate(timeout=120)
        assert child.returncode == 0
        assert int(output) < 64
    store = place.open()
    assert store.size("large") == LARGE
    with large.open("rb") as file:
        for piece in store.read("large"):
            assert piece == file.read(len(piece))


def test_a_killed_put_leaves_nothing(place: Place, large: Path, tmp_path: Path) -> None:
    """Killed with -9 when part of the file was written: no object, and no error later on."""
    source = large
    release = threading.Event()
    feeder = None
    if place.s3 is None:
        source = tmp_path / "pipe"
        os.mkfifo(source)
        feeder = threading.Thread(target=_feed, args=(source, release), daemon=True)
        feeder.start()
    with place.child("put", source) as child:
        try:
            eventually(lambda: place.putting() or child.poll() is not None)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
            release.set()
            if feeder is not None:
                feeder.join(PATIENCE)
    assert child.returncode == -signal.SIGKILL
    store = place.open()
    with pytest.raises(ObjectNotFound):
        store.size("large")
    assert set(store.list()) == {"warm/up"}
    store.put("large", b"whole")
    assert b"".join(store.read("large")) == b"whole"
    if place.s3 is None:
        assert not place.half_written(), "what the killed process left was not removed"


def _feed(pipe: Path, release: threading.Event) -> None:
    with contextlib.suppress(BrokenPipeError), pipe.open("wb") as file:
        file.write(bytes(8 << 20))
        release.wait(PATIENCE)


def test_a_killed_put_over_an_object_keeps_it(place: Place, tmp_path: Path, large: Path) -> None:
    place.open().put("large", b"the earlier one")
    with place.child("put", large) as child:
        eventually(lambda: place.putting() or child.poll() is not None)
        child.send_signal(signal.SIGKILL)
        child.wait()
    content = b"".join(place.open().read("large"))
    assert content == b"the earlier one" or len(content) == LARGE


def test_local_objects_are_private_and_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every new file and folder is for its owner only; file and folders were synced."""
    synced: list[tuple[int, int]] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        synced.append((status.st_dev, status.st_ino))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    previous = os.umask(0)
    try:
        open_store(f"file://{tmp_path}/objects", StorageSettings()).put("a/b/c", b"x")
    finally:
        os.umask(previous)
    identity = {
        path: (path.stat().st_dev, path.stat().st_ino) for path in (tmp_path, *tmp_path.rglob("*"))
    }
    for path in tmp_path.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
    for name in ("", "objects", "objects/a", "objects/a/b", "objects/a/b/c"):
        assert identity[tmp_path / name] in synced, name


def test_a_local_put_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}/objects", StorageSettings())
    store.put("a/b", b"x")
    for key in ("a", "a/b/c"):  # a folder, and below a file
        with pytest.raises(StorageUnavailable):
            store.put(key, b"y")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [tmp_path / "objects/a/b"]


def test_a_local_writer_at_work_is_not_swept_away(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/objects"
    pipe, release = tmp_path / "pipe", threading.Event()
    os.mkfifo(pipe)
    feeder = threading.Thread(target=_feed, args=(pipe, release))
    store = open_store(url, StorageSettings())
    writer = threading.Thread(target=store.put_file, args=("slow", pipe))
    feeder.start()
    writer.start()
    try:
        staging = tmp_path / "objects/.staging"
        eventually(lambda: any(path.stat().st_size for path in staging.glob("*")))
        open_store(url, StorageSettings()).put("quick", b"x")
    finally:
        release.set()
        feeder.join()
        writer.join()
    assert store.size("slow") == 8 << 20
    assert list(staging.iterdir()) == []


def assert_unavailable(use: Callable[[], Any]) -> None:
    with pytest.raises(StorageUnavailable) as caught:
        use()
    assert (caught.value.code, caught.value.http_status) == ("storage_unavailable", 503)
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown
    assert "AKEY" not in shown


def every_use(store: ObjectStore, tmp_path: Path) -> list[Callable[[], Any]]:
    (tmp_path / "source").write_bytes(b"x")
    return [
        lambda: store.put("a", b"x"),
        lambda: store.put_file("a", tmp_path / "source"),
        lambda: store.read("a"),
        lambda: store.size("a"),
        lambda: store.delete("a"),
        lambda: list(store.list()),
    ]


@pytest.mark.parametrize("use", range(6))
def test_an_s3_that_is_away(tmp_path: Path, use: int) -> None:
    store = open_store("s3://objects", s3_settings(f"http://127.0.0.1:{free_port()}"))
    assert SECRET not in repr(store) + repr(vars(store))
    begun = time.monotonic()
    assert_unavailable(every_use(store, tmp_path)[use])
    assert time.monotonic() - begun < 20


def test_a_missing_bucket_is_not_a_missing_object(s3_endpoint: str, tmp_path: Path) -> None:
    """Otherwise a wrong setting would read as "everything is deleted"."""
    store = open_store("s3://elsewhere", s3_settings(s3_endpoint))
    for use in every_use(store, tmp_path):
        assert_unavailable(use)


def test_a_local_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "objects").write_bytes(b"a file in its place")
    store = open_store(f"file://{tmp_path}/objects", StorageSettings())
    with pytest.raises(StorageUnavailable, match="Not a directory"):
        store.put("a", b"x")


def test_credentials_of_the_environment(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    settings = StorageSettings(endpoint=s3_endpoint, region="us-east-1")
    boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1").create_bucket(
        Bucket="by-environment"
    )
    store = open_store("s3://by-environment", settings)
    store.put("a", b"x")
    assert list(store.list()) == ["a"]


@pytest.mark.parametrize(
    "url",
    ["", "/folder", "file://relative", "s3://", "s3://Bad_Bucket", "s3://ok-bucket/../x", "gs://a"],
)
def test_urls_that_name_no_store(url: str) -> None:
    with pytest.raises(SettingsError):
        open_store(url, StorageSettings())
