"""Who has to hear the prompt: expectations typed from the rules, not read from the tables."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from ringfence.domains.recordings.rules.consent import consent
from ringfence.domains.recordings.rules.consent_table import LAWS
from ringfence.domains.recordings.rules.jurisdiction import place_of

# a number of each state, by an area code that the numbering plan has long given to it
NUMBERS = {
    "AK": "+19072125555", "AL": "+12052125555", "AR": "+15012125555", "AZ": "+16022125555",
    "CA": "+14152125555", "CO": "+13032125555", "CT": "+12032125555", "DC": "+12022125555",
    "DE": "+13022125555", "FL": "+13052125555", "GA": "+14042125555", "HI": "+18082125555",
    "IA": "+15152125555", "ID": "+12082125555", "IL": "+13122125555", "IN": "+13172125555",
    "KS": "+13162125555", "KY": "+15022125555", "LA": "+15042125555", "MA": "+16172125555",
    "MD": "+13012125555", "ME": "+12072125555", "MI": "+13132125555", "MN": "+16122125555",
    "MO": "+13142125555", "MS": "+16012125555", "MT": "+14062125555", "NC": "+19192125555",
    "ND": "+17012125555", "NE": "+14022125555", "NH": "+16032125555", "NJ": "+12012125555",
    "NM": "+15052125555", "NV": "+17022125555", "NY": "+12122125555", "OH": "+16142125555",
    "OK": "+14052125555", "OR": "+15032125555", "PA": "+12152125555", "RI": "+14012125555",
    "SC": "+18032125555", "SD": "+16052125555", "TN": "+16152125555", "TX": "+17132125555",
    "UT": "+18012125555", "VA": "+17032125555", "VT": "+18022125555", "WA": "+12062125555",
    "WI": "+14142125555", "WV": "+13042125555", "WY": "+13072125555",
}  # fmt: skip
STRICT = {"CA", "DE", "FL", "IL", "MD", "MA", "MT", "NV", "NH", "PA", "WA", "CT", "MI", "OR"}
"""All-party, then mixed ones, as the catalogue of regulation lists them."""


@pytest.mark.parametrize("state", sorted(NUMBERS))
def test_an_area_code_names_its_state(state: str) -> None:
    assert place_of(NUMBERS[state]) == state


@pytest.mark.parametrize(
    ("number", "state"),
    [("+13235550100", "CA"), ("+16465550100", "NY"), ("+18325550100", "TX"),
     ("+17735550100", "IL"), ("+19545550100", "FL"), ("+14255550100", "WA"),
     ("+12675550100", "PA"), ("+17815550100", "MA"), ("+14435550100", "MD"),
     ("+17755550100", "NV"), ("+18605550100", "CT"), ("+15415550100", "OR")],
)  # fmt: skip
def test_overlays_and_splits_too(number: str, state: str) -> None:
    assert place_of(number) == state


@pytest.mark.parametrize(
    "number",
    ["", "anonymous", "+18005550100", "+18885550100", "+19005550100", "+14165550100",
     "+16045550100", "+442071234567", "+4930123456", "+17875550100", "+16715550100",
     "+15005550100", "+1415555010", "+141555501000", "14155550100", "+10155550100", "+911", "911",
     "sip:desk@pbx.example.net"],
)  # fmt: skip
def test_what_names_no_state_is_unknown(number: str) -> None:
    assert place_of(number) == "unknown"


@pytest.mark.parametrize("state", sorted(NUMBERS))
def test_every_state_by_its_law(state: str) -> None:
    found = consent([NUMBERS[state], NUMBERS[state]])
    if state in STRICT:
        assert (found.announce, found.basis) == (True, f"all_party:{state}")
    else:
        assert (found.announce, found.basis) == (False, f"one_party:{state}")


def test_the_table_knows_every_state_and_names_a_source() -> None:
    assert set(LAWS) == set(NUMBERS)
    assert all(law.source for law in LAWS.values())
    assert {state for state, law in LAWS.items() if law.kind == "mixed"} == {"CT", "MI", "OR"}
    for state in ("DE", "NV", "MI"):
        assert "disagree" in LAWS[state].note


def test_one_strict_or_unknown_party_is_enough() -> None:
    texas, york, california = NUMBERS["TX"], NUMBERS["NY"], NUMBERS["CA"]
    assert consent([texas, york]).basis == "one_party:TX"
    for numbers in (
        [california, texas, york],
        [texas, california, york],
        [texas, york, california],
    ):
        assert (consent(numbers).announce, consent(numbers).basis) == (True, "all_party:CA")
    for unknown in ("", "+442071234567", "+18005550100"):
        found = consent([texas, unknown])
        assert (found.announce, found.basis) == (True, "unknown")
        assert consent([unknown, california]).basis == "all_party:CA"
    assert consent([]).announce


def test_a_setting_only_makes_it_stricter() -> None:
    always = "always_announce"
    assert consent([NUMBERS["TX"]], always) == consent([NUMBERS["NY"]], always)
    assert consent([NUMBERS["TX"]], always).announce
    assert consent([NUMBERS["CA"]], always).basis == "all_party:CA"


def test_the_prompt_is_speech_of_a_telephone_at_its_level() -> None:
    import ringfence.domains.recordings as package

    path = Path(package.__file__).parent / "prompts" / "recording-notice-en.wav"
    with wave.open(str(path)) as file:
        assert file.getparams()[:3] == (1, 2, 8000)
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    assert 2.0 < len(sound) / 8000 < 3.0
    level = 20 * np.log10(np.sqrt(np.mean(sound**2)))
    assert -21 < level < -19
    assert np.abs(sound).max() < 0.99
    power = np.abs(np.fft.rfft(sound)) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / 8000)
    assert power[(hertz > 100) & (hertz < 3400)].sum() > 0.98 * power.sum()
    blocks = [np.sqrt(np.mean(part**2)) for part in np.array_split(sound, 40)]
    assert max(blocks) > 20 * min(blocks)  # words and pauses, not a tone
