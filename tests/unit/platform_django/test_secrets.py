"""Generated secrets and live tickets: they open where they should, and only there."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.kernel.clock import ManualClock
from ringfence.platform.secrets import find_secret, installation_secret
from ringfence.platform.tickets import sign_ticket, verify_ticket

TENANT, OTHER = UUID(int=1), UUID(int=2)


def test_a_secret_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    assert find_secret(tmp_path, "django") is None
    made = installation_secret(tmp_path, "django")
    assert installation_secret(tmp_path, "django") == find_secret(tmp_path, "django") == made
    assert installation_secret(tmp_path, "other") != made
    assert len(made) == 43
    assert stat.S_IMODE((tmp_path / "secrets" / "django").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert {path.name for path in (tmp_path / "secrets").iterdir()} == {"django", "other"}, (
        "no drafts left"
    )


def test_racing_makers_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = set(pool.map(lambda _: installation_secret(tmp_path, "key"), range(64)))
    assert len(made) == 1


@pytest.mark.parametrize("name", ["", "../x", "A", "a/b", ".a"])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name of a secret"):
        installation_secret(tmp_path, name)


def test_a_ticket_lives_for_sixty_seconds() -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    text, ticket = sign_ticket("secret", TENANT, clock, None)
    assert ticket.expires_at == datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    assert verify_ticket("secret", text, clock) == ticket
    clock.advance(timedelta(seconds=59, milliseconds=999))
    assert verify_ticket("secret", text, clock) == ticket
    clock.advance(timedelta(milliseconds=1))
    assert verify_ticket("secret", text, clock) is None


def test_a_forged_ticket_is_none() -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    text, _ = sign_ticket("secret", TENANT, clock, None)
    assert verify_ticket("other", text, clock) is None
    payload, signature = text.split(".")
    foreign, _ = sign_ticket("other", OTHER, clock, None)
    assert verify_ticket("secret", f"{foreign.split('.')[0]}.{signature}", clock) is None
    assert verify_ticket("secret", f"{payload}.", clock) is None


@given(st.text())
def test_garbage_is_no_ticket(text: str) -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    assert verify_ticket("secret", text, clock) is None
