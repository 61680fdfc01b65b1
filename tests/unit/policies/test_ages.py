"""The age that a policy's text names is the one that is asked for."""

from __future__ import annotations

import pytest

from ringfence.policies.catalogue import load_catalogue
from ringfence.policies.profiles import load_profile


@pytest.mark.parametrize(
    ("profile", "clause", "age"),
    [
        ("sip-carrier", "SIP-11.0-01", 13),
        ("cca-voice-ai", "CCA-08.0-01", 16),
        ("clx-contact-center", "CLX-10.0-01", 18),
        ("cmx-calltracking", "CMX-12.0-01", 18),
    ],
)
def test_the_text_names_what_is_asked_for(profile: str, clause: str, age: int) -> None:
    assert f"under {age}" in load_catalogue().clauses[clause].statement
    assert load_profile(profile).age.minimum == age
