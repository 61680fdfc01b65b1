"""Which clauses a profile claims, and why it leaves the others out.

A value is named by its path; a member of a set by the set's path and its own name
(``evidence.claimed.soc2``): it is there or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ringfence.policies.catalogue import Catalogue, Clause, Holds, Kind, load_parameters
from ringfence.policies.profiles.loading import profile_of_text
from ringfence.policies.profiles.profile import Profile
from ringfence.policies.profiles.tree import leaves, value_at
from ringfence.policies.profiles.words import Allowed

_PROMISES = frozenset({Kind.PROMISE, Kind.RIGHT, Kind.RETENTION, Kind.SECURITY})


@dataclass(frozen=True, slots=True)
class Omission:
    """A clause that a profile does not claim."""

    clause_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Claims:
    """Every clause of the catalogue is in one of the two, in the order of ids."""

    claimed: tuple[str, ...]
    omitted: tuple[Omission, ...]


def parameters_of(clause_id: str) -> tuple[str, ...]:
    """The paths whose values a clause states; empty: it states none."""
    return load_parameters().of(clause_id)


def claims(profile: Profile, catalogue: Catalogue) -> Claims:
    """A profile of a text claims the text's clauses that its values keep. One of no text claims
    what all of them promise, as far as its values keep it; what they say that some operator does
    or collects it claims only where that states a value."""
    claimed, omitted = [], []
    for clause in catalogue.clauses.values():
        if reason := next(_against(profile, clause), ""):
            omitted.append(Omission(clause.id, reason))
        else:
            claimed.append(clause.id)
    return Claims(tuple(claimed), tuple(omitted))


def _against(profile: Profile, clause: Clause) -> Iterator[str]:
    text = profile_of_text(clause.system)
    paths = parameters_of(clause.id)
    if profile.text_of and clause.system not in profile.text_of:
        yield "a clause of another text"
    if not profile.text_of and not paths and clause.kind not in _PROMISES:
        yield "says what an operator does, and states no value"
    left_out = dict(text.not_claimed) | dict(profile.not_claimed)
    if clause.id in left_out:
        yield left_out[clause.id]
    for path in paths:
        yield from _unkept(profile, text, path)


def _unkept(profile: Profile, text: Profile, path: str) -> Iterator[str]:
    known = leaves(Profile)
    if path not in known:
        within, _, member = path.rpartition(".")
        assert isinstance(known[within], Allowed), path
        if member not in value_at(profile, within):
            yield f"{within} has no {member}"
        return
    leaf, ours, theirs = known[path], value_at(profile, path), value_at(text, path)
    kept = ours == theirs
    if load_parameters().holds[path] is Holds.STRICTER:
        kept = leaf.stricter(ours, theirs) == ours
    if not kept:
        yield f"{path} is {leaf.plain(ours)}, the text has {leaf.plain(theirs)}"
