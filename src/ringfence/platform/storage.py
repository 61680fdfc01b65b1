"""Object storage: a local folder, or S3 and what speaks its protocol (``obstore``).

What is kept here is sealed before it comes, so the store needs no secrecy of its own. A key is a
path of segments of ``A-Z a-z 0-9 . _ = -``; none begins with a dot. An object appears whole or not
at all, also when the process or the machine dies meanwhile. All methods block.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import re
import secrets
import shutil
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import IO, NoReturn

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from ringfence.kernel.errors import InvalidInput, NotFound, Unavailable
from ringfence.platform.settings import SettingsError, StorageSettings

PIECE_BYTES = 1 << 20
_PART_BYTES = 8 << 20  # S3 allows 10,000 parts: objects up to 78 GiB
_PARTS_AT_ONCE = 2
_LONGEST_KEY = 512
_SEGMENT = r"[A-Za-z0-9_=-][A-Za-z0-9._=-]*"
_KEY = re.compile(rf"{_SEGMENT}(/{_SEGMENT})*")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_STAGING = ".staging"


class ObjectNotFound(NotFound):
    """No object has this key."""

    code = "object_not_found"


class StorageUnavailable(Unavailable):
    """The object store does not answer, refuses us, is full or is not there."""

    code = "storage_unavailable"


class UnfitKey(InvalidInput):
    """This cannot be an object's key."""

    code = "unfit_object_key"


class ObjectStore(ABC):
    """Objects by key. Every method raises UnfitKey and StorageUnavailable."""

    def put(self, key: str, data: bytes) -> None:
        """Store ``data``, in place of what was there; durable when this returns."""
        self._write(_checked(key), io.BytesIO(data))

    def put_file(self, key: str, path: Path) -> None:
        """Like ``put`` with a file's content, streamed. Raises OSError if it cannot be read."""
        _checked(key)
        with path.open("rb") as source:
            self._write(key, source)

    def read(self, key: str) -> Iterator[bytes]:
        """The object in pieces of about 1 MiB. Raises ObjectNotFound at once, not while iterating.

        A connection lost on the way raises StorageUnavailable from the iteration.
        """
        return self._read(_checked(key))

    def size(self, key: str) -> int:
        """Bytes of the object. Raises ObjectNotFound."""
        return self._size(_checked(key))

    def delete(self, key: str) -> None:
        """The object is gone when this returns; no error when it was not there."""
        self._delete(_checked(key))

    def delete_all(self, keys: Iterable[str]) -> None:
        """As ``delete``, of any number."""
        self._delete_all([_checked(key) for key in keys])

    def list(self, prefix: str = "") -> Iterator[str]:
        """Keys below a folder (whole segments, ``""`` for all), in no particular order."""
        folder = prefix.removesuffix("/")
        return self._list(_checked(folder) if folder else "")

    @abstractmethod
    def _write(self, key: str, source: IO[bytes]) -> None: ...
    @abstractmethod
    def _read(self, key: str) -> Iterator[bytes]: ...
    @abstractmethod
    def _size(self, key: str) -> int: ...
    @abstractmethod
    def _delete(self, key: str) -> None: ...
    def _delete_all(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._delete(key)

    @abstractmethod
    def _list(self, folder: str) -> Iterator[str]: ...


def open_store(url: str, settings: StorageSettings) -> ObjectStore:
    """The store at ``file:///folder`` or ``s3://bucket/prefix``. Raises SettingsError.

    Nothing is created and no connection is made before the first use.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "file" and rest.startswith("/"):
        return _LocalFolder(Path(rest))
    bucket, _, prefix = rest.partition("/")
    prefix = prefix.removesuffix("/")
    if scheme == "s3" and _BUCKET.fullmatch(bucket) and (not prefix or _KEY.fullmatch(prefix)):
        return _S3Bucket(bucket, prefix, settings)
    raise SettingsError("storage.url is not like file:///folder or s3://bucket/prefix")


def _checked(key: str) -> str:
    if len(key) > _LONGEST_KEY or not _KEY.fullmatch(key):
        raise UnfitKey("not a key of an object", details={"longest": _LONGEST_KEY})
    return key


class _LocalFolder(ObjectStore):
    """Files that only this user may read.

    obstore's LocalStore is not used: it syncs neither file nor folder to the disk, and makes what
    it writes readable for everyone.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._staging = root / _STAGING
        self._swept = False

    def _write(self, key: str, source: IO[bytes]) -> None:
        target = self._root / key
        with _local_errors(missing=StorageUnavailable):
            _make_folders(target.parent)
            _make_folders(self._staging)
            if not self._swept:
                self._sweep()
                self._swept = True
            with self._staged() as file:
                shutil.copyfileobj(source, file, PIECE_BYTES)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).rename(target)
            _sync_folder(target.parent)

    @contextlib.contextmanager
    def _staged(self) -> Iterator[IO[bytes]]:
        """A new file, locked as long as its writer lives; gone at the end unless renamed."""
        while True:
            path = self._staging / secrets.token_hex(16)
            with open(path, "xb", opener=_private) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if not os.fstat(file.fileno()).st_nlink:
                    continue  # swept away before it was locked
                try:
                    yield file
                finally:
                    path.unlink(missing_ok=True)
                return

    def _sweep(self) -> None:
        """Remove what writers that died have left: nobody holds its lock."""
        for path in self._staging.iterdir():
            with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()

    def _read(self, key: str) -> Iterator[bytes]:
        with _local_errors():
            return _pieces((self._root / key).open("rb"))

    def _size(self, key: str) -> int:
        with _local_errors():
            status = (self._root / key).stat()
        if not stat.S_ISREG(status.st_mode):
            raise ObjectNotFound("no such object")
        return status.st_size

    def _delete(self, key: str) -> None:
        path = self._root / key
        with contextlib.suppress(ObjectNotFound), _local_errors():
            path.unlink()
            _sync_folder(path.parent)

    def _delete_all(self, keys: Sequence[str]) -> None:
        """Each folder is synced once, also where some were deleted before and not synced."""
        paths = [self._root / key for key in keys]
        for path in paths:
            with contextlib.suppress(ObjectNotFound), _local_errors():
                path.unlink()
        for folder in {path.parent for path in paths}:
            with contextlib.suppress(ObjectNotFound), _local_errors():
                _sync_folder(folder)

    def _list(self, folder: str) -> Iterator[str]:
        with _local_errors():
            for place, folders, files in os.walk(self._root / folder, onerror=_not_missing):
                folders[:] = [name for name in folders if name != _STAGING]
                for name in files:
                    yield (Path(place) / name).relative_to(self._root).as_posix()


