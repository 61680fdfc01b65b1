"""The policy's text says what was seen, and is refused when that does not bear it."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringfence.domains.policy.rules.changes import Change
from ringfence.entry.promises.policy import (
    ContactMissing,
    PolicyRefused,
    last_report,
    render,
    sayable,
)
from ringfence.entry.promises.states import State
from ringfence.platform.settings import PolicySettings
from ringfence.policies.catalogue import load_catalogue
from ringfence.policies.profiles import claims, load_profile, parameters_of, profile_hash

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROFILE, CATALOGUE = load_profile("ctx-us-telecom"), load_catalogue()
GOOD = timedelta(hours=6)
WHO = PolicySettings(
    operator="Example & Sons",
    email="privacy@example.org",
    phone="+1 202 555 0100",
    address="12 Elm Street",
)
SAID = ("CTX-01.C-02", "CTX-01.B-02")


def report(**changes: Any) -> dict[str, Any]:
    states = dict.fromkeys(CATALOGUE.clauses, State.PLANNED)
    states |= {"CTX-01.C-02": State.ENFORCED, "CTX-01.B-02": State.DEMONSTRATED}
    states |= {"CTX-01.C-07": State.UNPROVEN, "SIP-08.2-01": State.NOT_CLAIMED}
    states |= changes.pop("states", {})
    return {
        "build": "1",
        "profile": PROFILE.name,
        "hash": profile_hash(PROFILE),
        "ended_at": NOW.isoformat(),
        "examinations": [{"good_until": (NOW + age).isoformat()} for age in (GOOD, 2 * GOOD)],
        "clauses": [
            {"id": id_, "state": state, "control": ["a-control"]} for id_, state in states.items()
        ],
    } | changes


def text(told: dict[str, Any], now: datetime = NOW) -> str:
    sayable(told, PROFILE, "1", now)
    return render(told, PROFILE, CATALOGUE, WHO)


def test_it_says_what_was_seen_and_nothing_else() -> None:
    page = text(report())
    assert set(re.findall(r'<li id="([^"]+)">', page)) == set(SAID)
    for id_ in SAID:
        assert CATALOGUE.clauses[id_].statement in page
    assert "<script" not in page and "http" not in page
    assert profile_hash(PROFILE) in page


def test_notes_are_those_on_what_is_said() -> None:
    """A note on a value that no clause of the page states would promise what nobody saw."""
    profile = load_profile("cca-voice-ai")
    notes = dict(profile.notes)
    claimed = claims(profile, CATALOGUE).claimed
    noted = next(id_ for id_ in claimed if notes.keys() & set(parameters_of(id_)))
    for state, paths in ((State.ENFORCED, set(parameters_of(noted))), (State.PLANNED, set())):
        told = report(states={noted: state}, hash=profile_hash(profile))
        page = render(told, profile, CATALOGUE, WHO)
        shown = {path for path, note in notes.items() if html.escape(note) in page}
        assert shown == notes.keys() & paths


@pytest.mark.parametrize("state", [State.BROKEN, State.UNKNOWN])
def test_what_is_broken_stops_it(state: State) -> None:
    with pytest.raises(PolicyRefused, match=r"CTX-04\.B-01"):
        text(report(states={"CTX-04.B-01": state}))


@pytest.mark.parametrize(
    "changes", [{"build": "2"}, {"hash": profile_hash(load_profile("strict"))}]
)
def test_another_build_or_profile_stops_it(changes: dict[str, Any]) -> None:
    with pytest.raises(PolicyRefused):
        text(report(**changes))


def test_an_old_examination_stops_it() -> None:
    """As soon as one control's result is."""
    assert text(report(), NOW + GOOD)
    for moment in (NOW + GOOD + timedelta(seconds=1), NOW - timedelta(seconds=1)):
        with pytest.raises(PolicyRefused):
            text(report(), moment)


def test_without_an_examination_there_is_none(tmp_path: Any) -> None:
    with pytest.raises(PolicyRefused):
        last_report(tmp_path)


def head(number: int = 2, *changes: Change) -> Any:
    from ringfence.domains.policy.usecases.publish import Head

    return Head(number, NOW, NOW + timedelta(days=30), changes)


@pytest.mark.promise("CMX-14.0-02")
@pytest.mark.promise("SIP-13.0-02")
@pytest.mark.promise("CCA-10.0-01")
@pytest.mark.promise("CLX-12.0-01")
def test_a_version_says_its_dates_hash_archive_and_contact() -> None:
    page = render(report(), PROFILE, CATALOGUE, WHO, head())
    assert ">2026-03-01</time>" in page and ">2026-03-31</time>" in page
    assert 'href="/policy/versions/"' in page and profile_hash(PROFILE) in page
    contact = re.search(r'<address id="contact">(.*?)</address>', page)
    assert contact is not None
    said = re.sub(r"</?span[^>]*>", "", contact[1]).split("<br>")
    assert said == ["Example &amp; Sons", "privacy@example.org", "+1 202 555 0100", "12 Elm Street"]


@pytest.mark.promise("CMX-14.0-02")
@pytest.mark.promise("CCA-10.0-01")
@pytest.mark.promise("CLX-12.0-01")
@pytest.mark.parametrize("blank", ["operator", "email", "phone", "address"])
def test_a_version_without_contact_is_refused(blank: str) -> None:
    with pytest.raises(ContactMissing, match=blank):
        render(report(), PROFILE, CATALOGUE, WHO.model_copy(update={blank: " "}), head())


@pytest.mark.promise("SIP-13.0-03")
def test_a_version_sums_up_every_change() -> None:
    found = (
        Change("removed", "CTX-01.C-07", reduces=True),
        Change("added", "CTX-01.C-02"),
        Change("changed", "retention.cdr.active", "18 months", "24 months", reduces=True),
    )
    page = render(report(), PROFILE, CATALOGUE, WHO, head(2, *found))
    items = re.findall(r"<li>((?:Removed|Added|Changed): .*?)</li>", page)
    assert len(items) == 3
    assert "CTX-01.C-07" in items[0] and "Less than before" in items[0]
    assert "CTX-01.C-02" in items[1] and "Less" not in items[1]
    assert "18 months \N{RIGHTWARDS ARROW} 24 months" in items[2] and "Less" in items[2]
    assert "What changes" not in render(report(), PROFILE, CATALOGUE, WHO, head(1))
