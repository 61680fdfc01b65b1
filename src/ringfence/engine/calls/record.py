"""What one call says to the journal; nothing that points at a person leaves here unsealed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from ringfence.engine.calls.leg import Leg, recordable
from ringfence.engine.calls.vault import CallSeals
from ringfence.engine.journal.journal import CallLog
from ringfence.engine.journal.records import SealedParty
from ringfence.engine.ports import Dial, DialTarget, LegStats, RouteDecision, TrunkTarget, Verb
from ringfence.engine.signalling.numbers import is_e164, region_of
from ringfence.kernel.events import EndReason, EventKind
from ringfence.kernel.fields import SealedFieldNumber
from ringfence.kernel.ids import uuid7_millis
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
        self._ended: set[UUID] = set()

    async def resolve(self, decision: RouteDecision | None) -> None:
        """Learn who the parties are: the caller, the called, every target. One round trip.

        Raises Unavailable, Refused.
        """
        call = self._call
        self._own_number = decision is not None and decision.number is not None
        wanted: dict[DialTarget | str, Identifier] = {
            _CALLER: _identifier(call.caller_number, call.caller_text)
        }
        if not self._own_number:
            wanted[_CALLED] = _identifier(call.called, call.called)
        for target in _targets(decision.verbs if decision is not None else ()):
            wanted[target] = _identifier(*_named(target))
        started = uuid7_millis(call.id) * 1000
        self.seals = await call.manager.vault.begin(self.log.tenant, started, list(wanted.values()))
        self._persons = dict(zip(wanted, self.seals.persons, strict=True))

    async def started(self) -> None:
        """What was dialled stands in clear when it is a number of the tenant, and sealed else."""
        call, flow, own_number = self._call, self._call.caller.flow, self._own_number
        country, area = region_of(call.caller_number)
        field = SealedFieldNumber
        self.log.event(
            EventKind.CALL_STARTED, at=call.arrived, direction="inbound",
            trunk=call.trunk.id.hex, to=call.called if own_number else None,
            country_code=country, area=area, source=flow.remote_text.partition(" ")[2],
            transport=flow.transport, node=call.manager.agent.node,
            caller=await self._seal(_CALLER, field.CALL_CALLER, number=call.caller_text),
            callee=None if own_number
            else await self._seal(_CALLED, field.CALL_CALLEE, number=call.called),
        )  # fmt: skip

    async def leg_created(self, leg: Leg, number: str) -> None:
        """``number``: of the leg's own party."""
        assert leg.dialog is not None
        sip_call_id = recordable(leg.dialog.call_id)
        party = None
        if self.seals is not None:
            party = await self.seals.seal(
                self.person(leg), SealedFieldNumber.LEG_PARTY, leg.id,
                {"number": number, "sip_call_id": sip_call_id},
            )  # fmt: skip
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

    async def _seal(self, who: str, field: SealedFieldNumber, **value: str) -> SealedParty | None:
        if self.seals is None:
            return None
        return await self.seals.seal(self._persons[who], field, self._call.id, value)


def _targets(verbs: Sequence[Verb]) -> list[DialTarget]:
    dialled = (target for verb in verbs if isinstance(verb, Dial) for target in verb.targets)
    return list(dict.fromkeys(dialled))


def _named(target: DialTarget) -> tuple[str, str]:
    return (target.number, target.number) if isinstance(target, TrunkTarget) else ("", target.uri)


def _identifier(number: str, text: str) -> Identifier:
    """Who a number, or else a text, means; nobody known when it is neither."""
    if is_e164(number):
        return Identifier("e164", number)
    return Identifier("user", text) if text else Identifier("withheld")
