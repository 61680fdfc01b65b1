"""A profile compiles, or all that is wrong with it is said at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.policies.sources import source

from ringfence.policies.profiles import (
    NAMES,
    Profile,
    ProfileError,
    compile_profile,
    leaves,
    load_profile,
    profile_source,
)
from ringfence.policies.profiles.parameters import Count, Flag, Span
from ringfence.policies.profiles.rules import RULES
from ringfence.policies.profiles.words import Rank

KNOWN = leaves(Profile)


def refused(name: str, changes: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Code and path of each problem."""
    with pytest.raises(ProfileError) as raised:
        compile_profile(source(name, changes))
    return [(problem.code, problem.path) for problem in raised.value.problems]


@pytest.mark.parametrize("name", NAMES)
def test_shipped_profiles_compile(name: str) -> None:
    assert compile_profile(profile_source(name)) == load_profile(name)
    assert load_profile(name).name == name


def test_every_value_has_a_meaning_a_source_and_is_needed() -> None:
    assert len(KNOWN) > 150
    for path, leaf in KNOWN.items():
        assert leaf.meaning and leaf.source, path
        assert refused("strict", {path: ...}) == [("missing", path)]


def test_a_length_or_number_is_never_as_needed() -> None:
    for path, leaf in KNOWN.items():
        if isinstance(leaf, Span | Count):
            assert refused("strict", {path: "as needed"}) == [("as_needed", path)]
        if isinstance(leaf, Span | Count | Rank):
            assert refused("strict", {path: " "}) == [("empty", path)]


@pytest.mark.parametrize("text", ["as long as needed", "As required by law", "where permitted"])
def test_there_are_many_ways_to_say_no_number(text: str) -> None:
    path = "retention.support.active"
    assert refused("strict", {path: text}) == [("as_needed", path)]


def test_values_of_another_kind_are_refused() -> None:
    for path, leaf in KNOWN.items():
        (found,) = refused("strict", {path: 1.5})
        assert found[1] == path
        if isinstance(leaf, Flag) and leaf.required:
            assert refused("strict", {path: not leaf.strict}) == [("out_of_bounds", path)]
        if isinstance(leaf, Count):
            for number in (leaf.least - 1, leaf.most + 1, True):
                assert refused("strict", {path: number})[0][1] == path


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("rights.deadline.us_tx", "46 days", "out_of_bounds"),
        ("rights.deadline.eu", "45 days", "out_of_bounds"),
        ("messaging.opt_out_within", "11 business days", "out_of_bounds"),
        ("age.minimum", 12, "out_of_bounds"),
        ("messaging.confirmations", 2, "out_of_bounds"),
        ("breach.customers.not_after", "61 days", "out_of_bounds"),
        ("retention.cdr.active", "90 dayz", "bad_period"),
        ("retention.cdr.active", "-1 days", "bad_period"),
        ("retention.cdr.active", 90, "bad_type"),
        ("media.mode", "best", "unknown_value"),
        ("media.features", ["recording", "recording"], "bad_list"),
        ("media.features", "recording", "bad_list"),
        ("retention.cdr.reasons", [], "empty"),
        ("name", "Strict One", "bad_name"),
        ("age.maximum", 99, "unknown_key"),
        ("surprise", 1, "unknown_key"),
        ("age", 7, "bad_table"),
    ],
)
def test_what_cannot_be_read(path: str, value: object, code: str) -> None:
    assert (code, path) in refused("strict", {path: value})


def test_one_owner_only() -> None:
    with pytest.raises(ProfileError) as raised:
        changes = {"ownership.recordings": ["customer", "platform"]}
        compile_profile(source("clx-contact-center", changes))
    (problem,) = raised.value.problems
    assert (problem.code, problem.path, problem.row) == ("not_single", "ownership.recordings", 16)


def keep(category: str, length: str) -> dict[str, str]:
    return {
        f"retention.{category}.{name}": length for name in ("active", "tenant_min", "tenant_max")
    }


