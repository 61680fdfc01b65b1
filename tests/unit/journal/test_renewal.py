"""The key that a restart needs is renewed, whatever happens on the way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ringfence.entry import signalling
from ringfence.kernel.errors import Unavailable
from ringfence.platform.keys.errors import Refused
from ringfence.platform.rpc import RpcError


class _Vault:
    def __init__(self) -> None:
        self.outcomes: list[Any] = [
            Unavailable("away"),
            Refused("no"),
            RpcError("internal_error", "no"),
            ValueError(),
            "key",
        ]

    async def leg_sealer(self) -> Any:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class _Registrations:
    """What is renewed and swept with it."""

    renewed = 0

    async def renew(self) -> None:
        self.renewed += 1

    def sweep(self) -> None:
        """Nothing is registered."""


class _Journal:
    def __init__(self) -> None:
        self.renewed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def renew(self, sealer: Any) -> None:
        self.renewed.set_result(sealer)


async def test_a_renewal_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signalling, "RENEWAL_SECONDS", 0.01)
    monkeypatch.setattr(signalling, "RENEWAL_RETRY_SECONDS", 0.01)
    vault: Any = _Vault()
    journal: Any = _Journal()
    kept: Any = _Registrations()
    task = asyncio.ensure_future(signalling._renew_sealers(vault, journal, kept, kept))
    try:
        assert await asyncio.wait_for(journal.renewed, 5) == "key"
        await asyncio.sleep(0)
        assert kept.renewed == 1
    finally:
        task.cancel()
