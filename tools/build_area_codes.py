"""Builds the table of US area codes from the metadata of `phonenumbers`. Run by hand.

    python tools/build_area_codes.py > src/ringfence/kernel/area_codes.py

An area code is of the state that the metadata names for the whole of it, or else for every part of
it. Codes of territories, of other countries and of no place are left out: their place is unknown.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections import defaultdict

import phonenumbers
from phonenumbers.geodata import GEOCODE_DATA

NAMES = """
Alabama AL, Alaska AK, Arizona AZ, Arkansas AR, California CA, Colorado CO, Connecticut CT,
Delaware DE, Florida FL, Georgia GA, Hawaii HI, Idaho ID, Illinois IL, Indiana IN, Iowa IA,
Kansas KS, Kentucky KY, Louisiana LA, Maine ME, Maryland MD, Massachusetts MA, Michigan MI,
Minnesota MN, Mississippi MS, Missouri MO, Montana MT, Nebraska NE, Nevada NV, New Hampshire NH,
New Jersey NJ, New Mexico NM, New York NY, North Carolina NC, North Dakota ND, Ohio OH,
Oklahoma OK, Oregon OR, Pennsylvania PA, Rhode Island RI, South Carolina SC, South Dakota SD,
Tennessee TN, Texas TX, Utah UT, Vermont VT, Virginia VA, Washington State WA, West Virginia WV,
Wisconsin WI, Wyoming WY, Washington D.C. DC
"""
CODE_OF = dict(item.strip().rsplit(" ", 1) for item in NAMES.replace("\n", " ").split(","))


def state_of(place: str) -> str | None:
    city = re.fullmatch(r".+, ([A-Z]{2})", place)
    if city is None:
        return CODE_OF.get(place)
    return city[1] if city[1] in CODE_OF.values() else None


def main() -> None:
    places: dict[str, set[str | None]] = defaultdict(set)
    for prefix, names in GEOCODE_DATA.items():
        if re.match(r"1[2-9]\d\d", prefix) and "en" in names:
            places[prefix[1:4]].add(state_of(names["en"]))
    codes: dict[str, list[str]] = defaultdict(list)
    for code, found in places.items():
        whole = GEOCODE_DATA.get(f"1{code}", {}).get("en")
        (state,) = {state_of(whole)} if whole else found if len(found) == 1 else {None}
        if state is not None:
            codes[state].append(code)
    out = sys.stdout.write
    out('"""US area codes by state, made by tools/build_area_codes.py from phonenumbers ')
    out(f'{phonenumbers.__version__}."""\n\nAREA_CODES = {{\n')
    for state in sorted(codes):
        lines = textwrap.wrap(" ".join(sorted(codes[state])), 80)
        if len(lines) == 1:
            out(f'    "{state}": "{lines[0]}",\n')
        else:
            text = "".join(f'        "{line} "\n' for line in lines)
            out(f'    "{state}": (\n{text}    ),\n')
    out("}\n")


if __name__ == "__main__":
    main()
