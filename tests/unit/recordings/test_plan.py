"""Whether a call is recorded and announced, asked as call control asks it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.db import connections
from django.test.utils import CaptureQueriesContext

from ringfence.domains.accounts import api as accounts
from ringfence.domains.recordings import api as recordings
from ringfence.domains.recordings.contracts import InvalidRecordingSettings, SettingsInfo
from ringfence.entry.recordings import recording_command
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls

CALIFORNIA, TEXAS, TEXAS_TOO = "+14155550100", "+12145550100", "+17135550100"


def test_without_being_switched_on_nothing_is_recorded(db: DatabaseUrls) -> None:
    tenant = accounts.create_tenant("Acme").id
    assert recordings.recording_plans(tenant, [TEXAS], emergency=False).conversation is None
    recordings.change_settings(tenant, SettingsInfo(enabled=False, gap="tone"))
    assert recordings.recording_plans(tenant, [TEXAS], emergency=False).conversation is None


@pytest.mark.promise("CMX-05.0-04")
def test_the_prompt_follows_the_places_of_all_parties(db: DatabaseUrls) -> None:
    tenant = accounts.create_tenant("Acme").id
    recordings.change_settings(tenant, SettingsInfo(enabled=True))
    strict = recordings.recording_plans(tenant, [CALIFORNIA, TEXAS], emergency=False).conversation
    assert strict is not None and strict.prompt is not None
    assert strict.basis == "all_party:CA"
    assert strict.prompt.startswith("file:/")
    assert Path(strict.prompt.removeprefix("file:")).is_file()
    loose = recordings.recording_plans(tenant, [TEXAS, TEXAS_TOO], emergency=False).conversation
    assert loose is not None
    assert (loose.prompt, loose.basis) == (None, "one_party:TX")
    assert (loose.gap, loose.rule, loose.customer_keys) == ("silence", "recordings", ())
    for unknown in ("", "+18005550100", "+442071234567"):
        plan = recordings.recording_plans(tenant, [unknown, TEXAS], emergency=False).conversation
        assert plan is not None and plan.prompt is not None
        assert plan.basis == "unknown"
    assert CALIFORNIA not in repr(strict)


def test_an_emergency_call_is_never_recorded(db: DatabaseUrls) -> None:
    tenant = accounts.create_tenant("Acme").id
    recordings.change_settings(
        tenant, SettingsInfo(enabled=True, consent_override="always_announce")
    )
    assert recordings.recording_plans(tenant, [TEXAS, "911"], emergency=True).conversation is None


def test_settings_of_the_tenant_and_of_no_other(db: DatabaseUrls) -> None:
    acme, bolt = (accounts.create_tenant(name).id for name in ("Acme", "Bolt"))
    pem = public_pem(3072)
    recordings.change_settings(
        acme,
        SettingsInfo(
            enabled=True, gap="tone", consent_override="always_announce", customer_key=pem
        ),
    )
    with CaptureQueriesContext(connections["callplane"]) as asked:
        plan = recordings.recording_plans(acme, [TEXAS], emergency=False).conversation
    assert len(asked) == 2
    assert plan is not None and plan.prompt is not None
    assert (plan.basis, plan.gap) == ("always_announce", "tone")
    assert (plan.customer_keys, plan.rule) == ((pem,), "customer_recordings")
    assert recordings.recording_plans(bolt, [TEXAS], emergency=False).conversation is None


def public_pem(bits: int) -> str:
    key = rsa.generate_private_key(65537, bits).public_key()
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, info).decode()


def test_no_setting_makes_the_rule_looser(db: DatabaseUrls) -> None:
    tenant = accounts.create_tenant("Acme").id
    for wrong in (
        SettingsInfo(consent_override="never"),  # type: ignore[arg-type]
        SettingsInfo(gap="music"),  # type: ignore[arg-type]
        SettingsInfo(prompt="none"),
        SettingsInfo(analysis_hours=721),
        SettingsInfo(customer_key=public_pem(2048)),
    ):
        with pytest.raises(InvalidRecordingSettings):
            recordings.change_settings(tenant, wrong)
    assert recordings.get_settings(tenant) == SettingsInfo()


def test_the_commands(db: DatabaseUrls, tmp_path: Path) -> None:
    tenant = accounts.create_tenant("Acme").id
    name, pem = public_id(Prefix.TENANT, tenant), tmp_path / "key.pem"
    pem.write_text(public_pem(3072))
    run = CliRunner().invoke
    made = run(recording_command, ["enable", "--tenant", name, "--customer-key", str(pem)])
    assert made.exit_code == 0, made.output
    assert json.loads(made.output)["enabled"] is True
    assert recordings.get_settings(tenant).customer_key == pem.read_text()
    assert run(recording_command, ["disable", "--tenant", name]).exit_code == 0
    settings = recordings.get_settings(tenant)
    assert (settings.enabled, settings.customer_key) == (False, pem.read_text())
    assert run(recording_command, ["enable", "--tenant", "AC12"]).exit_code == 2
    nobody = run(recording_command, ["enable", "--tenant", "AC" + "0" * 32])
    assert nobody.exit_code != 0
