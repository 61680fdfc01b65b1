"""Everything that an installation sends out, and the fields that may be in it.

What is not listed does not leave: a field that a domain adds to a message is refused here until
somebody decides that it may go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Receiver = Literal["tenant", "processor"]
"""``tenant``: a system that a business customer names for its own data. ``processor``: a third
party of the operator's, registered in its settings, or a system of the operator's own."""


@dataclass(frozen=True, slots=True)
class Template:
    """One kind of thing that is sent."""

    name: str
    says: str
    receiver: Receiver
    purpose: str
    categories: tuple[str, ...]
    """Of the personal values that may be in it, by the categories of ``personal_data.py``."""
    fields: frozenset[str]
    """Dotted names in a JSON body, names in a form; ``x.*``: every name within ``x``. None of
    them: nothing with a body is sent."""
    repeatable: bool = False
    """Whether the asker wants it asked again when the gate was started anew meanwhile."""


_CALL = (
    *("id", "direction", "from_number", "from_error", "to_number", "to_error", "country_code"),
    *("area", "trunk_id", "number_id", "flow_id", "flow_version", "tags.*", "started_at"),
    *("routed_at", "answered_at", "ended_at", "disposition", "end_reason", "ended_by"),
    *("sip_status", "q850", "billed_seconds", "duration_ms", "captured.*", "captured_error"),
    *("unrecorded", "call", "seq", "error"),  # of a call that is gone
)
_LEG = (
    *("id", "role", "trunk_id", "number", "number_error", "transport", "cipher", "codec"),
    *("created_at", "ringing_at", "answered_at", "bridged_at", "ended_at", "sip_status", "q850"),
    *("ended_by", "rx_packets", "tx_packets", "lost_packets", "jitter_ms", "rtt_ms", "mos"),
)
_RECORDING = (
    *("id", "call_id", "started_at", "ended_at", "state", "basis", "duration_ms", "gap"),
    *("pauses", "customer_keys", "custody", "analysis_until", "deletion_reason"),
    *("recording", "error"),  # of a recording that is gone
)
_TRACK = ("track", "leg_id", "state", "duration_ms", "complete", "bytes")
_WALLET = ("currency", "balance_micros", "threshold_micros", "entry", "tenant")
_CONSENT = ("consent", "person", "scope", "state")
_TEST = ("webhook",)

WEBHOOK = Template(
    "webhook",
    "A customer's own system is told of its calls, recordings, wallet and consents",
    "tenant",
    "service",
    ("identifier", "content"),
    frozenset(
        {
            "type",
            "timestamp",
            *(f"data.{name}" for name in (*_CALL, *_RECORDING, *_WALLET, *_CONSENT)),
            *(f"data.{name}" for name in (*_TEST, "legs", "tracks")),
            *(f"data.legs.{name}" for name in _LEG),
            *(f"data.tracks.{name}" for name in _TRACK),
        }
    ),
)
FLOW_DOCUMENT = Template(
    "flow_document",
    "A customer's own server is asked what a call does next",
    "tenant",
    "service",
    ("identifier", "content"),
    frozenset(
        {
            *("CallSid", "AccountSid", "ApiVersion", "From", "Caller", "To", "Called"),
            *("Direction", "CallStatus", "Digits", "DialCallStatus", "DialCallDuration"),
            *("RecordingSid", "RecordingDuration"),
        }
    ),
    repeatable=True,
)
REMOTE_AUDIO = Template(
    "remote_audio",
    "Audio that a customer's document plays is fetched; nothing is sent but the request",
    "tenant",
    "service",
    (),
    frozenset(),
    repeatable=True,
)
SSO = Template(
    "sso",
    "A customer's own identity provider is asked who signs in",
    "tenant",
    "security",
    (),
    frozenset(
        {
            *("grant_type", "code", "redirect_uri", "client_id", "client_secret"),
            "code_verifier",
        }
    ),
)
MAIL = Template(
    "mail",
    "Mails to the people of customers, and to data subjects who asked for something",
    "processor",
    "service",
    ("identifier", "content"),
    frozenset({"from", "to", "subject", "text"}),
)

TEMPLATES = {one.name: one for one in (WEBHOOK, FLOW_DOCUMENT, REMOTE_AUDIO, SSO, MAIL)}
