"""Shared by all tests: the database fixtures, which start nothing unless a test asks for them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

pytest_plugins = ["tests.database"]
