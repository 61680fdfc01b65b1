"""The privacy portal, for the entrances."""

from ringfence.domains.portal.queries import (
    find_portal,
    find_visit,
    get_portal,
    may_fetch,
    own_request,
    proven_visit,
    requests_of,
)
from ringfence.domains.portal.usecases.ask_at_once import ask_at_once
from ringfence.domains.portal.usecases.ask_code import ask_code
from ringfence.domains.portal.usecases.configure import close_portal, put_portal
from ringfence.domains.portal.usecases.prove import (
    appeal,
    confirm,
    correct,
    forbid,
    leave,
    permit,
    prove,
)
from ringfence.domains.portal.usecases.send_code import send_code
from ringfence.domains.portal.usecases.sweep_visits import sweep_visits
from ringfence.domains.portal.usecases.tell_officers import tell_officers

__all__ = [
    "appeal",
    "ask_at_once",
    "ask_code",
    "close_portal",
    "confirm",
    "correct",
    "find_portal",
    "find_visit",
    "forbid",
    "get_portal",
    "leave",
    "may_fetch",
    "own_request",
    "permit",
    "prove",
    "proven_visit",
    "put_portal",
    "requests_of",
    "send_code",
    "sweep_visits",
    "tell_officers",
]
