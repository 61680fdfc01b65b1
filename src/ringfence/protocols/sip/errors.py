"""The one error that parsing SIP raises."""

from __future__ import annotations


class SipError(Exception):
    """Something in a SIP message is wrong. ``status`` is the response it deserves (RFC 3261 21)."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
