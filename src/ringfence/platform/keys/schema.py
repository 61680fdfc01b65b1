"""The SQLite file of the key store. Nothing in it is a key that is not wrapped."""

from __future__ import annotations

import sqlite3
from pathlib import Path

DYING = -1
"""Mark of a row that is destroyed by the next rotation of its shard; no reader sees it."""
SETTLED = 0
"""Mark of a row that is in use. A higher mark is the time (micros) of one not confirmed yet."""

_TABLES = """
CREATE TABLE IF NOT EXISTS tenant (
    number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, wrapped BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS shard (
    shard INTEGER PRIMARY KEY, generation INTEGER NOT NULL, confirmed INTEGER NOT NULL,
    stale INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS key (
    shard INTEGER NOT NULL, lookup BLOB NOT NULL, tenant INTEGER NOT NULL, mark INTEGER NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY (shard, lookup)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unconfirmed ON key (mark) WHERE mark > 0;
CREATE TABLE IF NOT EXISTS tombstone (name BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erasure (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, tenant BLOB NOT NULL,
    entry BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS hold (
    tenant BLOB NOT NULL, hold BLOB NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, hold, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS escrow (
    hold BLOB NOT NULL, lookup BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY (hold, lookup)
) WITHOUT ROWID;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open or create the file: WAL, every commit on disk before it returns."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -16000")
    connection.executescript(_TABLES)
    return connection
