"""Objects in a flow's JSON, from and to the dataclasses of the graph."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from ringfence.domains.flows.rules.kinds import BAD, Kind, Refuse, shown


def _attribute(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


@dataclass(frozen=True)
class Shape:
    """An object with these keys; one whose attribute has a default may be left out, and is left
    out when it is written with that default."""

    made: type[Any]
    keys: Mapping[str, Kind]

    @property
    def says(self) -> str:
        shown_keys = ", ".join(f"`{key}`" for key in self.keys)
        return f"an object with {shown_keys}"

    def default(self, key: str) -> Any:
        """What stands for a key that is left out; BAD where it must be given."""
        attribute = _attribute(key)
        found = next(f for f in fields(self.made) if f.name == attribute)
        return BAD if found.default is MISSING else found.default

    def read(self, value: Any, at: str, refuse: Refuse) -> Any:
        if not isinstance(value, dict):
            refuse(at, "wrong_type", "must be an object")
            return BAD
        good = True
        prefix = f"{at}." if at else ""
        for key in value.keys() - self.keys.keys():
            refuse(f"{prefix}{shown(key)}", "unknown_key", "is not known here")
            good = False
        read = {}
        for key, kind in self.keys.items():
            if key in value:
                read[_attribute(key)] = kind.read(value[key], f"{prefix}{key}", refuse)
            elif self.default(key) is BAD:
                refuse(f"{prefix}{key}", "missing", f"must be given: {kind.says}")
                good = False
        if not good or any(item is BAD for item in read.values()):
            return BAD
        return self.made(**read)

    def write(self, value: Any) -> dict[str, Any]:
        written = {}
        for key, kind in self.keys.items():
            item = getattr(value, _attribute(key))
            default = self.default(key)
            if default is BAD or item != default:
                written[key] = kind.write(item)
        return written


@dataclass(frozen=True)
class ByKey:
    """An object whose shape is told by which key it has."""

    shapes: Mapping[str, Shape]

    @property
    def says(self) -> str:
        return "an object with one of " + ", ".join(f"`{key}`" for key in self.shapes)

    def read(self, value: Any, at: str, refuse: Refuse) -> Any:
        if not isinstance(value, dict):
            refuse(at, "wrong_type", f"must be {self.says}")
            return BAD
        given = [key for key in self.shapes if key in value]
        if len(given) != 1:
            refuse(at, "ambiguous" if given else "missing", f"must be {self.says}")
            return BAD
        return self.shapes[given[0]].read(value, at, refuse)

    def write(self, value: Any) -> dict[str, Any]:
        shape = next(shape for shape in self.shapes.values() if shape.made is type(value))
        return shape.write(value)


@dataclass(frozen=True)
class Wrapped:
    """An object with exactly one key, which names the shape of its value."""

    shapes: Mapping[str, Shape]

    @property
    def says(self) -> str:
        return "an object with one of " + ", ".join(f"`{key}`" for key in self.shapes)

    def read(self, value: Any, at: str, refuse: Refuse) -> Any:
        name = next(iter(value), None) if isinstance(value, dict) and len(value) == 1 else None
        if not isinstance(name, str) or name not in self.shapes:
            refuse(at, "unknown_condition", f"must be {self.says}")
            return BAD
        return self.shapes[name].read(value[name], f"{at}.{name}", refuse)

    def write(self, value: Any) -> dict[str, Any]:
        name = next(name for name, shape in self.shapes.items() if shape.made is type(value))
        return {name: self.shapes[name].write(value)}
