"""When somebody may act for a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ringfence.domains.privacy.rights_vocabulary import AuthorityKind, Method, RightsKind
from ringfence.domains.privacy.rules.authority import Authority, lack, lack_of_evidence
from ringfence.domains.privacy.rules.rights import may_verify_by

NOW = datetime(2026, 12, 1, tzinfo=UTC)
hashes = st.sampled_from(["", "a" * 63, "A" * 64, "a" * 64, "0" * 64, "a" * 65, "a" * 64 + "\n"])
moments = st.none() | st.integers(-3, 3).map(lambda days: NOW + timedelta(days=days))


@given(st.sampled_from(AuthorityKind), hashes, moments, st.booleans())
def test_it_counts_with_evidence_in_time_and_confirmed_where_it_must_be(
    kind: AuthorityKind, hash_: str, until: datetime | None, confirmed: bool
) -> None:
    shown = Authority(kind, hash_, until, NOW if confirmed else None)
    evident = hash_ in ("a" * 64, "0" * 64)
    good = evident and (until is None or until > NOW)
    assert (lack_of_evidence(shown, NOW) is None) is good
    said = confirmed or kind.value == "power_of_attorney"
    assert (lack(shown, NOW) is None) is (good and said)


def test_nothing_is_no_evidence() -> None:
    found = lack(None, NOW)
    assert found is not None
    assert found.value == "evidence"


@given(st.sampled_from(Method), st.sampled_from(RightsKind), st.booleans())
def test_nothing_but_an_authority_makes_an_agent_known(
    method: Method, kind: RightsKind, by_agent: bool
) -> None:
    may = may_verify_by(method, kind, by_agent=by_agent)
    if kind.value == "child" or method.value == "confirmed":
        assert may == (kind.value == "child" and method.value == "confirmed")
    elif method.value == "not_needed":
        assert not may
    elif by_agent and kind.value != "appeal":
        assert may == (method.value == "authority")
    else:
        assert may
