"""Who refuses to be recorded is not recorded, from the next call on."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from uuid import UUID

import msgspec

from ringfence.domains.consent.api import refused
from ringfence.domains.consent.vocabulary import ConsentScope
from ringfence.domains.flows.rules.addresses import is_e164
from ringfence.domains.recordings.contracts import RecordingPlans
from ringfence.engine.verbs.model import (
    DeviceTarget,
    Dial,
    DialTarget,
    Program,
    SipTarget,
    TrunkTarget,
)
from ringfence.kernel.errors import Unavailable
from ringfence.platform.keys.persons import Identifier

_log = logging.getLogger("ringfence.control")


def permitted(
    tenant: UUID, plans: RecordingPlans, caller: str, others: Iterable[DialTarget | str]
) -> RecordingPlans:
    """What of the plans is left by those who may take part: no conversation is recorded where
    anybody refuses, and no message of a caller who does.

    Asked of `keys` alone; while it is away nobody can say that nobody refuses, and nothing is
    recorded.
    """
    if plans == RecordingPlans():
        return plans
    refusing = _refusing(tenant, [caller, *others])
    if not any(refusing):
        return plans
    if not refusing[0]:
        return replace(plans, conversation=None)
    return RecordingPlans()


def with_refusals(tenant: UUID, program: Program) -> Program:
    """A program that a call goes on with, which says so of itself where anybody whom it may ring
    refuses to be recorded."""
    targets = [
        target
        for node in program.nodes.values()
        if isinstance(node.verb, Dial)
        for target in node.verb.targets
    ]
    return msgspec.structs.replace(program, unrecorded=any(_refusing(tenant, targets)))


def _refusing(tenant: UUID, parties: Sequence[DialTarget | str]) -> list[bool]:
    if not parties:
        return []
    try:
        return refused(tenant, ConsentScope.RECORDING, [_identifier(party) for party in parties])
    except Unavailable:
        _log.warning("nothing is recorded: refusals are unknown", extra={"kv": {}})
        return [True] * len(parties)


def _identifier(party: DialTarget | str) -> Identifier:
    """Who it is, as the record of the call names them."""
    match party:
        case TrunkTarget(number=number):
            return _of_text(number)
        case SipTarget(uri=uri):
            return _of_text(uri)
        case DeviceTarget(username=username):
            return _of_text(username)
        case str():
            return _of_text(party)


def _of_text(text: str) -> Identifier:
    if is_e164(text):
        return Identifier("e164", text)
    return Identifier("user", text) if text else Identifier("withheld")
