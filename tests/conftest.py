"""Shared by all tests: fixtures of database and keys, which start nothing unless a test asks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

pytest_plugins = ["tests.keys_fixture", "tests.database", "tests.sso_fixture"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What failed before it passed is shown like any other failure (decision 0038)."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"first try of {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)
