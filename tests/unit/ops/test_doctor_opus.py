"""The doctor tells whether recordings can be had as Opus; either way nothing is wrong."""

from __future__ import annotations

import pytest

from ringfence.entry.doctor import host


@pytest.mark.parametrize(("there", "level"), [(True, "ok"), (False, "warning")])
def test_opus_is_optional(monkeypatch: pytest.MonkeyPatch, there: bool, level: str) -> None:
    monkeypatch.setattr(host, "opus_available", lambda: there)
    finding = host.check_opus()
    assert finding.level == level
    assert ("no libopus" in finding.observed) is not there
    assert ("libopus0" in finding.advice) is not there
