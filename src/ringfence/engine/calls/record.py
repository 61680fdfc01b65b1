"""What one call says to the journal; nothing that points at a person leaves here unsealed."""

from __future__ import annotations

import logging
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
from ringfence.engine.verbs.model import DeviceTarget, Dial, DialTarget, SipTarget, TrunkTarget
from ringfence.kernel.errors import RingfenceError, Unavailable
from ringfence.kernel.events import EndReason, EventKind
from ringfence.kernel.fields import SealedFieldNumber
from ringfence.kernel.ids import uuid7, uuid7_millis
from ringfence.platform.keys.persons import Identifier

if TYPE_CHECKING:
    from ringfence.engine.calls.call import Call

_CALLER, _CALLED = "caller", "called"
_FEW = 20
"""Targets that are resolved before any of them is rung."""
_log = logging.getLogger("ringfence.call")


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
        self._captured: dict[str, str] = {}

    async def resolve(self, decision: RouteDecision | None) -> None:
        """Learn who the parties are: the caller, the called, the first targets. One round trip.

        All that will be said of them is sealed now: nothing waits for `keys`, or needs it, from
        here to the end of the call, but what the call learns later (further targets, digits).
        Raises Unavailable, KeyDestroyed, Refused.
        """
        call = self._call
        self._own_number = decision is not None and decision.number is not None
        wanted: dict[DialTarget | str, Identifier] = {
            _CALLER: _identifier(call.caller_number, call.caller_text)
        }
        targets = _first_targets(decision)
        if not self._own_number and call.called:
            wanted[_CALLED] = _identifier(call.called, call.called)
        for target in targets:
            wanted[target] = _identifier(*_named(target))
        seals = await self._begin(list(wanted.values()))
        persons = dict(zip(wanted, seals.persons, strict=True))
        legs = [(target, uuid7(call.manager.clock)) for target in targets]
        parties = self._parties(persons, legs)
        for party, sealed in zip(parties, await seals.seal(parties), strict=True):
            self._sealed[party.field, party.row] = sealed
        for target, leg in legs:
            self._legs.setdefault(target, []).append(leg)
        self.seals, self._persons = seals, persons

    async def know(self, targets: Sequence[DialTarget]) -> None:
        """Learn who these are, as far as it is not known. Raises as ``resolve``."""
        unknown = [target for target in dict.fromkeys(targets) if target not in self._persons]
        if unknown and self.seals is not None:
            seals = await self._begin([_identifier(*_named(target)) for target in unknown])
            self._persons.update(zip(unknown, seals.persons, strict=True))
        elif unknown:
            raise Unavailable("the parties of the call could not be sealed")

    async def _begin(self, identifiers: Sequence[Identifier]) -> CallSeals:
        started = uuid7_millis(self._call.id) * 1000
        return await self._call.manager.vault.begin(self.log.tenant, started, identifiers)

    def _parties(
        self, persons: dict[DialTarget | str, UUID], legs: Sequence[tuple[DialTarget, UUID]]
    ) -> list[Party]:
        call, field = self._call, SealedFieldNumber
        caller = persons[_CALLER]
        parties = [Party(caller, field.CALL_CALLER, call.id, {"number": call.caller_text})]
        if call.legs:
            inbound = call.primary
            assert inbound.dialog is not None
            theirs = {
                "number": call.caller_text,
                "sip_call_id": recordable(inbound.dialog.call_id),
            }
            parties.append(Party(caller, field.LEG_PARTY, inbound.id, theirs))
        if _CALLED in persons:
            value = {"number": call.called}
            parties.append(Party(persons[_CALLED], field.CALL_CALLEE, call.id, value))
        parties += [self._leg_party(persons[target], target, leg) for target, leg in legs]
        return parties

    def _leg_party(self, person: UUID, target: DialTarget, leg: UUID) -> Party:
        node = self._call.manager.agent.node
        value = {"number": called_of(target), "sip_call_id": sip_call_id(leg, node)}
        return Party(person, SealedFieldNumber.LEG_PARTY, leg, value)

    async def new_leg(self, target: DialTarget) -> UUID:
        """The id of the next leg to this target, its party sealed where that is known. Raises
        Unavailable, KeyDestroyed, Refused."""
        ids = self._legs.get(target)
        if ids:
            return ids.pop(0)
        leg = uuid7(self._call.manager.clock)
        person = self._persons.get(target)
        if self.seals is not None and person is not None:
            party = self._leg_party(person, target, leg)
            (self._sealed[party.field, leg],) = await self.seals.seal([party])
        return leg

    async def capture(self, name: str, value: str) -> None:
        """Digits that the flow keeps: sealed, all that there are so far. Where that cannot be done
        the call goes on and its record lacks them."""
        self._captured[name] = value
        if self.seals is None:
            return
        person = self.person(self._call.primary)
        party = Party(person, SealedFieldNumber.CALL_CAPTURED, self._call.id, self._captured)
        try:
            (sealed,) = await self.seals.seal([party])
        except RingfenceError as error:
            kv = {"call": self._call.id.hex, "code": error.code}
            _log.error("captured digits could not be sealed", extra={"kv": kv})
            return
        self.log.event(EventKind.CALL_CAPTURED, caller=sealed, names=sorted(self._captured))

    def started(self) -> None:
        """What was dialled stands in clear when it is a number of the tenant, and sealed else."""
        call, flow, own_number = self._call, self._call.primary.flow, self._own_number
        country, area = region_of(call.caller_number if call.inbound else "")
        field = SealedFieldNumber
        self.log.event(
            EventKind.CALL_STARTED, at=call.arrived,
            direction="inbound" if call.inbound else "outbound",
            trunk=call.trunk.id.hex if call.trunk is not None else None,
            to=call.called if own_number else None,
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
        return self._persons[leg.target if leg.target is not None else _CALLER]

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


def _first_targets(decision: RouteDecision | None) -> list[DialTarget]:
    """Of an originated call, and of a program that names few: they will probably be rung."""
    if decision is None:
        return []
    verbs = (node.verb for node in decision.program.nodes.values())
    found = [target for verb in verbs if isinstance(verb, Dial) for target in verb.targets]
    first = [] if decision.first is None else [decision.first]
    return first + (found if len(found) <= _FEW else [])


def _named(target: DialTarget) -> tuple[str, str]:
    match target:
        case TrunkTarget(number=number):
            return number, number
        case SipTarget(uri=uri):
            return "", uri
        case DeviceTarget(username=username):
            return "", username


def _identifier(number: str, text: str) -> Identifier:
    """Who a number, or else a text, means; nobody known when it is neither."""
    if is_e164(number):
        return Identifier("e164", number)
    return Identifier("user", text) if text else Identifier("withheld")
