"""Chain, states and modes: pure decisions, with expectations typed from the rule."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.domains.consent.rules.chain import Link, breaks, digest_of, hash_of
from ringfence.domains.consent.rules.effects import LISTS, effect_of
from ringfence.domains.consent.rules.modes import allows, mode_of
from ringfence.domains.consent.rules.states import Said, fold
from ringfence.domains.consent.vocabulary import ConsentMode, ConsentScope, ConsentState
from ringfence.platform.keys.names import label
from ringfence.policies.profiles import load_profile

GRANTED, DENIED, WITHDRAWN = ConsentState.GRANTED, ConsentState.DENIED, ConsentState.WITHDRAWN
TEXTS = st.text(max_size=12)


def chained(texts: list[str]) -> list[Link]:
    links: list[Link] = []
    for seq, text in enumerate(texts, 1):
        previous = links[-1].digest if links else ""
        facts: Mapping[str, str | int | None] = {"seq": seq, "state": text, "wording": None}
        links.append(Link(seq, previous, digest_of(previous, facts), facts))
    return links


def test_a_digest_by_hand() -> None:
    assert digest_of("", {"b": 1, "a": "ü", "c": None}) == hash_of('\n{"a":"ü","b":1,"c":null}')
    assert hash_of(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hash_of(None) is None


@given(st.lists(TEXTS, max_size=8))
def test_what_was_written_is_whole(texts: list[str]) -> None:
    assert breaks(chained(texts)) == []


@given(st.lists(TEXTS, min_size=1, max_size=8), st.data())
def test_any_edit_is_found(texts: list[str], data: st.DataObject) -> None:
    links = chained(texts)
    at = data.draw(st.integers(0, len(links) - 1))
    other = data.draw(TEXTS.filter(lambda text: text != texts[at]))
    edited = dataclasses.replace(links[at], facts={**links[at].facts, "state": other})
    assert (at + 1, "changed") in found([*links[:at], edited, *links[at + 1 :]])
    forged = dataclasses.replace(edited, digest=digest_of(edited.previous, edited.facts))
    after = found([*links[:at], forged, *links[at + 1 :]])
    assert after == ([] if at == len(links) - 1 else [(at + 2, "order")])


@given(st.lists(TEXTS, min_size=2, max_size=8), st.data())
def test_any_removal_but_of_the_end_is_found(texts: list[str], data: st.DataObject) -> None:
    links = chained(texts)
    at = data.draw(st.integers(0, len(links) - 2))
    assert found([*links[:at], *links[at + 1 :]]) == [(at + 2, "missing")]


@given(st.lists(TEXTS, min_size=2, max_size=8), st.data())
def test_any_other_order_is_found(texts: list[str], data: st.DataObject) -> None:
    links = chained(texts)
    order = data.draw(st.permutations(range(len(links))).filter(lambda o: o != sorted(o)))
    assert found([links[at] for at in order])
    renumbered = [dataclasses.replace(links[at], seq=seq) for seq, at in enumerate(order, 1)]
    assert found(renumbered)


def found(links: list[Link]) -> list[tuple[int, str]]:
    return [(one.seq, one.kind) for one in breaks(links)]


SAID = st.lists(
    st.tuples(st.sampled_from(ConsentScope), st.sampled_from(ConsentState)), max_size=12
)


@given(SAID, st.randoms())
def test_the_state_is_what_was_said_last_in_whatever_order_it_is_read(
    said: list[tuple[ConsentScope, ConsentState]], random: object
) -> None:
    rows = [Said(seq, scope, state) for seq, (scope, state) in enumerate(said, 1)]
    expected: dict[ConsentScope, ConsentState] = {}
    for scope, state in said:
        expected[scope] = state
    shuffled = sorted(rows, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert {scope: one.state for scope, one in fold(shuffled).items()} == expected


PROFILES = {
    # scope: strict, ctx-us-telecom, cmx-calltracking, cca-voice-ai, sip-carrier, clx-contact-center
    "messaging_marketing": "in in in in in in",
    "messaging_informational": "in in in in in in",
    "recording": "out out out out out out",
    "marketing": "in in in in in out",
    "cookies_analytics": "never never out never in out",
    "cookies_ads": "never never never never never out",
    "sale_or_sharing": "out out out out out out",
    "targeted_ads": "out out out out out out",
    "profiling": "out out out out out out",
    "cpni_use": "never out never never out never",
}
NAMES = (
    *("strict", "ctx-us-telecom", "cmx-calltracking", "cca-voice-ai", "sip-carrier"),
    "clx-contact-center",
)
WORDS = {"in": ConsentMode.OPT_IN, "out": ConsentMode.OPT_OUT, "never": ConsentMode.NEVER}


@pytest.mark.parametrize("scope", PROFILES)
def test_what_silence_means_under_each_profile(scope: str) -> None:
    expected = [WORDS[word] for word in PROFILES[scope].split()]
    assert [mode_of(ConsentScope(scope), load_profile(name)) for name in NAMES] == expected


def test_training_needs_consent_under_every_profile_that_allows_it() -> None:
    modes = {name: mode_of(ConsentScope.TRAINING, load_profile(name)) for name in NAMES}
    assert ConsentMode.OPT_OUT not in modes.values()
    assert modes["strict"] is ConsentMode.NEVER


@pytest.mark.parametrize(
    ("mode", "nothing", "granted", "denied", "withdrawn"),
    [
        (ConsentMode.OPT_IN, False, True, False, False),
        (ConsentMode.OPT_OUT, True, True, False, False),
        (ConsentMode.NEVER, False, False, False, False),
    ],
)
def test_what_is_allowed(
    mode: ConsentMode, nothing: bool, granted: bool, denied: bool, withdrawn: bool
) -> None:
    asked = [allows(mode, state) for state in (None, GRANTED, DENIED, WITHDRAWN)]
    assert asked == [nothing, granted, denied, withdrawn]


def test_each_scope_has_a_list_of_its_own() -> None:
    assert set(LISTS) == set(ConsentScope)
    assert len({label(name) for name in LISTS.values()}) == len(ConsentScope)


def test_effects_are_of_what_was_said_alone() -> None:
    carrier = load_profile("sip-carrier")
    assert effect_of({}, carrier) == effect_of({}, load_profile())
    said = {ConsentScope.MARKETING: GRANTED, ConsentScope.RECORDING: DENIED}
    effect = effect_of(said, carrier)
    assert (effect.consent, effect.withdraw) == (("marketing",), ())
    assert (effect.listed, effect.unlisted) == (("no_recording",), ("no_marketing",))
    never = effect_of({ConsentScope.TRAINING: GRANTED}, load_profile())
    assert (never.consent, never.withdraw) == ((), ("training",)), "the profile says never"


@pytest.mark.parametrize("scope", [ConsentScope.CPNI_USE, ConsentScope.TARGETED_ADS])
def test_who_opted_out_of_it_is_not_marketed_to(scope: ConsentScope) -> None:
    carrier = load_profile("sip-carrier")
    for refusal in (DENIED, ConsentState.WITHDRAWN):
        alone = effect_of({scope: refusal}, carrier)
        assert (alone.consent, alone.withdraw) == ((), ("marketing",))
        both = effect_of({scope: refusal, ConsentScope.MARKETING: GRANTED}, carrier)
        assert (both.consent, both.withdraw) == ((), ("marketing",))
    again = effect_of({scope: GRANTED, ConsentScope.MARKETING: GRANTED}, carrier)
    assert (again.consent, again.withdraw) == (("marketing",), ())
    assert effect_of({scope: GRANTED}, carrier).consent == (), "who grants this grants no other"
