"""Two tenants' calls, of which one person's are erased, and what is left of somebody."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from tests.keys_fixture import Keys
from tests.promises.sealed_calls import CallPlane, SealedCall, opens

from ringfence.domains.accounts import api as accounts
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.clock import clock

SUBJECT, OTHER, THIRD = "+14155550142", "+12125550117", "+13125550133"
TABLES = ("calls_journal", "calls_call", "calls_leg", "recordings_track", "recordings_recording")


class World:
    """Two tenants' calls: of the subject, with the subject, and without."""

    def __init__(self, keys: Keys, spool: Path) -> None:
        self.tenant = accounts.create_tenant("Acme").id
        self.other_tenant = accounts.create_tenant("Bolt").id
        self.plane = CallPlane(keys.blocking("signalling"), keys.blocking("media"), spool)
        self.now = clock().now()
        self.of_subject = [
            self.call(SUBJECT, OTHER, recorded=b"what the subject said"),
            self.call(THIRD, SUBJECT),
            self.call(SUBJECT, THIRD, days_ago=1),
        ]
        self.of_others = [
            self.call(OTHER, THIRD, recorded=b"what others said"),
            self.call(THIRD, OTHER, days_ago=1),
            self.plane.call(self.other_tenant, SUBJECT, OTHER, at=self.now),
            self.plane.call(self.other_tenant, OTHER, THIRD, at=self.now - timedelta(days=1)),
        ]
        self.plane.ship()
        (found,) = keys.blocking().find(self.tenant, [Identifier("e164", SUBJECT)])
        assert found is not None
        self.subject = found.person

    def call(self, caller: str, callee: str, *, days_ago: int = 0, **more: Any) -> SealedCall:
        at = self.now - timedelta(days=days_ago)
        return self.plane.call(self.tenant, caller, callee, at=at, **more)


def dump(urls: DatabaseUrls, ids: set[UUID]) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of these calls, as the server writes it."""
    found = {}
    with psycopg.connect(urls.owner) as connection:
        for table in TABLES:
            key = "id" if table == "calls_call" else "call_id"
            found[table] = connection.execute(
                sql.SQL("SELECT t::text FROM {} t WHERE {} = ANY(%s) ORDER BY 1").format(
                    sql.Identifier(table), sql.Identifier(key)
                ),
                [list(ids)],
            ).fetchall()
    return found


def left_of(urls: DatabaseUrls, person: UUID) -> tuple[int, int]:
    """Rows that name a person, and those of them in which anything of theirs is left."""
    named = left = 0
    with psycopg.connect(urls.owner) as connection:
        for table, role, facts in (
            ("calls_call", "caller", " OR country_code IS NOT NULL OR area IS NOT NULL"),
            ("calls_call", "callee", ""),
            ("calls_call", "captured", ""),
            ("calls_leg", "party", ""),
            ("calls_journal", "caller", " OR data ?| '{country_code,area}'"),
            ("calls_journal", "callee", ""),
        ):
            row = connection.execute(
                f"SELECT count(*), count(*) FILTER (WHERE {role}_sealed IS NOT NULL{facts}) "
                f"FROM {table} WHERE {role}_id = %s",  # type: ignore[arg-type]
                [person],
            ).fetchone()
            assert row is not None
            named, left = named + row[0], left + row[1]
    return named, left


def opened(keys: Keys, call: SealedCall) -> list[bool]:
    return opens(keys.blocking(), call)
