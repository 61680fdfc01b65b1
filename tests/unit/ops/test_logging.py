"""The log: one line per record, secrets masked, no values of failed data."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import psycopg
import pytest
from django.db import IntegrityError

from ringfence.kernel.errors import InvalidInput
from ringfence.platform.logging import configure, describe_error, redact, redact_text
from ringfence.platform.settings import LogSettings


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def test_json_line(stream: io.StringIO) -> None:
    configure(LogSettings(format="json"), "media-0", stream)
    logging.getLogger("ringfence.x").info("call ended", extra={"kv": {"legs": 2, "ok": True}})
    record = json.loads(stream.getvalue())
    assert record.pop("time").endswith("Z")
    assert record == {
        "level": "info",
        "process": "media-0",
        "logger": "ringfence.x",
        "message": "call ended",
        "kv": {"legs": 2, "ok": True},
    }


def test_text_line_stays_one_line_and_quotes_what_is_ambiguous(stream: io.StringIO) -> None:
    configure(LogSettings(), "web", stream)
    pairs = {"kv": {"a": "plain", "b": "two words", "c": "line\nbreak", "d": 1.5}}
    logging.getLogger("ringfence.x").warning("odd\nmessage", extra=pairs)
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.rstrip().endswith(
        r'WARNING web ringfence.x: odd\nmessage a=plain b="two words" c="line\nbreak" d=1.5'
    )


def test_level_and_third_parties(stream: io.StringIO) -> None:
    configure(LogSettings(level="info"), "worker", stream)
    logging.getLogger("ringfence.x").debug("hidden")
    logging.getLogger("procrastinate.worker").info("job(number=+12125550100)")
    assert stream.getvalue() == ""


def test_secret_names_are_masked_at_any_depth() -> None:
    given = {
        "password": "hunter2",
        "trunk": {"ha1_md5": "d41d8", "auth_password": "p", "name": "carrier"},
        "headers": [{"Authorization": "Bearer x"}, {"Proxy-Authorization": "Digest y"}],
        "api_key": "k",
        "Token": None,
        "count": 3,
    }
    assert redact(given) == {
        "password": "***",
        "trunk": {"ha1_md5": "***", "auth_password": "***", "name": "carrier"},
        "headers": [{"Authorization": "***"}, {"Proxy-Authorization": "***"}],
        "api_key": "***",
        "Token": "***",
        "count": 3,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("connect password=hunter2 host=db", "connect password=*** host=db"),
        ("postgresql://app:hunter2@db/x", "postgresql://app:***@db/x"),
        ('Authorization: Digest username="u", response="r"', "Authorization: ***"),
        ("token='abc'", "token='***'"),
        ("nothing here", "nothing here"),
    ],
)
def test_secrets_in_text_are_masked(text: str, expected: str) -> None:
    assert redact_text(text) == expected


def test_database_error_shows_class_and_sqlstate_only(stream: io.StringIO) -> None:
    configure(LogSettings(), "control", stream)
    marker = "+12125550199"
    try:
        try:
            raise psycopg.errors.UniqueViolation(f"Key (number)=({marker}) already exists.")
        except psycopg.Error as error:
            raise ValueError(f"cannot store {marker}") from error
    except ValueError:
        logging.getLogger("ringfence.x").exception("store failed")
    text = stream.getvalue()
    assert marker not in text
    assert "UniqueViolation [23505]" in text
    assert "test_logging.py" in text
    assert "ValueError" in text


def test_errors_of_django_and_of_the_product() -> None:
    error = IntegrityError("Key (email)=(a@example.net)")
    error.__cause__ = psycopg.errors.NotNullViolation("Failing row contains (a@example.net)")
    assert describe_error(error) == "IntegrityError [23502]"
    assert describe_error(InvalidInput("no such trunk")) == "InvalidInput: no such trunk"
    assert describe_error(KeyError("+12125550100")) == "KeyError"
