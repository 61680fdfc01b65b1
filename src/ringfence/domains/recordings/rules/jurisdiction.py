"""Where a party of a call may be, by what its number says."""

from __future__ import annotations

import re

from ringfence.domains.recordings.rules.area_codes import AREA_CODES

UNKNOWN = "unknown"
"""Place of a number that names no US state: withheld, no E.164, abroad, toll-free, a new code."""

_STATE_OF = {code: state for state, codes in AREA_CODES.items() for code in codes.split()}
_NANP = re.compile(r"\+1([2-9]\d\d)[2-9]\d{6}")


def place_of(number: str) -> str:
    """The two letters of the US state of an E.164 number's area code, or UNKNOWN.

    A number may be carried to another state; its area code is all that a call setup knows.
    """
    found = _NANP.fullmatch(number)
    return UNKNOWN if found is None else _STATE_OF.get(found[1], UNKNOWN)
