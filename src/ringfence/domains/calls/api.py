"""Calls, for other domains and the entrances."""

from ringfence.domains.calls.queries import get_call, list_calls, timeline

__all__ = ["get_call", "list_calls", "timeline"]
