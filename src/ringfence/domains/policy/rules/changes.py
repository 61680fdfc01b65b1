"""What a new version of a policy changes: sentences and numbers, and whether rights shrink."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from ringfence.policies.profiles import Profile, ProfileError, compile_profile, merge, plain

_NOTES = "notes."
_ABOUT = ("name", "text_of", "not_claimed.")
"""What a version is called, and why it leaves clauses out, is no change of what it says."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference."""

    kind: Literal["added", "removed", "changed"]
    what: str
    """Id of a clause, or path of a value."""
    before: Any = None
    after: Any = None
    reduces: bool = False
    """It is worse for the subject than before."""


def changes(
    values: Mapping[str, Any], said: Collection[str], profile: Profile, says: Collection[str]
) -> tuple[Change, ...]:
    """Every clause that came or went, every value and every note that changed.

    ``values`` and ``said`` are those of the version before. A clause that goes reduces rights, and
    so does a value that is not the stricter of both.
    """
    before, after = frozenset(said), frozenset(says)
    found = [Change("removed", id_, reduces=True) for id_ in sorted(before - after)]
    found += [Change("added", id_) for id_ in sorted(after - before)]
    return (*found, *_values(values, profile))


def _values(values: Mapping[str, Any], profile: Profile) -> Iterator[Change]:
    was, now = dict(_flat(_tables(values))), dict(_flat(_tables(plain(profile))))
    worse = _worse(values, profile)
    for path in sorted(was.keys() | now.keys()):
        before, after = was.get(path), now.get(path)
        if before != after and not path.startswith(_ABOUT):
            reduces = not path.startswith(_NOTES) and (worse is None or path in worse)
            yield Change("changed", path, before, after, reduces)


def _worse(values: Mapping[str, Any], profile: Profile) -> frozenset[str] | None:
    """The values that are not the stricter; None: the old ones are of a time with other rules, and
    nothing is known."""
    try:
        choices = merge(compile_profile(_tables(values)), profile).choices
    except ProfileError:
        return None
    return frozenset(one.path for one in choices if one.chosen != one.b)


def _tables(values: Mapping[str, Any]) -> dict[str, Any]:
    """The texts of a plain profile by what they are about."""
    return {**values, "notes": dict(values["notes"]), "not_claimed": dict(values["not_claimed"])}


def _flat(tree: Mapping[str, Any], dotted: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{dotted}{name}.")
        else:
            yield f"{dotted}{name}", value


def earliest(
    published_at: datetime, notice_days: Collection[int], found: Sequence[Change]
) -> datetime:
    """From when a version may hold: at once when it changes nothing, else after the longest of the
    periods of notice that the version before it and its own terms promise."""
    days = max(notice_days, default=0) if found else 0
    return published_at + timedelta(days=days)
