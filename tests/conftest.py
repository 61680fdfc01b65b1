"""Shared by all tests: fixtures of database and keys, which start nothing unless a test asks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

pytest_plugins = ["tests.keys_fixture", "tests.database", "tests.sso_fixture"]


_IN_REAL_TIME = tuple(Path(__file__).parent / name for name in ("e2e", "contract"))
"""Tests that hear and time real calls and media processes, on two cores that others share."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In CI what is of real time is tried once more (decision 0038)."""
    if os.environ.get("CI"):
        for item in items:
            if any(item.path.is_relative_to(folder) for folder in _IN_REAL_TIME):
                item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What failed before it passed is shown like any other failure (decision 0038)."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"first try of {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)
