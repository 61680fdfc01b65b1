"""An installation with spools, the sealer and the verifier over a real database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from ringfence.kernel.clock import ManualClock, to_micros
from ringfence.platform.audit import AuditSpool, audit_directory
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.messages import UseRecord
from ringfence.platform.settings import DatabaseSettings, NodeSettings, Settings
from ringfence.platform_django.audit.sealer import AuditSealer
from ringfence.platform_django.clock import use_clock

ACME, BOLT = UUID(int=0xAC), UUID(int=0xB0)
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class World:
    """Spools that are written and sealed under a clock that the test moves."""

    def __init__(self, settings: Settings, urls: DatabaseUrls, clock: ManualClock) -> None:
        self.settings = settings
        self.urls = urls
        self.clock = clock
        self.root = audit_directory(settings)
        self.sealer = AuditSealer(settings)
        self.spools: list[AuditSpool] = []

    def spool(self, credential: str = "web") -> AuditSpool:
        made = AuditSpool(self.settings, credential)
        self.spools.append(made)
        return made

    def use(self, number: int = 0, tenant: UUID = ACME, **changes: Any) -> UseRecord:
        """A record whose purpose tells its number."""
        values: dict[str, Any] = {
            "at": to_micros(self.clock.now()),
            "credential": "web",
            "actor": "key:1",
            "tenant": tenant,
            "action": "open",
            "purpose": f"n{number}",
            "objects": (f"CA{number:032x}",),
            "outcome": "ok",
        }
        return UseRecord(**{**values, **changes})

    def batches(self, spool: AuditSpool, *groups: Sequence[UseRecord]) -> None:
        """One round for each group, a second apart."""
        for group in groups:
            for record in group:
                spool(record)
            spool.flush()
            self.sealer.seal()
            self.clock.advance(timedelta(seconds=1))

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.urls.owner) as connection:
            return connection.execute(query, values).fetchall()

    def tamper(self, statement: str, *values: object) -> int:
        """As somebody with full access to the database; how many rows it hit."""
        with psycopg.connect(self.urls.owner) as connection:
            return connection.execute(statement, values).rowcount

    def numbers(self, tenant: UUID = ACME) -> list[int]:
        rows = self.ask(
            "SELECT purpose FROM audit_use WHERE tenant_id = %s ORDER BY batch_seq, batch_index",
            tenant,
        )
        return [int(purpose[1:]) for (purpose,) in rows]


@pytest.fixture
def world(db: DatabaseUrls, tmp_path: Path) -> Iterator[World]:
    settings = Settings(
        node=NodeSettings(data_dir=tmp_path / "data"),
        database=DatabaseSettings(
            owner_url=db.owner,
            app_url=db.app,
            operator_url=db.operator,
            callplane_url=db.callplane,
            identity_url=db.identity,
        ),
    )
    clock = ManualClock(START)
    with use_clock(clock):
        made = World(settings, db, clock)
        yield made
    for spool in made.spools:
        spool.close()
    made.sealer.close()
