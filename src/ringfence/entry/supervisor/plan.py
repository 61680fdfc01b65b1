"""Which processes an installation has, and the order they start in."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from ringfence.platform.database import is_embedded
from ringfence.platform.settings import Settings


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """How one process is started and stopped."""

    name: str
    command: tuple[str, ...]
    ready_seconds: float = 120.0
    """Killed and started again when it does not serve by then."""
    stop_seconds: float = 10.0
    """Killed when it has not ended by then after SIGTERM."""
    drain_seconds: float | None = None
    """Set for a process that drains on the first SIGTERM (at most so long) and on the second
    ends at once."""
    holds_root_key: bool = False
    """Whether it is given $RINGFENCE_ROOT_KEY; nobody else is."""


Stage = tuple[ProcessSpec, ...]
"""Processes that start together; a stage starts when the one before it serves."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``before`` starts first, then ``prepare`` runs to its end, then ``stages`` one by one."""

    before: Stage
    prepare: tuple[str, ...]
    stages: tuple[Stage, ...]

    @property
    def specs(self) -> tuple[ProcessSpec, ...]:
        """All processes in start order."""
        return (*self.before, *(spec for stage in self.stages for spec in stage))


def _command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "ringfence.entry.cli", *arguments)


def build_plan(settings: Settings) -> Plan:
    """The processes of an installation with these settings."""
    database: Stage = ()
    if is_embedded(settings):
        database = (
            ProcessSpec("database", _command("database"), ready_seconds=120, stop_seconds=45),
        )
    media = tuple(
        ProcessSpec(f"media-{index}", _command("media", "--index", str(index)))
        for index in range(settings.media_workers)
    )
    speech = ProcessSpec("speech", _command("speech"))
    signalling = ProcessSpec(
        "signalling", _command("signalling"), drain_seconds=settings.node.drain_seconds
    )
    return Plan(
        before=database,
        prepare=_command("prepare"),
        stages=(
            (
                ProcessSpec("keys", _command("keys"), ready_seconds=120, holds_root_key=True),
                ProcessSpec("egress", _command("egress")),
            ),
            (ProcessSpec("control", _command("control")), *media, speech),
            (signalling,),
            tuple(ProcessSpec(name, _command(name)) for name in ("live", "web", "worker")),
        ),
    )
