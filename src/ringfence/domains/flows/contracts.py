"""What other domains and the entrances see of flows, prompts and targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from ringfence.domains.flows.graph import Graph
from ringfence.kernel.errors import InvalidInput, NotFound, RingfenceError, Unavailable


class TargetKind(StrEnum):
    """What a target dials."""

    NUMBER = "number"
    """A telephone number through a trunk."""
    SIP = "sip"
    """A SIP URI."""
    DEVICE = "device"
    """A registered user."""


@dataclass(frozen=True, slots=True)
class NewTarget:
    """What makes a target: of ``number`` a trunk and an E.164, of ``sip`` a URI, of ``device`` the
    device; nothing else may be given."""

    name: str
    kind: TargetKind
    trunk_id: UUID | None = None
    number: str | None = None
    uri: str | None = None
    device_id: UUID | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class TargetInfo:
    """A named destination that flows dial; one that is not enabled is passed over."""

    id: UUID
    tenant_id: UUID
    name: str
    kind: TargetKind
    trunk_id: UUID | None
    number: str | None
    """E.164."""
    uri: str | None
    device_id: UUID | None
    enabled: bool


@dataclass(frozen=True, slots=True)
class PromptInfo:
    """An audio file of the tenant, kept as 8 kHz mono 16-bit WAV."""

    id: UUID
    tenant_id: UUID
    name: str
    sha256: str
    """Of the file as it is kept, in hexadecimal."""
    bytes: int
    seconds: float
    created_at: datetime


@dataclass(frozen=True, slots=True)
class FlowSummary:
    """A flow without its draft."""

    id: UUID
    tenant_id: UUID
    name: str
    published_version: int | None
    """What calls get; None: never published."""
    created_at: datetime
    updated_at: datetime
    """Of name or draft."""


@dataclass(frozen=True, slots=True)
class FlowInfo(FlowSummary):
    """A flow and its draft."""

    draft: Mapping[str, Any]
    """As it was saved, valid or not."""


@dataclass(frozen=True, slots=True)
class FlowVersionSummary:
    """A published version without its graph."""

    flow_id: UUID
    tenant_id: UUID
    version: int
    """1, 2, 3 … without gaps."""
    note: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class FlowVersionInfo(FlowVersionSummary):
    """A flow as it was published. It never changes."""

    graph: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FlowPage:
    """A page of flows, newest first; ``next_cursor`` is None at the end."""

    flows: tuple[FlowSummary, ...]
    next_cursor: UUID | None


@dataclass(frozen=True, slots=True)
class FlowVersionPage:
    """A page of versions, newest first; ``next_cursor`` is None at the end."""

    versions: tuple[FlowVersionSummary, ...]
    next_cursor: int | None


@dataclass(frozen=True, slots=True)
class PromptPage:
    """A page of prompts, newest first; ``next_cursor`` is None at the end."""

    prompts: tuple[PromptInfo, ...]
    next_cursor: UUID | None


@dataclass(frozen=True, slots=True)
class TargetPage:
    """A page of targets, newest first; ``next_cursor`` is None at the end."""

    targets: tuple[TargetInfo, ...]
    next_cursor: UUID | None


@dataclass(frozen=True, slots=True)
class PublishedFlow:
    """One published flow: its version in force, and its graph."""

    version: int
    graph: Graph


@dataclass(frozen=True, slots=True)
class PublishedParts:
    """All that a program of one flow is made of: every published flow that it reaches, itself
    included, and what these name."""

    flows: Mapping[UUID, PublishedFlow]
    prompts: Mapping[UUID, str]
    """Absolute path of each prompt's file."""
    targets: Mapping[UUID, TargetInfo]
    """Also those that are not enabled."""
    devices: Mapping[UUID, str]
    """User name of each device that a flow or a target names."""


class FlowNotFound(NotFound):
    """No such flow for this tenant."""

    code = "flow_not_found"


class FlowVersionNotFound(NotFound):
    """The flow has no such version."""

    code = "flow_version_not_found"


class FlowNotPublished(RingfenceError):
    """The flow was never published; no call can get it."""

    code = "flow_not_published"
    http_status = 409


class FlowInUse(RingfenceError):
    """A number or a published flow leads to it; ``details`` says which."""

    code = "flow_in_use"
    http_status = 409


class TooMany(RingfenceError):
    """The tenant has as many of these as it may have; ``details.limit`` says how many."""

    code = "too_many"
    http_status = 409


class FlowInvalid(InvalidInput):
    """The graph cannot be run; ``details.problems`` names each problem at its node."""

    code = "flow_invalid"


class InvalidFlow(InvalidInput):
    """A field of the flow itself cannot be accepted; ``details.field`` names it."""

    code = "invalid_flow"


class PromptNotFound(NotFound):
    """No such prompt for this tenant."""

    code = "prompt_not_found"


class PromptInUse(RingfenceError):
    """A published flow plays it; ``details.flows`` says which."""

    code = "prompt_in_use"
    http_status = 409


class InvalidPrompt(InvalidInput):
    """A field of the prompt cannot be accepted; ``details.field`` names it."""

    code = "invalid_prompt"


class PromptNotAudio(InvalidInput):
    """The file is no WAV file, or a damaged one."""

    code = "prompt_not_audio"


class PromptFormatUnsupported(InvalidInput):
    """A WAV file of an encoding, rate or number of channels that is not read here."""

    code = "prompt_format_unsupported"


class PromptFileMissing(Unavailable):
    """The prompt's file is not on this machine."""

    code = "prompt_file_missing"


class PromptTooLarge(RingfenceError):
    """The file has too many bytes, or lasts too long."""

    code = "prompt_too_large"
    http_status = 413


class TargetNotFound(NotFound):
    """No such target for this tenant."""

    code = "target_not_found"


class TargetInUse(RingfenceError):
    """A published flow dials it; ``details.flows`` says which."""

    code = "target_in_use"
    http_status = 409


class InvalidTarget(InvalidInput):
    """A field of the target cannot be accepted; ``details.field`` names it."""

    code = "invalid_target"
