"""Trees of frozen dataclasses whose leaves are annotated with their Parameter: how to walk them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NoReturn, TypeVar, get_args, get_type_hints

from ringfence.policies.profiles.parameters import Parameter, Refused

Tree = TypeVar("Tree")
Field = Parameter | type[Any]


class Unreadable(Exception):
    """A rule asked for a value that was refused."""


class Missing:
    """Stands where a value was refused; whoever looks at it raises Unreadable."""

    def _refuse(self, *_: object) -> NoReturn:
        raise Unreadable

    __getattr__ = __bool__ = __iter__ = __contains__ = __eq__ = __hash__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __mul__ = _refuse
    __and__ = __rand__ = __sub__ = __rsub__ = _refuse


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a profile does not compile."""

    code: str
    """Stable."""
    path: str
    """The value, or the first of those that cannot stand together."""
    message: str
    row: int = 0
    """Of the table of conflicts; 0: none."""
    paths: tuple[str, ...] = ()
    """All values that a rule looked at."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message} [{self.code}]"


def shape(cls: type[Any]) -> Mapping[str, Field]:
    """The fields of a class: a Parameter, or the class of a branch."""
    key: Any = cls
    return _shape(key)


def leaves(cls: type[Any]) -> Mapping[str, Parameter]:
    """Path -> parameter."""
    key: Any = cls
    return _leaves(key)


@functools.cache
def _shape(cls: Any) -> Mapping[str, Field]:
    hints = get_type_hints(cls, include_extras=True)
    return {
        f.name: next(
            (a for a in get_args(hints[f.name]) if isinstance(a, Parameter)), hints[f.name]
        )
        for f in fields(cls)
    }


@functools.cache
def _leaves(cls: Any) -> Mapping[str, Parameter]:
    found: dict[str, Parameter] = {}
    for name, field in shape(cls).items():
        if isinstance(field, Parameter):
            found[name] = field
        else:
            found |= {f"{name}.{path}": leaf for path, leaf in leaves(field).items()}
    return found


def value_at(tree: Any, path: str) -> Any:
    """The value or branch at a path."""
    return functools.reduce(getattr, path.split("."), tree)


def with_value(tree: Tree, path: str, value: Any) -> Tree:
    """The tree with another value at a path."""
    name, _, rest = path.partition(".")
    changed = with_value(getattr(tree, name), rest, value) if rest else value
    return replace(tree, **{name: changed})  # type: ignore[type-var]


def plain(tree: Any) -> dict[str, Any]:
    """The tree as JSON has it."""
    return {
        name: field.plain(getattr(tree, name))
        if isinstance(field, Parameter)
        else plain(getattr(tree, name))
        for name, field in shape(type(tree)).items()
    }


def read(cls: type[Tree], raw: Any, problems: list[Problem], path: str = "") -> Tree:
    """The tree that ``raw`` describes; what is refused is in ``problems`` and Missing in it."""
    if not isinstance(raw, Mapping):
        problems.append(Problem("bad_table", path, "is no table"))
        raw = {}
    known = shape(cls)
    dotted = f"{path}." if path else ""
    problems += [
        Problem("unknown_key", f"{dotted}{key}", "is no parameter")
        for key in raw
        if key not in known
    ]
    values: dict[str, Any] = {}
    for name, field in known.items():
        if isinstance(field, Parameter):
            values[name] = _leaf(field, raw, name, dotted, problems)
        else:
            values[name] = read(field, raw.get(name, {}), problems, dotted + name)
    return cls(**values)


def _leaf(
    leaf: Parameter, raw: Mapping[str, Any], name: str, dotted: str, problems: list[Problem]
) -> Any:
    try:
        if name not in raw:
            raise Refused("missing", "has no value")
        return leaf.read(raw[name])
    except Refused as refused:
        problems.append(Problem(refused.code, dotted + name, str(refused), leaf.row))
        return Missing()
