"""Whether a call is for emergency or crisis services, which nothing may stand in the way of."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ringfence.engine.verbs.model import (
    Dial,
    DialTarget,
    Fetch,
    Hangup,
    Node,
    Program,
    SipTarget,
    TrunkTarget,
    Verb,
)
from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.uri import parse_uri, unescape_user

_SERVICES = ("911", "112", "933", "988")
"""Emergency, its test number, and the crisis line."""
_EMERGENCY = frozenset(prefix + number for prefix in ("", "+", "1", "+1") for number in _SERVICES)
_VISUAL = str.maketrans("", "", "-.() ")


def is_emergency(called: str, targets: Iterable[DialTarget]) -> bool:
    """Whether emergency or crisis services are dialled, or are where the call may go."""
    return any(_is_service(user) for user in (called, *map(_user, targets)))


def only_emergency(program: Program) -> Program:
    """What is left of a program for whoever may reach nobody but emergency services: no other
    target, and no document, which could name one."""
    nodes = {name: Node(_spared(node.verb), node.next) for name, node in program.nodes.items()}
    return msgspec.structs.replace(program, nodes=nodes)


def marked(program: Program) -> Program:
    """The program with each Dial to emergency services saying so of itself: it is not recorded, and
    rung also where nobody can be sealed."""
    nodes = {name: Node(_marked(node.verb), node.next) for name, node in program.nodes.items()}
    return msgspec.structs.replace(program, nodes=nodes)


def _marked(verb: Verb) -> Verb:
    if not isinstance(verb, Dial) or not is_emergency("", verb.targets):
        return verb
    return msgspec.structs.replace(verb, emergency=True)


def _spared(verb: Verb) -> Verb:
    if isinstance(verb, Fetch):
        return Hangup()
    if not isinstance(verb, Dial):
        return verb
    targets = tuple(target for target in verb.targets if is_emergency("", (target,)))
    return msgspec.structs.replace(verb, targets=targets)


def _is_service(user: str) -> bool:
    """However it is written: ``9-1-1``, ``+1911``, with parameters, or ``sos`` (RFC 5031)."""
    name = user.partition(";")[0].translate(_VISUAL).lower()
    return name in _EMERGENCY or name == "sos"


def _user(target: DialTarget) -> str:
    if isinstance(target, TrunkTarget):
        return target.number
    if not isinstance(target, SipTarget):
        return ""
    try:
        return unescape_user(parse_uri(target.uri).user)
    except SipError:
        return ""  # it will not be dialled
