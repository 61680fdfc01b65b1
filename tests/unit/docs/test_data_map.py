"""docs/reference/data-map.md is what the product says of itself."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ringfence.entry.data_map import data_map
from ringfence.platform.gate.templates import TEMPLATES
from ringfence.platform.processor_settings import AgreementSettings, ProcessorSettings
from ringfence.platform.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "data-map.md"


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text() == data_map(Settings()), "`ringfence data-map` in an empty folder"


def test_every_template_and_processor_is_on_it() -> None:
    agreement = AgreementSettings(sha256="cd" * 32, signed_on=date(2026, 1, 2))
    mailer = ProcessorSettings(
        hosts=("smtp.example.net",), templates=("mail",), country="US", agreement=agreement
    )
    page = data_map(Settings(processors={"mailer": mailer}))
    assert all(f"| {name} |" in page for name in TEMPLATES)
    assert "| mailer | smtp.example.net | mail | US | none | service |" in page
    assert "`cdcdcdcdcdcd…` of 2026-01-02" in page
    assert "calls.Call: area, country_code" in page
