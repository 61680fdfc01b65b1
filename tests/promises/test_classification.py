"""Every stored field is classified: what it tells, why it is kept, when it ends."""

from __future__ import annotations

from collections.abc import Iterator

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


def ringfence_models() -> list[type[models.Model]]:
    return [
        model
        for config in apps.get_app_configs()
        if config.name.startswith("ringfence.")
        for model in config.get_models()
    ]


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
        privacy.not_personal("calls.Call", "not true", "from_number")
    with pytest.raises(privacy.ClassificationError):
        privacy.not_personal("calls.Other", " ", "field")
    with pytest.raises(privacy.ClassificationError):  # number 1 is the trunks' password
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


def test_who_called_whom_is_personal() -> None:
    for model, field in (
        ("calls.Call", "from_number"),
        ("calls.Call", "to_number"),
        ("calls.CallLeg", "from_number"),
        ("calls.CallLeg", "to_number"),
        ("calls.JournalEvent", "data"),
    ):
        entry = privacy.classification(model, field)
        assert isinstance(entry, FieldClass)
        assert entry.category is Category.IDENTIFIER
        assert entry.export
    assert isinstance(privacy.classification("calls.Call", "id"), NotPersonal)
