"""What a challenge saw, and what follows from it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from ringfence.entry.promises.challenge.loot import ATTACKER

FORM = "ringfence.challenge/1"
HELD, BROKEN, UNKNOWN = "held", "broken", "unknown"
_NEEDED = {"copy": 2, "files": 1, "objects": 1, "credentials": 2, "key_store": 1}
"""How much of each subject must open before the erasure, by where, or nothing is known."""


class Seen(msgspec.Struct, frozen=True):
    """What one attack opened of one subject: names of places, no values."""

    copy: tuple[str, ...] = ()
    """In rows of the restored base backup, with any key that can be derived."""
    files: tuple[str, ...] = ()
    """In bytes of the base backup's files and the log, wherever they lie."""
    objects: tuple[str, ...] = ()
    """Tracks among the copied objects."""
    credentials: tuple[str, ...] = ()
    """By asking the process ``keys``, as any process and for any purpose."""
    key_store: tuple[str, ...] = ()
    """Kinds of rows of the key store that name the number."""
    today: tuple[str, ...] = ()
    """In rows of the living database."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The report that is signed. Neither number stands in it."""

    began_at: datetime
    ended_at: datetime
    build: str
    steps: tuple[str, ...]
    customer_keys: bool = False
    """The customer alone holds the keys of recordings: no attack may open a track of anybody."""
    keys: str = ""
    """From which keys of the store others were derived."""
    before: dict[str, Seen] = {}
    """By ``erased`` and ``control``."""
    after: dict[str, Seen] = {}
    clear: tuple[str, ...] = ()
    """Where a number or voice stands in clear."""
    missed: tuple[str, ...] = ()
    """What was planted in clear for the scan and not found by it."""
    error: str = ""
    """Why it could not look to the end."""
    form: str = FORM
    attacker: str = ATTACKER

    @property
    def opened(self) -> list[str]:
        """What must not be readable and is."""
        seen = self.after.get("erased", Seen())
        held = (*self.before.values(), *self.after.values()) if self.customer_keys else ()
        return [
            *(f"{where}: {name}" for where, names in _places(seen) for name in names),
            *(f"without its customer's key: {name}" for one in held for name in one.objects),
            *(f"in clear: {place}" for place in self.clear),
        ]

    @property
    def blind(self) -> list[str]:
        """Why nothing that was not seen proves anything."""
        reasons = [self.error] if self.error else []
        if len(self.before) < 2 or len(self.after) < 2:
            return reasons or ["an attack is missing"]
        for who, seen in self.before.items():
            reasons += [
                f"before the erasure the attack opened too little of {who}: {where}"
                for where, names in _places(seen)
                if len(names) < _NEEDED.get(where, 0)
                and not (self.customer_keys and where == "objects")
            ]
        before, after = dict(_places(self.before["control"])), _places(self.after["control"])
        reasons += [
            f"of control does not open any more: {where}: {name}"
            for where, names in after
            if where not in ("files", "today")  # the second time there are more files
            for name in set(before[where]) - set(names)
        ]
        reasons += [
            f"the control is not in {where} any more"
            for where, names in after
            if where in ("files", "today") and not names
        ]
        return [*reasons, *(f"planted and not found: {place}" for place in self.missed)]

    @property
    def verdict(self) -> str:
        """``broken`` when anything opened, ``unknown`` when it could not be seen, else ``held``."""
        return BROKEN if self.opened else UNKNOWN if self.blind else HELD


def as_json(outcome: Outcome) -> dict[str, Any]:
    """For the signed file, and for ``--json``."""
    said: dict[str, Any] = msgspec.to_builtins(outcome)
    return said | {
        "verdict": outcome.verdict,
        "opened": outcome.opened,
        "blind": outcome.blind,
    }


def _places(seen: Seen) -> list[tuple[str, tuple[str, ...]]]:
    return list(msgspec.structs.asdict(seen).items())
