"""What the REST API says of numbers."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from ringfence.domains.numbers.contracts import (
    DialTarget,
    NewNumber,
    NumberInfo,
    SipDial,
    TrunkDial,
)
from ringfence.domains.numbers.rules.dialing import refuse
from ringfence.kernel.ids import Prefix, parse_public_id, public_id


class DialTargetModel(Schema):
    """Either ``trunk`` and ``number``, or ``sip``."""

    model_config = ConfigDict(extra="forbid")

    trunk: str | None = None
    number: str | None = None
    sip: str | None = None

    def as_target(self) -> DialTarget:
        """Raises InvalidNumber, InvalidId."""
        if self.sip is not None and self.trunk is None and self.number is None:
            return SipDial(self.sip)
        if self.sip is None and self.trunk is not None and self.number is not None:
            return TrunkDial(parse_public_id(Prefix.TRUNK, self.trunk), self.number)
        raise refuse("dial", "a target is either a trunk and a number, or a SIP URI")


class NumberOut(Schema):
    """A telephone number and where its calls go: to a flow, or target after target."""

    id: str
    e164: str
    label: str
    dial: list[DialTargetModel]
    flow: str | None
    dial_timeout_seconds: int
    caller_id: str | None
    max_seconds: int | None
    status: Literal["active", "inactive"]


class NumberList(Schema):
    """Numbers, newest first; pass ``next`` as ``before`` for the page after this one."""

    numbers: list[NumberOut]
    next: str | None


class NumberQuery(Schema):
    before: str | None = None
    limit: int = Field(50, ge=1, le=200)


class NumberIn(Schema):
    """A number and either ``flow`` or ``dial``.

    ``caller_id``: a number of the tenant that targets see in place of the caller's.
    """

    model_config = ConfigDict(extra="forbid")

    e164: str
    label: str = ""
    dial: list[DialTargetModel] = Field(default_factory=list)
    flow: str | None = None
    dial_timeout_seconds: int = 30
    caller_id: str | None = None
    max_seconds: int | None = None

    def as_new(self, tenant_id: UUID) -> NewNumber:
        """Raises InvalidNumber, InvalidId."""
        return NewNumber(
            tenant_id=tenant_id,
            e164=self.e164,
            dial=tuple(target.as_target() for target in self.dial),
            flow_id=None if self.flow is None else parse_public_id(Prefix.FLOW, self.flow),
            label=self.label,
            dial_timeout_seconds=self.dial_timeout_seconds,
            caller_id=self.caller_id,
            max_seconds=self.max_seconds,
        )


class NumberChange(Schema):
    """What is left out stays; ``caller_id`` and ``max_seconds`` may be taken away by null."""

    model_config = ConfigDict(extra="forbid")

    label: str = ""
    dial: list[DialTargetModel] = Field(default_factory=list)
    flow: str | None = None
    dial_timeout_seconds: int = 30
    caller_id: str | None = None
    max_seconds: int | None = None

    def applied_to(self, info: NumberInfo) -> NewNumber:
        """The number as it is to be. Raises InvalidNumber, InvalidId."""
        named = self.model_fields_set
        wanted: dict[str, Any] = number_out(info).model_dump(exclude={"id", "status"})
        wanted |= self.model_dump(include=set(named))
        if "flow" in named and self.flow is not None and "dial" not in named:
            wanted["dial"] = []
        if "dial" in named and self.dial and "flow" not in named:
            wanted["flow"] = None
        return NumberIn(**wanted).as_new(info.tenant_id)


def _target(target: DialTarget) -> DialTargetModel:
    if isinstance(target, TrunkDial):
        return DialTargetModel(trunk=public_id(Prefix.TRUNK, target.trunk_id), number=target.number)
    return DialTargetModel(sip=target.uri)


def number_out(info: NumberInfo) -> NumberOut:
    return NumberOut(
        id=public_id(Prefix.NUMBER, info.id),
        e164=info.e164,
        label=info.label,
        dial=[_target(target) for target in info.dial],
        flow=None if info.flow_id is None else public_id(Prefix.FLOW, info.flow_id),
        dial_timeout_seconds=info.dial_timeout_seconds,
        caller_id=info.caller_id,
        max_seconds=info.max_seconds,
        status="active" if info.status == "active" else "inactive",
    )
