"""``ringfence demo``: a whole call through the platform, held against what was on the wire."""

from ringfence.entry.demo.command import demo_command

__all__ = ["demo_command"]
