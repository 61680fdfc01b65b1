"""Shared by all tests: fixtures of database and keys, which start nothing unless a test asks."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

pytest_plugins = ["tests.keys_fixture", "tests.database", "tests.sso_fixture"]
