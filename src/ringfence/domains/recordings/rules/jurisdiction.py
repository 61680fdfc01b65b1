"""Where a party of a call may be, by what its number says."""

from __future__ import annotations

from ringfence.kernel.nanp import state_of

UNKNOWN = "unknown"
"""Place of a number that names no US state: withheld, no E.164, abroad, toll-free, a new code."""


def place_of(number: str) -> str:
    """The two letters of the US state of an E.164 number's area code, or UNKNOWN.

    A number may be carried to another state; its area code is all that a call setup knows.
    """
    return state_of(number) or UNKNOWN