_MISSING = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


@contextlib.contextmanager
def _local_errors(
    missing: type[ObjectNotFound | StorageUnavailable] = ObjectNotFound,
) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if missing is ObjectNotFound and isinstance(error, _MISSING):
            raise ObjectNotFound("no such object") from None
        message = f"the folder of objects cannot be used: {error.strerror}"
        raise StorageUnavailable(message) from None


def _not_missing(error: OSError) -> None:
    """Of what is listed: a folder that is not there has no keys; one that we may not read does."""
    if not isinstance(error, _MISSING):
        raise error


def _make_folders(path: Path) -> None:
    """Missing folders, for this user only and on the disk when this returns."""
    if path.is_dir():
        return
    _make_folders(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    _sync_folder(path.parent)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file, _local_errors():
        while piece := file.read(PIECE_BYTES):
            yield piece


class _S3Bucket(ObjectStore):
    def __init__(self, bucket: str, prefix: str, settings: StorageSettings) -> None:
        given = {
            "endpoint": settings.endpoint,
            "region": settings.region,
            "access_key_id": settings.access_key_id,
            "secret_access_key": settings.secret_access_key,
        }
        try:
            self._store = S3Store(
                bucket,
                prefix=prefix or None,
                config={name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
                client_options={
                    "allow_http": (settings.endpoint or "").startswith("http://"),
                    "connect_timeout": timedelta(seconds=5),
                    "read_timeout": timedelta(seconds=60),
                    # a whole transfer: as long as a slow reader takes
                    "timeout": timedelta(hours=24),
                },
                retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=15)},
                disable_bulk_delete=True,
            )
        except (BaseError, ValueError):
            raise SettingsError("the [storage] settings do not make an S3 store") from None

    def _write(self, key: str, source: IO[bytes]) -> None:
        with _s3_errors():
            obstore.put(
                self._store, key, source, chunk_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE
            )

    def _read(self, key: str) -> Iterator[bytes]:
        with _s3_errors():
            stream = obstore.get(self._store, key).stream(min_chunk_size=PIECE_BYTES)
        return self._streamed(iter(stream))

    @staticmethod
    def _streamed(stream: Iterator[object]) -> Iterator[bytes]:
        with _s3_errors():
            for piece in stream:
                yield bytes(piece)  # type: ignore[call-overload]

    def _size(self, key: str) -> int:
        with _s3_errors():
            # not HEAD, whose answer does not tell a missing object from a missing bucket
            return obstore.get(self._store, key).meta["size"]

    def _delete(self, key: str) -> None:
        with contextlib.suppress(ObjectNotFound), _s3_errors():
            obstore.delete(self._store, key)

    def _list(self, folder: str) -> Iterator[str]:
        with _s3_errors():
            for chunk in obstore.list(self._store, folder or None, chunk_size=1000):
                for meta in chunk:
                    yield meta["path"]


@contextlib.contextmanager
def _s3_errors() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        _raise_s3(error)


def _raise_s3(error: Exception) -> NoReturn:
    """As an error of ours: obstore's texts name URLs, and may name more."""
    if "NoSuchBucket" in str(error):
        raise StorageUnavailable("the bucket of the object store does not exist") from None
    if isinstance(error, FileNotFoundError):
        raise ObjectNotFound("no such object") from None
    if isinstance(error, (PermissionDeniedError, UnauthenticatedError, PermissionError)):
        raise StorageUnavailable("the object store refuses our credentials") from None
    raise StorageUnavailable("the object store does not answer as it should") from None
