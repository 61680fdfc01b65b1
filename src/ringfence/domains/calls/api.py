"""Calls, for other domains and the entrances."""

from ringfence.domains.calls.journal_queries import list_events, timeline
from ringfence.domains.calls.queries import get_call, last_call_at, list_calls, live_calls_of_person
from ringfence.domains.calls.usage import (
    UsageLeg,
    ended_calls,
    ending_behind,
    recorded_usage,
    usage_of,
)
from ringfence.domains.calls.usecases.append_event import NewEvent, append_event, append_events
from ringfence.domains.calls.usecases.command_call import (
    command_call,
    originate_call,
    say_by_call,
)
from ringfence.domains.calls.usecases.project_events import project_calls, projected_position
from ringfence.domains.calls.usecases.store_events import store_events
from ringfence.domains.calls.usecases.strip_events import calls_of_person, strip_events

__all__ = [
    "NewEvent",
    "UsageLeg",
    "append_event",
    "append_events",
    "calls_of_person",
    "command_call",
    "ended_calls",
    "ending_behind",
    "get_call",
    "last_call_at",
    "list_calls",
    "list_events",
    "live_calls_of_person",
    "originate_call",
    "project_calls",
    "projected_position",
    "recorded_usage",
    "say_by_call",
    "store_events",
    "strip_events",
    "timeline",
    "usage_of",
]
