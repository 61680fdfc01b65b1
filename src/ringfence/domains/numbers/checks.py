"""Whether a number may be as it is asked to be, before it is stored."""

from __future__ import annotations

from dataclasses import replace

from ringfence.domains.flows import api as flows
from ringfence.domains.flows.contracts import FlowNotFound
from ringfence.domains.numbers.contracts import NewNumber, TrunkDial
from ringfence.domains.numbers.queries import owned_numbers
from ringfence.domains.numbers.rules.dialing import checked_targets, e164, refuse
from ringfence.domains.trunks import api as trunks


def checked_number(new: NewNumber) -> NewNumber:
    """With every number in E.164, within a transaction of the tenant, in which its flow stays.

    Raises InvalidNumber, FlowNotPublished.
    """
    if (new.flow_id is None) == (not new.dial):
        raise refuse("dial", "give either targets to dial or a flow")
    checked = replace(
        new,
        e164=e164("e164", new.e164),
        dial=checked_targets(new.dial) if new.dial else (),
        caller_id=None if new.caller_id is None else e164("caller_id", new.caller_id),
    )
    if len(new.label) > 120 or not new.label.isprintable():
        raise refuse("label", "has at most 120 characters, none of them control characters")
    if not 1 <= new.dial_timeout_seconds <= 600:
        raise refuse("dial_timeout_seconds", "lies between 1 and 600")
    if new.max_seconds is not None and not 1 <= new.max_seconds <= 86_400:
        raise refuse("max_seconds", "lies between 1 and 86400")
    _check_caller_id(checked)
    _check_trunks(checked)
    _check_flow(new)
    return checked


def _check_caller_id(new: NewNumber) -> None:
    """Nobody presents a number that is not the tenant's."""
    shown = new.caller_id
    if shown not in (None, new.e164) and not owned_numbers(new.tenant_id, frozenset({shown})):
        raise refuse("caller_id", "is no active number of the tenant")


def _check_trunks(new: NewNumber) -> None:
    used = frozenset(target.trunk_id for target in new.dial if isinstance(target, TrunkDial))
    if used and trunks.usable_by(new.tenant_id, used) != used:
        raise refuse("dial", "names a trunk that the tenant may not use")


def _check_flow(new: NewNumber) -> None:
    if new.flow_id is None:
        return
    try:
        flows.check_published(new.tenant_id, new.flow_id)
    except FlowNotFound:
        raise refuse("flow", "names no flow of the tenant") from None
