"""What may leave: templates, processors, agreements, countries, fields."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.domains.calls.schemas import CallOut, LegOut
from ringfence.domains.recordings.schemas import RecordingOut, TrackOut
from ringfence.platform.egress import EgressRefused
from ringfence.platform.gate import rules
from ringfence.platform.gate.templates import MAIL, TEMPLATES, WEBHOOK
from ringfence.platform.processor_settings import AgreementSettings, ProcessorSettings
from ringfence.platform.settings import Settings, SettingsError, load_settings

TODAY = date(2026, 6, 15)
BOUND = AgreementSettings(
    sha256="ab" * 32, signed_on=date(2026, 1, 1), expires_on=date(2026, 6, 15)
)
MAILER = ProcessorSettings(
    hosts=("smtp.example.net",), templates=("mail",), country="US", agreement=BOUND
)


def receiver(
    host: str = "smtp.example.net",
    *,
    today: date = TODAY,
    own: bool = False,
    regions: tuple[str, ...] = ("US",),
    **changes: Any,
) -> tuple[str, Any]:
    processors = {"mailer": MAILER.model_copy(update=changes)}
    return rules.find_receiver(MAIL, host, processors, own=own, today=today, regions=regions)


def code(*args: Any, **changes: Any) -> str:
    with pytest.raises(EgressRefused) as caught:
        receiver(*args, **changes)
    return caught.value.code


def test_a_registered_processor_receives_what_its_template_allows() -> None:
    assert receiver() == ("mailer", {"from", "to", "subject", "text"})


def test_who_is_not_registered_receives_nothing() -> None:
    assert code("smtp.example.org") == "egress_not_registered"
    assert code("x.smtp.example.net") == "egress_not_registered"
    assert code(templates=("webhook",)) == "egress_not_registered"


def test_a_machine_of_the_operators_own_is_no_third_party() -> None:
    assert receiver("mail.internal", own=True)[0] == "own"


def test_a_registered_processor_at_an_own_address_stays_a_processor() -> None:
    assert code(own=True, agreement=None) == "processor_agreement_missing"


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2025, 12, 31), "processor_agreement_missing"),
        (date(2026, 1, 1), None),
        (date(2026, 6, 15), None),
        (date(2026, 6, 16), "processor_agreement_expired"),
    ],
)
def test_an_agreement_binds_from_its_first_to_its_last_day(day: date, expected: str | None) -> None:
    if expected is None:
        assert receiver(today=day)[0] == "mailer"
    else:
        assert code(today=day) == expected


def test_without_an_agreement_nothing_is_sent() -> None:
    assert code(agreement=None) == "processor_agreement_missing"


def test_another_country_needs_a_safeguard() -> None:
    assert code(country="IN") == "processor_region_not_allowed"
    assert code(regions=()) == "processor_region_not_allowed"
    assert receiver(country="IN", safeguard="scc")[0] == "mailer"


def test_a_purpose_that_the_processor_is_not_there_for() -> None:
    assert code(purposes=("billing",)) == "processor_purpose_not_allowed"


@pytest.mark.promise("CCA-03.0-01", "CMX-03.0-01", "CTX-03.0-01", "SIP-04.4-01", "CLX-04.0-01")
def test_there_is_no_processor_for_sale(monkeypatch: pytest.MonkeyPatch) -> None:
    for purpose in ("sale", "rent", "marketing", "third_party_training"):
        raw = {**MAILER.model_dump(mode="json"), "purposes": [purpose]}
        with pytest.raises(SettingsError, match="purposes"):
            load_settings(processors={"buyer": raw})
    assert load_settings(processors={"mailer": MAILER.model_dump()}).processors == {
        "mailer": MAILER
    }
    assert {one.purpose for one in TEMPLATES.values()} <= {
        "service",
        "billing",
        "security",
        "legal",
    }


def test_a_tenants_own_system_needs_a_tenant() -> None:
    with pytest.raises(EgressRefused) as caught:
        rules.find_template("webhook", tenant=False)
    assert caught.value.code == "egress_not_registered"
    with pytest.raises(EgressRefused):
        rules.find_template("advertiser", tenant=True)
    assert rules.find_template("webhook", tenant=True) is WEBHOOK


JSON = "application/json; charset=utf-8"
FORM = "application/x-www-form-urlencoded"
names = st.text("abcdefgh_", min_size=1, max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=10,
)


def leaves(value: Any, path: str = "") -> set[str]:
    """Written apart from the product: the path of every scalar and every empty thing."""
    if isinstance(value, dict) and value:
        return set().union(*(leaves(v, f"{path}.{k}".lstrip(".")) for k, v in value.items()))
    if isinstance(value, list) and value:
        return set().union(*(leaves(v, path) for v in value))
    return {path}


@given(st.dictionaries(names, values, min_size=1, max_size=4), st.sets(names, max_size=4))
def test_no_field_outside_the_list_passes(body: dict[str, Any], allowed: set[str]) -> None:
    present = leaves(body)
    found = rules.fields_of(json.dumps(body).encode(), JSON)
    try:
        recorded = rules.check_fields(found, allowed)
    except EgressRefused as error:
        assert error.code == "egress_field_not_allowed"
        assert present - allowed
    else:
        assert present <= allowed
        assert set(recorded) == present


@given(st.dictionaries(names, st.text(max_size=5), min_size=1), st.sets(names))
def test_nor_in_a_form(form: dict[str, str], allowed: set[str]) -> None:
    from urllib.parse import urlencode

    found = rules.fields_of(urlencode(form).encode(), FORM)
    if form.keys() <= allowed:
        assert set(rules.check_fields(found, allowed)) == set(form)
    else:
        with pytest.raises(EgressRefused):
            rules.check_fields(found, allowed)


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"{", JSON), (b"x", "text/plain"), (b"[1]", JSON), (b"\xff", FORM), (b"a", FORM), (b"1", "")],
)
def test_a_body_that_is_not_understood_is_a_field_that_nothing_has(body: bytes, kind: str) -> None:
    assert rules.fields_of(body, kind) == {rules.BODY}
    assert all(rules.BODY not in one.fields for one in TEMPLATES.values())


def test_names_that_a_customer_made_up_are_not_recorded() -> None:
    found = rules.fields_of(b'{"data": {"tags": {"jane": 1}, "captured": null}}', JSON)
    assert rules.check_fields(found, WEBHOOK.fields) == ("data.captured.*", "data.tags.*")


@pytest.mark.parametrize(
    ("schema", "path"),
    [(CallOut, "data"), (LegOut, "data.legs"), (RecordingOut, "data"), (TrackOut, "data.tracks")],
)
def test_what_the_api_shows_of_a_call_may_be_sent_to_the_customers_own_system(
    schema: Any, path: str
) -> None:
    present = {f"{path}.{name}" for name in schema.model_fields}
    assert rules.check_fields(present, WEBHOOK.fields)


def test_settings_are_read_from_toml(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "ringfence.toml"
    file.write_text(
        '[processors.mailer]\nhosts = ["smtp.example.net"]\ntemplates = ["mail"]\n'
        'country = "US"\n[processors.mailer.agreement]\n'
        f'sha256 = "{"ab" * 32}"\nsigned_on = 2026-01-01\nexpires_on = 2026-06-15\n'
    )
    monkeypatch.setenv("RINGFENCE_CONFIG", str(file))
    settings: Settings = load_settings()
    assert settings.processors == {"mailer": MAILER}
