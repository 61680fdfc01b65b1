"""What the REST API says of flows, prompts and targets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from ringfence.domains.flows.contracts import (
    FlowInfo,
    FlowSummary,
    FlowVersionInfo,
    FlowVersionSummary,
    NewTarget,
    PromptInfo,
    TargetInfo,
    TargetKind,
)
from ringfence.domains.flows.rules.diff import GraphDiff
from ringfence.kernel.ids import Prefix, parse_public_id, public_id


class _In(Schema):
    model_config = ConfigDict(extra="forbid")


class PageQuery(Schema):
    """``before``: the ``next`` of the page before."""

    before: str | None = None
    limit: int = Field(50, ge=1, le=200)

    def cursor(self, prefix: Prefix) -> UUID | None:
        """Raises InvalidId."""
        return None if self.before is None else parse_public_id(prefix, self.before)


class FlowSummaryOut(Schema):
    """A flow. ``published_version`` is what calls get; null: it was never published."""

    id: str
    name: str
    published_version: int | None
    created_at: datetime
    updated_at: datetime


class FlowOut(FlowSummaryOut):
    """A flow and its draft, which calls do not get before it is published."""

    draft: dict[str, Any]


class FlowList(Schema):
    """Flows without drafts, newest first; pass ``next`` as ``before`` for the next page."""

    flows: list[FlowSummaryOut]
    next: str | None


class FlowIn(_In):
    """``draft``: nodes and where a call starts; it may be incomplete until it is published."""

    name: str
    draft: dict[str, Any] = Field(default_factory=dict)


class FlowChange(_In):
    """What is left out stays."""

    name: str | None = None
    draft: dict[str, Any] | None = None


class PublishIn(_In):
    """``note``: why; kept with the version."""

    note: str = Field("", max_length=500)


class RollbackIn(PublishIn):
    """``version``: the one to publish anew."""

    version: int = Field(ge=1)


class VersionSummaryOut(Schema):
    """A version of a flow; versions are 1, 2, 3 … without gaps."""

    flow: str
    version: int
    note: str
    published_at: datetime


class VersionOut(VersionSummaryOut):
    """A flow as it was published; it never changes."""

    graph: dict[str, Any]


class VersionList(Schema):
    """Versions without graphs, newest first; pass ``next`` as ``before`` for the next page."""

    versions: list[VersionSummaryOut]
    next: int | None


class VersionQuery(Schema):
    before: int | None = Field(None, ge=1)
    limit: int = Field(50, ge=1, le=200)


class DiffOut(Schema):
    """Nodes by id. ``changed``: the fields of each; ``graph``: those of the flow itself. Where
    nodes are drawn is no change."""

    added: list[str]
    removed: list[str]
    changed: dict[str, list[str]]
    graph: list[str]


class ProblemOut(Schema):
    """Why a flow cannot be published.

    ``flow``: another flow that would break; null: the one at hand. ``node``: null: the flow itself.
    """

    flow: str | None
    node: str | None
    field: str
    code: str
    message: str


class ValidateIn(_In):
    """``flow``: the flow that the graph is to be of; null: a new one."""

    graph: dict[str, Any]
    flow: str | None = None


class ValidateOut(Schema):
    valid: bool
    problems: list[ProblemOut]


class PromptOut(Schema):
    """An audio file, kept as WAV of 8 kHz, mono, 16 bit; ``sha256`` and ``bytes`` are of that."""

    id: str
    name: str
    sha256: str
    bytes: int
    seconds: float
    created_at: datetime


class PromptList(Schema):
    """Prompts, newest first; pass ``next`` as ``before`` for the next page."""

    prompts: list[PromptOut]
    next: str | None


class PromptChange(_In):
    name: str


class TargetOut(Schema):
    """A named destination: ``number`` through ``trunk``, or ``sip``, or ``device``. Calls pass over
    one that is not enabled."""

    id: str
    name: str
    kind: TargetKind
    trunk: str | None
    number: str | None
    sip: str | None
    device: str | None
    enabled: bool


class TargetList(Schema):
    """Targets, newest first; pass ``next`` as ``before`` for the next page."""

    targets: list[TargetOut]
    next: str | None


class TargetIn(_In):
    """Of the kind ``number``: ``trunk`` and ``number`` (E.164); ``sip``: ``sip``; ``device``:
    ``device``."""

    name: str
    kind: TargetKind
    trunk: str | None = None
    number: str | None = None
    sip: str | None = None
    device: str | None = None
    enabled: bool = True

    def as_new(self) -> NewTarget:
        """Raises InvalidId."""
        return NewTarget(
            name=self.name,
            kind=self.kind,
            trunk_id=None if self.trunk is None else parse_public_id(Prefix.TRUNK, self.trunk),
            number=self.number,
            uri=self.sip,
            device_id=None if self.device is None else parse_public_id(Prefix.DEVICE, self.device),
            enabled=self.enabled,
        )


_ADDRESS = ("trunk", "number", "sip", "device")


class TargetChange(_In):
    """What is left out stays; with another ``kind``, nothing of the address does."""

    name: str = ""
    kind: TargetKind | None = None
    trunk: str | None = None
    number: str | None = None
    sip: str | None = None
    device: str | None = None
    enabled: bool = True

    def applied_to(self, info: TargetInfo) -> NewTarget:
        """The target as it is to be. Raises InvalidId."""
        wanted = target_out(info).model_dump(exclude={"id"})
        if self.kind not in (None, info.kind):
            wanted |= dict.fromkeys(_ADDRESS)
        wanted |= self.model_dump(exclude_unset=True)
        wanted["kind"] = self.kind or info.kind
        return TargetIn(**wanted).as_new()


def flow_summary_out(info: FlowSummary) -> FlowSummaryOut:
    return FlowSummaryOut(
        id=public_id(Prefix.FLOW, info.id),
        name=info.name,
        published_version=info.published_version,
        created_at=info.created_at,
        updated_at=info.updated_at,
    )


def flow_out(info: FlowInfo) -> FlowOut:
    return FlowOut(draft=dict(info.draft), **flow_summary_out(info).model_dump())


def version_summary_out(info: FlowVersionSummary) -> VersionSummaryOut:
    return VersionSummaryOut(
        flow=public_id(Prefix.FLOW, info.flow_id),
        version=info.version,
        note=info.note,
        published_at=info.published_at,
    )


def version_out(info: FlowVersionInfo) -> VersionOut:
    return VersionOut(graph=dict(info.graph), **version_summary_out(info).model_dump())


def diff_out(found: GraphDiff) -> DiffOut:
    changed: Mapping[str, tuple[str, ...]] = found.changed
    return DiffOut(
        added=list(found.added),
        removed=list(found.removed),
        changed={node: list(fields) for node, fields in changed.items()},
        graph=list(found.graph),
    )


def prompt_out(info: PromptInfo) -> PromptOut:
    return PromptOut(
        id=public_id(Prefix.PROMPT, info.id),
        name=info.name,
        sha256=info.sha256,
        bytes=info.bytes,
        seconds=info.seconds,
        created_at=info.created_at,
    )


def target_out(info: TargetInfo) -> TargetOut:
    return TargetOut(
        id=public_id(Prefix.TARGET, info.id),
        name=info.name,
        kind=info.kind,
        trunk=None if info.trunk_id is None else public_id(Prefix.TRUNK, info.trunk_id),
        number=info.number,
        sip=info.uri,
        device=None if info.device_id is None else public_id(Prefix.DEVICE, info.device_id),
        enabled=info.enabled,
    )
