"""What a number of the North American Numbering Plan says of where it is from."""

from __future__ import annotations

import re

from ringfence.kernel.area_codes import AREA_CODES

_STATE_OF = {code: state for state, codes in AREA_CODES.items() for code in codes.split()}
_NANP = re.compile(r"\+1([2-9]\d\d)[2-9]\d{6}")


def area_of(number: str) -> str | None:
    """The area code of an E.164 number of country code 1; None for any other text."""
    found = _NANP.fullmatch(number)
    return None if found is None else found[1]


def state_of(number: str) -> str | None:
    """The two letters of the US state of an E.164 number's area code; None where it names none:
    withheld, no E.164, abroad, toll-free, a new code."""
    area = area_of(number)
    return None if area is None else _STATE_OF.get(area)
