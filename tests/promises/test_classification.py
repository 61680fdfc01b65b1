"""Every stored field is classified: what it tells, why it is kept, when it ends."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.apps import apps
from django.core import checks
from django.db import models

from ringfence.domains.privacy import api as privacy
from ringfence.domains.privacy.contracts import (
    Category,
    Erasure,
    FieldClass,
    NotPersonal,
    Purpose,
)
from ringfence.kernel.fields import SealedFieldNumber
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.sealed import SealedField, SealedText


def ringfence_models() -> list[type[models.Model]]:
    return [
        model
        for config in apps.get_app_configs()
        if config.name.startswith("ringfence.")
        for model in config.get_models()
    ]


@pytest.fixture
def planted_seal() -> Iterator[type[models.Model]]:
    """A sealed field that somebody added without registering its number."""

    class Diary(models.Model):
        confession = SealedText(SealedFieldNumber.CALL_CALLER, "caller")

        class Meta:
            app_label = "calls"

    yield Diary
    del apps.all_models["calls"]["diary"]
    apps.clear_cache()


@pytest.fixture
def planted() -> Iterator[type[models.Model]]:
    """A model that somebody added to an app without classifying it."""

    class Diary(models.Model):
        owner = models.ForeignKey("trunks.Trunk", on_delete=models.CASCADE)
        confession = models.TextField()

        class Meta:
            app_label = "calls"

    yield Diary
    del apps.all_models["calls"]["diary"]
    apps.clear_cache()


def test_every_field_is_classified() -> None:
    assert len(ringfence_models()) >= 10
    assert privacy.unclassified(ringfence_models()) == ()


def test_no_classification_is_left_over() -> None:
    assert privacy.stale(ringfence_models()) == ()


def test_an_unclassified_field_is_found(planted: type[models.Model]) -> None:
    assert planted in ringfence_models()
    assert set(privacy.unclassified(ringfence_models())) == {
        "calls.Diary.id",
        "calls.Diary.owner",
        "calls.Diary.confession",
    }


def test_a_relation_to_another_app_is_refused(planted: type[models.Model]) -> None:
    found = [error for error in checks.run_checks() if error.id == "ringfence.E001"]
    assert [error.msg for error in found] == ["calls.Diary.owner points to another app"]


def test_no_relation_leaves_its_app() -> None:
    assert [error for error in checks.run_checks() if error.level >= checks.ERROR] == []


def test_contradictions_are_refused() -> None:
    with pytest.raises(privacy.ClassificationError):
        privacy.not_personal("calls.Call", "not true", "caller_sealed")
    with pytest.raises(privacy.ClassificationError):
        privacy.not_personal("calls.Other", " ", "field")
    with pytest.raises(privacy.ClassificationError):  # number 1 is the caller of a call
        privacy.register(
            FieldClass(
                model="calls.Other",
                field="secret",
                category=Category.SECRET,
                purposes=frozenset({Purpose.SERVICE}),
                retention="account",
                export=False,
                erasure=Erasure.NOT_SUBJECT,
                number=1,
            )
        )
    assert privacy.classification("calls.Other", "secret") is None


def sealed_fields() -> list[SealedField]:
    return [
        field
        for model in ringfence_models()
        for field in model._meta.concrete_fields
        if isinstance(field, SealedField)
    ]


def test_a_sealed_field_says_what_its_classification_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert len(sealed_fields()) >= 8
    for field in sealed_fields():
        for name, wrong in (("role", "somebody"), ("number", SealedFieldNumber.RECOVERY)):
            with monkeypatch.context() as patch:
                patch.setattr(field, name, wrong)
                found = [error.obj for error in checks.run_checks() if error.id == "ringfence.E002"]
                assert found == [field]


def test_an_unregistered_sealed_field_is_refused(planted_seal: type[models.Model]) -> None:
    found = [error for error in checks.run_checks() if error.id == "ringfence.E002"]
    assert [error.obj for error in found] == [planted_seal._meta.get_field("confession")]


def test_every_sealed_column_is_checked_by_the_database(db: DatabaseUrls) -> None:
    with psycopg.connect(db.owner) as connection:
        rows = connection.execute(
            "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE contype = 'c' AND convalidated"
        ).fetchall()
    for field in sealed_fields():
        wanted = (
            f"CHECK ((({field.column} IS NULL) OR ((octet_length({field.column}) >= 29) "
            f"AND (get_byte({field.column}, 0) = 1))))"
        )
        assert (field.model._meta.db_table, wanted) in rows, field


def test_who_called_whom_is_personal() -> None:
    for model, field in (
        ("calls.Call", "caller_sealed"),
        ("calls.Call", "callee_sealed"),
        ("calls.Call", "area"),
        ("calls.CallLeg", "party_sealed"),
        ("calls.JournalEvent", "caller_sealed"),
        ("calls.JournalEvent", "callee_sealed"),
        ("calls.JournalEvent", "data"),
    ):
        entry = privacy.classification(model, field)
        assert isinstance(entry, FieldClass)
        assert entry.category is Category.IDENTIFIER
        assert entry.export
    assert isinstance(privacy.classification("calls.Call", "id"), NotPersonal)
