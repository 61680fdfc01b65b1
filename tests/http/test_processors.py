"""Who may receive data, and what left: as the REST API tells a tenant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings as django_settings
from django.test import Client

from ringfence.domains.accounts import api as accounts
from ringfence.kernel.clock import ManualClock
from ringfence.kernel.ids import uuid7
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.processor_settings import (
    AgreementSettings,
    EgressSettings,
    ProcessorSettings,
)
from ringfence.platform_django.clock import use_clock

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Tenant:
    id: UUID
    secret: str

    def get(self, path: str, status: int = 200) -> Any:
        answer = Client().get(f"/api/v1{path}", headers={"Authorization": f"Bearer {self.secret}"})
        assert answer.status_code == status, answer.content
        return answer.json()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def two(db: DatabaseUrls) -> tuple[Tenant, Tenant]:
    made = [accounts.create_tenant(name).id for name in ("Acme", "Bolt")]
    one, other = (Tenant(tenant, accounts.create_api_key(tenant).secret) for tenant in made)
    return one, other


def left(
    db: DatabaseUrls, clock: ManualClock, tenant: UUID | None, *, refusal: str | None = None
) -> None:
    with psycopg.connect(db.owner) as connection:
        connection.execute(
            "INSERT INTO processors_sent (id, tenant_id, receiver, template, purpose, host, fields,"
            " size, digest, refusal, outcome, status) VALUES (%s, %s, 'tenant', 'webhook',"
            " 'service', 'hooks.acme.example', ARRAY['type', 'data.id'], 40, '', %s, %s, %s)",
            (
                uuid7(clock),
                tenant,
                refusal,
                None if refusal else "sent",
                None if refusal else 204,
            ),
        )
    clock.advance(timedelta(seconds=1))


def processor(**given: Any) -> ProcessorSettings:
    bound = AgreementSettings(
        sha256="ab" * 32, signed_on=date(2026, 1, 1), expires_on=date(2026, 11, 22)
    )
    values = {"hosts": ("smtp.example.net",), "templates": ("mail",), "country": "US"}
    return ProcessorSettings(**{**values, "agreement": bound, **given})


def test_the_register_tells_terms_fields_and_what_keeps_one_back(
    two: tuple[Tenant, Tenant], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = django_settings.RINGFENCE.model_copy(
        update={
            "egress": EgressSettings(regions=("US",)),
            "processors": {
                "mailer": processor(fields=("to", "subject")),
                "far": processor(country="CN"),
                "unbound": processor(agreement=None),
            },
        }
    )
    monkeypatch.setattr(django_settings, "RINGFENCE", changed)
    with use_clock(clock):
        far, mailer, unbound = two[0].get("/processors")["processors"]
        assert [far["state"], unbound["state"]] == ["region_not_allowed", "agreement_missing"]
        assert mailer == {
            "name": "mailer",
            "hosts": ["smtp.example.net"],
            "purposes": ["service"],
            "templates": ["mail"],
            "fields": {"mail": ["subject", "to"]},
            "country": "US",
            "safeguard": "none",
            "agreement_sha256": "ab" * 32,
            "signed_on": "2026-01-01",
            "expires_on": "2026-11-22",
            "state": "in_force",
        }
        clock.advance(timedelta(hours=12))
        assert two[0].get("/processors")["processors"][1]["state"] == "agreement_expired"


def test_a_tenant_sees_what_left_for_it_page_by_page(
    two: tuple[Tenant, Tenant], clock: ManualClock, db: DatabaseUrls
) -> None:
    acme, bolt = two
    left(db, clock, acme.id)
    left(db, clock, acme.id, refusal="egress_field_not_allowed")
    left(db, clock, bolt.id)
    left(db, clock, None)
    first = acme.get("/processors/sent?limit=1")
    (refused,) = first["sent"]
    assert (refused["outcome"], refused["refusal"]) == ("refused", "egress_field_not_allowed")
    last = acme.get(f"/processors/sent?limit=1&cursor={first['next']}")
    (sent,) = last["sent"]
    assert last["next"] is None
    assert sent == {
        "id": sent["id"],
        "at": "2026-11-22T12:00:00Z",
        "receiver": "tenant",
        "template": "webhook",
        "purpose": "service",
        "host": "hooks.acme.example",
        "fields": ["type", "data.id"],
        "bytes": 40,
        "outcome": "sent",
        "refusal": None,
        "status": 204,
    }
    assert [one["receiver"] for one in bolt.get("/processors/sent")["sent"]] == ["tenant"]
    assert acme.get("/processors/sent?cursor=CA1", 422)["code"] == "invalid_id"
