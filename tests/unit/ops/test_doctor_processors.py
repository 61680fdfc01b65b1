"""`ringfence doctor` on who receives data."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ringfence.entry.doctor.processors import check
from ringfence.kernel.clock import ManualClock
from ringfence.platform.processor_settings import AgreementSettings, ProcessorSettings
from ringfence.platform.settings import MailSettings, Settings

CLOCK = ManualClock(datetime(2026, 6, 16, tzinfo=UTC))


def mailer(expires: date | None) -> dict[str, ProcessorSettings]:
    bound = AgreementSettings(sha256="ab" * 32, signed_on=date(2026, 1, 1), expires_on=expires)
    return {
        "mailer": ProcessorSettings(
            hosts=("192.0.1.1",), templates=("mail",), country="US", safeguard="dpf",
            agreement=bound,
        )
    }  # fmt: skip


@pytest.mark.parametrize(
    ("url", "registered", "expected"),
    [
        ("smtp://127.0.0.1:25", {}, [("mail server", True)]),
        ("smtps://u:p@192.0.1.1", {}, [("mail server", False)]),
        ("smtps://u:p@192.0.1.1", mailer(None), [("processor mailer", True)]),
        (None, mailer(date(2026, 6, 15)), [("processor mailer", False)]),
        (None, {}, []),
    ],
)
def test_who_may_not_receive_is_named(
    url: str | None, registered: dict[str, ProcessorSettings], expected: list[tuple[str, bool]]
) -> None:
    settings = Settings(mail=MailSettings(smtp_url=url), processors=registered)
    assert [(one.name, one.ok) for one in check(settings, CLOCK)] == expected
