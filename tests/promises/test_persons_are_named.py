"""Clean-up is generated from the classification: what it would miss is refused at start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.apps import apps
from django.core import checks
from django.db import models
from psycopg import sql
from tests.people import make_user
from tests.promises.test_row_clean_up import World, world

from ringfence.domains.compliance.models import Contact
from ringfence.domains.consent.models import Evidence
from ringfence.domains.identity.models import Invitation, User
from ringfence.domains.portal.models import Visit
from ringfence.domains.privacy import api as privacy
from ringfence.domains.privacy import registry
from ringfence.domains.privacy.contracts import (
    Category,
    Erasure,
    FieldClass,
    PersonId,
    Purpose,
)
from ringfence.domains.privacy.models import RightsRequest
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.sealed import SealedText
from ringfence.platform_django.tenancy import across_tenants, tenant

__all__ = ["world"]


def messages() -> set[str]:
    return {
        f"{error.id} {error.msg}" for error in checks.run_checks() if error.level >= checks.ERROR
    }


@pytest.fixture
def diary() -> Iterator[type[models.Model]]:
    """A table that somebody added: it names a person and holds a sealed value of theirs."""

    class Diary(models.Model):
        id = models.UUIDField(primary_key=True)
        tenant_id = models.UUIDField()
        person_id = models.UUIDField()
        party_id = models.UUIDField()
        writer_id = models.UUIDField()
        secret_sealed = SealedText(1, "writer")

        class Meta:
            app_label = "calls"

    entries = dict(registry._entries)
    yield Diary
    registry._entries.clear()
    registry._entries.update(entries)
    del apps.all_models["calls"]["diary"]
    apps.clear_cache()


def _secret(**more: Any) -> FieldClass:
    return FieldClass(
        model="calls.Diary",
        field="secret_sealed",
        category=Category.IDENTIFIER,
        purposes=frozenset({Purpose.SERVICE}),
        retention="call_records",
        export=True,
        erasure=Erasure.DELETE_VALUE,
        role="writer",
        copy_of=(1,),
        **more,
    )


def test_the_product_itself_is_in_order() -> None:
    assert messages() == set()


def test_a_column_with_a_person_that_nobody_named_is_refused(diary: type[models.Model]) -> None:
    found = messages()
    assert "ringfence.E003 calls.Diary.person_id names a person" in found
    assert "ringfence.E003 calls.Diary.party_id names a person" in found
    assert "ringfence.E002 calls.Diary.secret_sealed is sealed otherwise than it is classified" in (
        found
    )


def test_a_value_whose_person_nobody_named_is_refused(diary: type[models.Model]) -> None:
    privacy.register(_secret())
    assert "ringfence.E003 calls.Diary.secret_sealed: no column names whose value it is" in (
        messages()
    )
    privacy.register(PersonId("calls.Diary", "writer_id", "writer"))
    found = messages()
    assert "ringfence.E003 calls.Diary.writer_id has no index" in found
    assert not any("no column names" in message for message in found)


def test_a_value_classified_for_another_day_is_refused(diary: type[models.Model]) -> None:
    privacy.register(_secret(day_of="tenant_id"))
    privacy.register(PersonId("calls.Diary", "writer_id", "writer"))
    assert "ringfence.E003 calls.Diary.secret_sealed is sealed for another person or day" in (
        messages()
    )


def test_every_person_id_that_is_stored_stands_in_a_named_column(
    db: DatabaseUrls,
    world: World,
) -> None:
    """Looked for by value: all persons of the key store, in every column of every table."""
    persons = set()
    for call in (*world.of_subject, *world.of_others):
        persons |= {call.caller, call.callee}
    _name_elsewhere(persons)
    named = {
        (apps.get_model(entry.model)._meta.db_table, entry.field) for entry in privacy.person_ids()
    }
    found = set()
    with psycopg.connect(db.owner) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind IN ('r', 'p') AND NOT relispartition"
        ).fetchall()
        for (table,) in tables:
            rows = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
            columns = [column.name for column in rows.description or ()]
            for row in rows:
                found |= {
                    (table, column)
                    for column, value in zip(columns, row, strict=True)
                    if isinstance(value, UUID) and value in persons
                }
    assert found == named


def _name_elsewhere(persons: set[UUID]) -> None:
    """Somebody who calls is also invited, signs in, and is where an account is reached."""
    person, tenant_id, now = min(persons), new_id(), clock().now()
    User.objects.filter(id=make_user("caller@example.com").id).update(person_id=person)
    with across_tenants("test") as db:
        Invitation.objects.using(db).create(
            tenant_id=tenant_id, invitee_id=person, role="agent", token_hash=b"1" * 32,
            invited_by="test", created_at=now, expires_at=now,
        )  # fmt: skip
    with tenant(tenant_id):
        Contact.objects.create(
            tenant_id=tenant_id, kind="email", holder_id=person, since=now, with_account=False
        )
        RightsRequest.objects.create(
            tenant_id=tenant_id, kind="access", person_id=person, jurisdiction="eu",
            channel="note", received_at=now, acknowledge_by=now, due_at=now,
        )  # fmt: skip
        Evidence.objects.create(
            tenant_id=tenant_id, seq=1, person_id=person, scope="training", state="denied",
            method="written", recorded_at=now, actor="test", previous="", digest="0" * 64,
        )  # fmt: skip
        Visit.objects.create(
            tenant_id=tenant_id, browser_hash=b"b" * 32, wish="access", jurisdiction="eu",
            by_call=False, person_id=person, state="asked", asked_at=now, expires_at=now,
        )  # fmt: skip
