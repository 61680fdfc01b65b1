"""What a route asks of whoever calls it, and the answers of those it does not admit."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.kernel.errors import RingfenceError


@dataclass(frozen=True, slots=True)
class Admission:
    """What one route asks."""

    scope: str | None
    """The permission it needs; None admits nobody."""
    content: bool = False
    """It opens what somebody said."""
    export: bool = False
    """What it answers is meant to leave the installation."""


class InsufficientScope(RingfenceError):
    """The credential is valid but was not made for this."""

    code = "insufficient_scope"
    http_status = 403


class StepUpRequired(RingfenceError):
    """The session is valid, and what is asked needs a fresh authentication first."""

    code = "step_up_required"
    http_status = 403


class MfaRequired(RingfenceError):
    """The session was opened without a second factor, which this needs."""

    code = "mfa_required"
    http_status = 403


class ExportRefused(RingfenceError):
    """Whoever works where this session does takes no copies away."""

    code = "export_refused"
    http_status = 403
