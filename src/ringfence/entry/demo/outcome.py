"""What the demo observed: checks in a fixed order, none of which can be forgotten."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

CHECKS = {
    "known": "the platform answers its trunks",
    "answered": "the platform answers the call",
    "prompt": "the caller hears the uploaded prompt",
    "menu": "the caller hears the menu",
    "zip": "the caller is asked for a ZIP code",
    "ringback": "the caller hears ringback",
    "rings": "the desk rings, and sees who calls",
    "whisper": "the desk alone hears the whisper",
    "notice": "both hear the same recording notice",
    "talk": "each hears the other's tone and nothing else",
    "hangup": "the hang-up reaches the desk, once",
    "live": "the live stream tells it as it happens",
    "timeline": "the timeline shows the way through the flow",
    "pinned": "the call kept its version of the flow",
    "captured": "the record holds what was pressed",
    "billed": "the seconds billed are those of the wire",
    "media": "no packet was lost",
    "ledger": "each leg is charged by its rate, to the micro",
    "wallet": "the wallet gave what the call cost",
    "recording": "the recording has each side on its own track",
    "sealed": "what is stored of it is sealed",
    "purpose": "it does not open for a purpose not granted",
    "webhook": "the webhook tells of it, with a valid signature",
}
"""What is looked at, in the order of a call. One that was not reached has failed."""


@dataclass
class Outcome:
    """What was observed."""

    call_id: str | None = None
    timeline: list[dict[str, Any]] = field(default_factory=list)
    cdr: dict[str, Any] = field(default_factory=dict)
    recording: dict[str, Any] = field(default_factory=dict)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    wallet: dict[str, Any] = field(default_factory=dict)
    webhooks: list[dict[str, Any]] = field(default_factory=list)
    flow: dict[str, Any] = field(default_factory=dict)
    _seen: dict[str, tuple[bool, str]] = field(default_factory=dict)

    def check(self, key: str, ok: bool, observed: object) -> None:
        """Note what was observed of one check; the first failure of a check stays."""
        assert key in CHECKS, key
        if self._seen.get(key, (True, ""))[0]:
            self._seen[key] = bool(ok), str(observed)

    @property
    def checks(self) -> list[dict[str, Any]]:
        """Name, ok and what was observed, of every check."""
        found = {key: self._seen.get(key, (False, "not observed")) for key in CHECKS}
        return [
            {"name": CHECKS[key], "ok": ok, "observed": text} for key, (ok, text) in found.items()
        ]

    @property
    def ok(self) -> bool:
        return all(check["ok"] for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "call_id": self.call_id,
            "timeline": self.timeline,
            "cdr": self.cdr,
            "recording": self.recording,
            "ledger": self.ledger,
            "wallet": self.wallet,
            "webhooks": self.webhooks,
            "flow": self.flow,
            "checks": self.checks,
        }
