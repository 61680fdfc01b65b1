"""Each profile claims what its values keep; whatever it leaves out has a reason."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from tests.unit.policies.sources import source

from ringfence.policies.catalogue import Catalogue, Kind, System, load_catalogue, load_parameters
from ringfence.policies.profiles import (
    NAMES,
    Profile,
    claims,
    compile_profile,
    leaves,
    load_profile,
    load_profiles,
    merge,
    parameters_of,
)
from ringfence.policies.profiles.words import Allowed

TABLE = Path(__file__).parents[4] / "shared" / "catalogue" / "parameters.md"
CATALOGUE: Catalogue = load_catalogue()
BY_DOCUMENT = "evidence.claimed has no "


def omitted(profile: Profile) -> dict[str, str]:
    return {omission.clause_id: omission.reason for omission in claims(profile, CATALOGUE).omitted}


@pytest.mark.parametrize("name", NAMES)
def test_every_clause_is_claimed_or_left_out_with_a_reason(name: str) -> None:
    found = claims(load_profile(name), CATALOGUE)
    left_out = [omission.clause_id for omission in found.omitted]
    assert sorted([*found.claimed, *left_out]) == list(CATALOGUE.clauses)
    assert all(omission.reason for omission in found.omitted)


@pytest.mark.parametrize(
    ("name", "claimed", "own"),
    [
        ("ctx-us-telecom", 132, set()),
        ("cmx-calltracking", 108, set()),
        ("cca-voice-ai", 60, set()),
        ("sip-carrier", 181, {"SIP-07.1-01", "SIP-12.0-03"}),
        ("clx-contact-center", 81, {"CLX-02.C-01"}),
    ],
)
def test_a_text_is_claimed_but_for_documents_and_contradictions(
    name: str, claimed: int, own: set[str]
) -> None:
    profile = load_profile(name)
    (system,) = profile.text_of
    found = claims(profile, CATALOGUE)
    assert {CATALOGUE.clauses[clause_id].system for clause_id in found.claimed} == {system}
    assert len(found.claimed) == claimed
    rest = {
        clause_id
        for clause_id, reason in omitted(profile).items()
        if CATALOGUE.clauses[clause_id].system is system and not reason.startswith(BY_DOCUMENT)
    }
    assert rest == own


def test_a_document_on_file_adds_its_clauses() -> None:
    changes = {"evidence.claimed": ["soc2"], "evidence.on_file": ["soc2"]}
    found = claims(compile_profile(source("cca-voice-ai", changes)), CATALOGUE)
    assert "CCA-05.0-04" in found.claimed


def test_a_changed_number_is_not_the_text_any_more() -> None:
    changes = {
        "retention.cdr.active": "23 months",
        "retention.cdr.tenant_min": "23 months",
        "rights.deadline.us_tx": "44 days",
    }
    reasons = omitted(compile_profile(source("ctx-us-telecom", changes)))
    assert reasons["CTX-04.B-01"] == ("retention.cdr.active is 23 months, the text has 24 months")
    assert "CTX-05.C-05" not in reasons, "44 days are within 45"


def test_strict_claims_what_it_keeps_of_all_five() -> None:
    claimed = claims(load_profile("strict"), CATALOGUE).claimed
    assert {"SIP-08.1-01", "CTX-05.C-03", "CTX-04.B-01"} & {*claimed} == {"SIP-08.1-01"}
    assert {"CMX-15.0-01", "CTX-05.C-05", "SIP-07.1-02", "CCA-05.0-03"} <= {*claimed}
    assert {*Counter(CATALOGUE.clauses[one].system for one in claimed)} == {*System}
    promised = {Kind.PROMISE, Kind.RIGHT, Kind.RETENTION, Kind.SECURITY}
    for id_, clause in CATALOGUE.clauses.items():
        if not parameters_of(id_):
            assert (id_ in claimed) == (clause.kind in promised), id_


def test_a_merge_of_two_texts_claims_by_its_values() -> None:
    a, b = load_profile("cmx-calltracking"), load_profile("sip-carrier")
    claimed = claims(merge(a, b).profile, CATALOGUE).claimed
    assert {"CMX-15.0-01", "SIP-07.1-02"} <= {*claimed}
    assert "CMX-07.0-01" not in claimed


def test_parameters_are_values_or_members_of_a_profile() -> None:
    known = leaves(Profile)
    for path in load_parameters().clauses:
        within, _, member = path.rpartition(".")
        leaf = known.get(within)
        assert path in known or (isinstance(leaf, Allowed) and member in list(leaf.of)), path


def test_numbers_of_a_clause() -> None:
    assert parameters_of("CTX-04.B-01") == ("retention.cdr.active",)
    assert parameters_of("CTX-04.B-08") == (
        "retention.account_profile.active",
        "retention.tax_record.after_closure",
        "retention.ledger.after_closure",
    )
    assert parameters_of("CTX-01.B-02") == ()


@pytest.mark.skipif(not TABLE.exists(), reason="the inventory is not on this machine")
def test_every_clause_of_the_table_of_numbers_has_a_parameter() -> None:
    lines = TABLE.read_text("utf-8").splitlines()
    columns = ("CTX", "CMX", "CCA", "SIP", "CLX")
    start = lines.index(f"| parameter | {' | '.join(columns)} |")
    named = set()
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        for system, cell in zip(columns, line.split("|")[2:7], strict=True):
            for section, first, rest in re.findall(r"(\d\d\.\w)-(\d\d)((?:/\d\d)*)", cell):
                named |= {f"{system}-{section}-{n}" for n in [first, *rest.split("/")[1:]]}
    assert len(named) > 40
    assert {clause_id for clause_id in named if not parameters_of(clause_id)} == set()


def test_shipped_profiles_are_the_six() -> None:
    assert {*load_profiles()} == {*NAMES}
    assert {p.text_of for p in load_profiles().values()} == {
        frozenset(),
        *(frozenset({system}) for system in System),
    }
