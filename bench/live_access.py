"""What it costs to ask whether the accesses of 10,000 open streams still hold.

Half of them are people's sessions, the others API keys, of 100 tenants.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from bench.installed import installed
from bench.report import emit
from ringfence.platform.tickets import Maker

_TENANTS, _EACH, _ROUNDS = 100, 50, 10


def main() -> None:
    with installed("web"):
        makers = _make()
        asyncio.run(_ask(makers))


def _make() -> list[tuple[UUID, Maker]]:
    import secrets

    from allauth.usersessions.models import UserSession
    from django.contrib.sessions.models import Session

    from ringfence.domains.accounts import api as accounts
    from ringfence.domains.accounts.models import ApiKey
    from ringfence.domains.identity.models import Membership, User
    from ringfence.platform_django.clock import clock, new_id
    from ringfence.platform_django.tenancy import across_tenants

    now, makers = clock().now(), list[tuple[UUID, Maker]]()
    for index in range(_TENANTS):
        tenant = accounts.create_tenant(f"Bench {index}").id
        users = User.objects.bulk_create(
            User(email=f"u{index}-{n}@example.com", password="!" * 40, created_at=now)
            for n in range(_EACH)
        )
        sessions = [secrets.token_hex(16) for _ in users]
        Session.objects.bulk_create(
            Session(session_key=key, session_data="x" * 400, expire_date=now + timedelta(hours=12))
            for key in sessions
        )
        noted = UserSession.objects.bulk_create(
            UserSession(user=user, session_key=key, ip="192.0.2.1", user_agent="bench")
            for user, key in zip(users, sessions, strict=True)
        )
        keys = [
            ApiKey(
                id=new_id(), tenant_id=tenant, name="k", secret_hash=secrets.token_bytes(32),
                last4="0000", scopes=["live:read"] * 20, purposes=["service"], created_at=now,
            )
            for _ in range(_EACH)
        ]  # fmt: skip
        with across_tenants("bench") as db:
            ApiKey.objects.using(db).bulk_create(keys)
            Membership.objects.using(db).bulk_create(
                Membership(tenant_id=tenant, user_id=user.id, role="agent", created_at=now)
                for user in users
            )
        makers += [(tenant, Maker("key", key.id)) for key in keys]
        makers += [
            (tenant, Maker("member", user.id, None, one.pk))
            for user, one in zip(users, noted, strict=True)
        ]
    return makers


async def _ask(makers: Sequence[tuple[UUID, Maker]]) -> None:
    from ringfence.entry.live_database import DatabaseAccess
    from ringfence.kernel.clock import SystemClock
    from ringfence.platform.database import database_urls
    from ringfence.platform.settings import load_settings

    source = DatabaseAccess(
        database_urls(load_settings()).operator, SystemClock(), timedelta(hours=2)
    )
    for count in (100, 1000, len(makers)):
        spent, used = list[float](), list[float]()
        for _ in range(_ROUNDS):
            begun, cpu = time.perf_counter(), time.process_time()
            marks = await source.marks(makers[:count])
            spent.append(time.perf_counter() - begun)
            used.append(time.process_time() - cpu)
            assert None not in marks
        emit("live_access", f"{count} streams, median", sorted(spent)[_ROUNDS // 2] * 1e3, "ms", 10)
        emit(
            "live_access", f"{count} streams, CPU here", sorted(used)[_ROUNDS // 2] * 1e3, "ms", 10
        )
    await source.close()
