"""The control process: the one place that sees both the engine and the domains."""

from ringfence.entry.control.main import main

__all__ = ["main"]
