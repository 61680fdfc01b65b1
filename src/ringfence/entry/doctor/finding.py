"""What one check found."""

from __future__ import annotations

from typing import Literal

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """``ok`` with ``advice`` is a warning: it works, and could be better or bite later."""

    name: str
    ok: bool
    observed: str
    advice: str = ""

    @property
    def level(self) -> Literal["ok", "warning", "wrong"]:
        if not self.ok:
            return "wrong"
        return "warning" if self.advice else "ok"
