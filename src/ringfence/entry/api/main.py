"""All commands of ``ringfence api``."""

from __future__ import annotations

from ringfence.entry.api import calls, flows, things
from ringfence.entry.api.connection import api_command

__all__ = ["api_command", "calls", "flows", "things"]
