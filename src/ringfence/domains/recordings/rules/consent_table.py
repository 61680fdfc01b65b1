"""Who has to agree to the recording of a telephone call, by US state.

Typed from the project's catalogue of regulation, whose lists were verified; statutes are named so
that counsel can check them. Where published lists disagree, or a state treats some calls otherwise,
the stricter reading stands and the note says so. Not legal advice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["all_party", "mixed", "one_party"]


@dataclass(frozen=True, slots=True)
class ConsentLaw:
    """One state's rule. ``mixed`` is treated as ``all_party``."""

    kind: Kind
    source: str
    note: str = ""


_DISAGREE = "lists disagree; treated as all-party"
_FEDERAL = "18 U.S.C. 2511(2)(d)"

_STRICT = {
    "CA": ConsentLaw("all_party", "Cal. Penal Code 632, 632.7"),
    "CT": ConsentLaw(
        "mixed",
        "Conn. Gen. Stat. 52-570d, 53a-187",
        "all parties in civil law, one party in criminal law; treated as all-party",
    ),
    "DE": ConsentLaw("all_party", "11 Del. C. 1335, 2402", _DISAGREE),
    "FL": ConsentLaw("all_party", "Fla. Stat. 934.03"),
    "IL": ConsentLaw("all_party", "720 ILCS 5/14-2"),
    "MA": ConsentLaw("all_party", "Mass. Gen. Laws ch. 272, 99"),
    "MD": ConsentLaw("all_party", "Md. Code, Cts. & Jud. Proc. 10-402"),
    "MI": ConsentLaw(
        "mixed",
        "Mich. Comp. Laws 750.539c",
        "a participant may record by case law; lists disagree; treated as all-party",
    ),
    "MT": ConsentLaw("all_party", "Mont. Code 45-8-213"),
    "NH": ConsentLaw("all_party", "N.H. Rev. Stat. 570-A:2"),
    "NV": ConsentLaw("all_party", "Nev. Rev. Stat. 200.620", _DISAGREE),
    "OR": ConsentLaw(
        "mixed",
        "Or. Rev. Stat. 165.540",
        "one party on the telephone, all parties face to face; treated as all-party",
    ),
    "PA": ConsentLaw("all_party", "18 Pa. C.S. 5703, 5704"),
    "WA": ConsentLaw("all_party", "Wash. Rev. Code 9.73.030"),
}

_ONE_PARTY = (
    "AK AL AR AZ CO DC GA HI IA ID IN KS KY LA ME MN MO MS NC ND NE NJ NM NY OH OK RI SC SD TN TX "
    "UT VA VT WI WV WY"
)

LAWS: dict[str, ConsentLaw] = _STRICT | {
    state: ConsentLaw("one_party", _FEDERAL) for state in _ONE_PARTY.split()
}
"""Every state and the District of Columbia."""
