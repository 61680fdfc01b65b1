"""What one call says to the journal; nothing that points at a person leaves here unsealed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from ringfence.engine.calls.callee import sip_call_id
from ringfence.engine.calls.leg import Leg, recordable
from ringfence.engine.calls.party import called_of
from ringfence.engine.calls.vault import CallSeals, Party
from ringfence.engine.journal.journal import CallLog
from ringfence.engine.journal.records import SealedParty
from ringfence.engine.ports import LegStats, RouteDecision
from ringfence.engine.signalling.numbers import is_e164, region_of
from ringfence.engine.verbs.model import Dial, DialTarget, TrunkTarget, Verb
from ringfence.kernel.events import EndReason, EventKind
from ringfence.kernel.fields import SealedFieldNumber
from ringfence.kernel.ids import uuid7, uuid7_millis
from ringfence.platform.keys.persons import Identifier

if TYPE_CHECKING:
    from ringfence.engine.calls.call import Call

_CALLER, _CALLED = "caller", "called"


class CallRecord:
    """Writes the events of a call. ``seals`` is None only where `keys` could not be reached and the
    call is refused or an emergency: then its parties are not recorded at all."""

    def __init__(self, call: Call, log: CallLog) -> None:
        self._call = call
        self.log = log
        self.seals: CallSeals | None = None
        self._own_number = False
        self._persons: dict[DialTarget | str, UUID] = {}
        self._sealed: dict[tuple[SealedFieldNumber, UUID], SealedParty] = {}
        self._legs: dict[DialTarget, list[UUID]] = {}
        self._ended: set[UUID] = set()

    async def resolve(self, decision: RouteDecision | None) -> None:
        """Learn who the parties are: the caller, the called, every target. One round trip.

        All that will be said of them is sealed now: nothing waits for `keys`, or needs it, from
        here to the end of the call. Raises Unavailable, KeyDestroyed, Refused.
        """
        call = self._call
        self._own_number = decision is not None and decision.number is not None
        wanted: dict[DialTarget | str, Identifier] = {
            _CALLER: _identifier(call.caller_number, call.caller_text)
        }
        if not self._own_number:
            wanted[_CALLED] = _identifier(call.called, call.called)
        targets = _targets(
            [node.verb for node in decision.program.nodes.values()] if decision else []
        )
        for target in targets:
            wanted[target] = _identifier(*_named(target))
        started = uuid7_millis(call.id) * 1000
        seals = await call.manager.vault.begin(self.log.tenant, started, list(wanted.values()))
        persons = dict(zip(wanted, seals.persons, strict=True))
        legs = [(target, uuid7(call.manager.clock)) for target in targets]
        parties = self._parties(persons, legs)
        for party, sealed in zip(parties, await seals.seal(parties), strict=True):
            self._sealed[party.field, party.row] = sealed
        for target, leg in legs:
            self._legs.setdefault(target, []).append(leg)
        self.seals, self._persons = seals, persons

    def _parties(
        self, persons: dict[DialTarget | str, UUID], legs: Sequence[tuple[DialTarget, UUID]]
    ) -> list[Party]:
        call, node, field = self._call, self._call.manager.agent.node, SealedFieldNumber
        caller = persons[_CALLER]
        assert call.caller.dialog is not None
        theirs = {
            "number": call.caller_text,
            "sip_call_id": recordable(call.caller.dialog.call_id),
        }
        parties = [
            Party(caller, field.CALL_CALLER, call.id, {"number": call.caller_text}),
            Party(caller, field.LEG_PARTY, call.caller.id, theirs),
        ]
        if _CALLED in persons:
            value = {"number": call.called}
            parties.append(Party(persons[_CALLED], field.CALL_CALLEE, call.id, value))
        for target, leg in legs:
            value = {"number": called_of(target), "sip_call_id": sip_call_id(leg, node)}
            parties.append(Party(persons[target], field.LEG_PARTY, leg, value))
        return parties

    def leg_id(self, target: DialTarget) -> UUID:
        """Of the next leg to this target."""
        ids = self._legs.get(target)
        return ids.pop(0) if ids else uuid7(self._call.manager.clock)

    def started(self) -> None:
        """What was dialled stands in clear when it is a number of the tenant, and sealed else."""
        call, flow, own_number = self._call, self._call.caller.flow, self._own_number
        country, area = region_of(call.caller_number)
        field = SealedFieldNumber
        self.log.event(
            EventKind.CALL_STARTED, at=call.arrived, direction="inbound",
            trunk=call.trunk.id.hex, to=call.called if own_number else None,
            country_code=country, area=area, source=flow.remote_text.partition(" ")[2],
            transport=flow.transport, node=call.manager.agent.node,
            caller=self._sealed.get((field.CALL_CALLER, call.id)),
            callee=self._sealed.get((field.CALL_CALLEE, call.id)),
        )  # fmt: skip

    def leg_created(self, leg: Leg) -> None:
        """The leg's own party is who is at its other end."""
        party = self._sealed.get((SealedFieldNumber.LEG_PARTY, leg.id))
        caller = leg.role == "caller"
        self.log.event(
            EventKind.LEG_CREATED, leg=leg.id.hex, role=leg.role,
            trunk=leg.trunk.id.hex if leg.trunk is not None else None,
            transport=leg.flow.transport,
            caller=party if caller else None, callee=None if caller else party,
        )  # fmt: skip

    def person(self, leg: Leg) -> UUID:
        """Who is at the other end of a leg; only once the parties are known."""
        return self._persons[leg.target or _CALLER]

    def leg_ended(self, leg: Leg, stats: LegStats | None, *, at: int | None = None) -> None:
        """Say it once."""
        if leg.id in self._ended:
            return
        self._ended.add(leg.id)
        media: dict[str, Any] | None = msgspec.to_builtins(stats) if stats is not None else None
        self.log.event(
            EventKind.LEG_ENDED, at=at, leg=leg.id.hex, by=leg.ended_by or "local",
            status=leg.final_status, q850=leg.q850, media=media,
        )  # fmt: skip

    def ended(
        self, reason: EndReason, by: str, *, at: int, status: int | None, q850: int | None
    ) -> None:
        self.log.event(
            EventKind.CALL_ENDED, at=at, reason=reason.value, by=by, q850=q850, status=status
        )


def _targets(verbs: Sequence[Verb]) -> list[DialTarget]:
    return [target for verb in verbs if isinstance(verb, Dial) for target in verb.targets]


def _named(target: DialTarget) -> tuple[str, str]:
    return (target.number, target.number) if isinstance(target, TrunkTarget) else ("", target.uri)


def _identifier(number: str, text: str) -> Identifier:
    """Who a number, or else a text, means; nobody known when it is neither."""
    if is_e164(number):
        return Identifier("e164", number)
    return Identifier("user", text) if text else Identifier("withheld")