TOLD = ["recording", "tax_records"]
CONFLICTS: list[tuple[str, str, dict[str, Any]]] = [
    ("below_legal_floor", "sip-carrier", keep("cdr", "17 months")),
    ("bounds_apart", "strict", {"retention.recordings.tenant_max": "89 days"}),
    ("kept_forever", "strict", {"retention.logs.tenant_max": "forever"}),
    ("kept_forever", "strict", {"retention.logs.after_closure": "account life"}),
    ("cdr_floor_below_law", "strict", {"retention.cdr.legal_floor": "17 months"}),
    ("cpni_notices_below_law", "strict", {"retention.cpni_notices.legal_floor": "11 months"}),
    (
        "profile_kept_as_tax_record",
        "ctx-us-telecom",
        {"retention.account_profile.after_closure": "7 years"},
    ),
    ("reactivation_after_purge", "cca-voice-ai", {"deletion.reactivation": "31 days"}),
    ("tax_records_not_separate", "cca-voice-ai", {"deletion.tax_records_separate": False}),
    ("tax_records_not_separate", "cca-voice-ai", {"notices.given": ["recording"]}),
    (
        "transcript_outlives_recording",
        "cca-voice-ai",
        {"retention.transcripts.active": "91 days"},
    ),
    ("notice_without_days", "sip-carrier", {"deletion.notice_days": 0}),
    ("notice_longer_than_retention", "sip-carrier", {"deletion.notice_days": 90}),
    (
        "unrecoverable_with_backups",
        "cmx-calltracking",
        {"deletion.crypto_erase": False, "deletion.backup_age": "31 days"},
    ),
    ("rights_below_law", "ctx-us-telecom", {"rights.granted": ["access", "deletion"]}),
    ("breach_unsatisfiable", "sip-carrier", {"breach.police_hold_published": False}),
    ("breach_unsatisfiable", "ctx-us-telecom", {"breach.federal.not_before": "8 business days"}),
    ("breach_beyond_law", "ctx-us-telecom", {"breach.state_ag.threshold": 251}),
    ("breach_beyond_law", "cca-voice-ai", {"breach.authority.trigger": "determination"}),
    ("breach_beyond_law", "strict", {"breach.federal.not_after": "8 business days"}),
    ("breach_beyond_law", "strict", {"breach.police_hold": "6 business days"}),
    ("breach_beyond_law", "strict", {"breach.customers.threshold": 2}),
    ("change_notice_without_days", "cmx-calltracking", {"change.notice_days": 0}),
    (
        "consent_evidence_below_law",
        "strict",
        {"retention.messaging_consents.legal_floor": "47 months"},
    ),
    ("suppression_forgotten", "strict", {"retention.suppression.legal_floor": "3 years"}),
    ("no_region", "strict", {"residency.allowed": []}),
    (
        "residency_and_transfers",
        "ctx-us-telecom",
        {"residency.transfers": True, "residency.safeguards": ["scc"]},
    ),
    ("residency_and_transfers", "cca-voice-ai", {"residency.transfers": False}),
    ("transfer_without_safeguard", "cca-voice-ai", {"residency.safeguards": []}),
    ("e2ee_with_server_features", "sip-carrier", {"media.mode": "e2ee"}),
    ("recording_untold", "cmx-calltracking", {"notices.given": ["tax_records"]}),
    ("customer_keys_with_stored_features", "cca-voice-ai", {"recordings.key_agent": False}),
    (
        "customer_keys_with_stored_features",
        "cmx-calltracking",
        {"recordings.key_custody": "customer"},
    ),
    ("tls_all_with_exceptions", "sip-carrier", {"transport.exceptions": ["webrtc_dtls_1_2"]}),
    ("tls_exceptions_unpublished", "cca-voice-ai", {"transport.exceptions_published": False}),
    ("media_keys_in_clear", "cca-voice-ai", {"media.srtp": "aes_256"}),
    ("training_without_consent", "clx-contact-center", {"learning.consent_basis": False}),
    ("small_groups", "cca-voice-ai", {"learning.min_group": 9}),
    ("owner_without_keys", "cca-voice-ai", {"ownership.recordings": "platform"}),
    ("cookies_without_banner", "sip-carrier", {"cookies.banner": False}),
    ("zip_identifies", "cmx-calltracking", {"disclosure.min_zip_population": 19_999}),
    ("coaching_without_supervisors", "clx-contact-center", {"recordings.supervisors": False}),
    (
        "offshore_support_untold",
        "ctx-us-telecom",
        {"notices.given": [*TOLD, "emergency_limits", "cpni_rights"]},
    ),
    ("replay_without_consent", "sip-carrier", {"cookies.session_replay": "on"}),
    ("evidence_missing", "cca-voice-ai", {"evidence.claimed": ["soc2"]}),
    ("safeguard_without_evidence", "cca-voice-ai", {"residency.safeguards": ["scc", "dpf"]}),
    ("cpni_untold", "sip-carrier", {"notices.given": [*TOLD, "emergency_limits"]}),
    ("emergency_limits_untold", "sip-carrier", {"notices.given": [*TOLD, "cpni_rights"]}),
    ("note_about_nothing", "strict", {"notes": {"retention.nothing": "why"}}),
    ("no_such_clause", "strict", {"not_claimed": {"CTX-99.A-01": "why"}}),
]


@pytest.mark.parametrize(("code", "name", "changes"), CONFLICTS)
def test_what_cannot_stand_together(code: str, name: str, changes: dict[str, Any]) -> None:
    assert {found for found, _ in refused(name, changes)} == {code}


def test_each_rule_is_broken_by_a_case() -> None:
    codes = [rule.code for rule in RULES]
    assert len(codes) == len({*codes})
    assert {*codes} - {code for code, _, _ in CONFLICTS} == set()


def test_rules_and_values_cover_the_rows_of_conflicts() -> None:
    rows = {rule.row for rule in RULES} | {leaf.row for leaf in KNOWN.values()}
    assert {*range(1, 24)} <= rows


def test_rules_name_values_of_the_profile() -> None:
    for rule in RULES:
        for path in rule.paths:
            assert any(known == path or known.startswith(f"{path}.") for known in KNOWN), path


def test_all_reasons_come_at_once() -> None:
    changes = {
        "retention.support.active": "as needed",
        "retention.cdr.after_closure": ...,
        "age.minimum": 12,
        "age.extra": 1,
        "media.mode": "e2ee",
        "deletion.notice_days": 0,
        "transport.exceptions": ["carrier_tls_1_2"],
    }
    assert sorted(code for code, _ in refused("sip-carrier", changes)) == [
        "as_needed",
        "e2ee_with_server_features",
        "missing",
        "notice_without_days",
        "out_of_bounds",
        "tls_all_with_exceptions",
        "unknown_key",
    ]


def test_nothing_and_noise_have_reasons_too() -> None:
    with pytest.raises(ProfileError) as raised:
        compile_profile({})
    assert {problem.code for problem in raised.value.problems} == {"missing"}
    assert len(raised.value.problems) == len(KNOWN)
    with pytest.raises(ProfileError, match="not_toml"):
        compile_profile("[profile")
