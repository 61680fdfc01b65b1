"""The document against the application: complete, and true for whatever a client sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import schemathesis
import schemathesis.checks as checks
from django.conf import settings as django_settings
from django.core.wsgi import get_wsgi_application
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from tests.api import someone
from tests.people import Browser, person

from ringfence.domains.accounts import api as accounts
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.ratelimit import use_limits

EXAMPLES = 5
"""Requests of each operation; the same ones each time."""
NEED_SIGNALLING = {"control_call_recording", "create_call", "hang_up_call", "redirect_call"}
"""They may answer that the call plane is not there: it is not, in this test."""


def document() -> dict[str, Any]:
    return Client().get("/api/v1/openapi.json").json()


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, verbs in document()["paths"].items():
        for verb, operation in verbs.items():
            yield verb, path, operation


def test_every_route_says_what_holds_for_all(db: DatabaseUrls) -> None:
    seen = set()
    for verb, path, operation in operations():
        name, responses = operation["operationId"], operation["responses"]
        assert name not in seen, "an operation is known by its name"
        seen.add(name)
        if path == "/api/v1/health":
            continue
        by_key, by_session = {"ApiKeyBearer": []}, {"SessionPerson": []}
        if operation["x-person-only"]:
            assert operation["security"] == [by_session], name
        else:
            assert by_key in operation["security"] and len(operation["security"]) == 2, name
        assert operation["x-required-scope"] or name == "get_me", name
        assert {"401", "403", "429", "503"} <= set(responses), name
        headers = {one["name"]: one for one in operation["parameters"] if one["in"] == "header"}
        if verb == "post":
            assert "Idempotency-Key" in headers and {"409", "422"} <= set(responses), name
        if verb == "patch":
            assert headers["If-Match"]["required"] and {"412", "428"} <= set(responses), name
        for status, response in responses.items():
            assert "RateLimit-Remaining" in response["headers"], name
            if int(status) >= 400:
                schema = response["content"]["application/json"]["schema"]
                assert schema["$ref"].endswith("/Problem"), name
    assert document()["openapi"] == "3.1.0"


def session_of(browser: Browser) -> dict[str, dict[str, str]]:
    """What somebody's browser sends along, with the proof that our own page asks."""
    token = "0123456789abcdefghijklmnopqrstuv"
    cookies = {name: morsel.value for name, morsel in browser.client.cookies.items()}
    return {
        "headers": {"X-CSRFToken": token},
        "cookies": cookies | {django_settings.CSRF_COOKIE_NAME: token},
    }


def attempt(operation: Any, credential: dict[str, dict[str, str]]) -> int:
    """Send seeded requests of one operation; how many were sent."""
    name = operation.definition.raw["operationId"]
    sent = 0

    @settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, database=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def try_one(case: Any) -> None:
        nonlocal sent
        sent += 1
        case.headers.pop("Ringfence-Tenant", None)
        response = case.call(**credential)
        assert response.status_code not in (401, 500, 501, 502), (name, response.text)
        if response.status_code == 503:
            assert name in NEED_SIGNALLING, (name, response.text)
        case.validate_response(
            response,
            checks=[
                checks.status_code_conformance,
                checks.content_type_conformance,
                checks.response_schema_conformance,
            ],
        )

    try_one()
    return sent


def test_whatever_is_sent_is_answered_as_the_document_says(db: DatabaseUrls) -> None:
    own = someone()
    hour_ahead = {"age_seconds": -3600.0}  # so that the session is fresh to the end
    people = {
        False: session_of(person("owner", own.tenant, **hour_ahead)),
        True: session_of(person("operator-admin", None, **hour_ahead)),
    }
    keys = {
        False: {"headers": {"Authorization": f"Bearer {own.secret}"}},
        True: {"headers": {"Authorization": f"Bearer {accounts.create_operator_key().secret}"}},
    }
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
    tried, wrong = 0, []
    with use_limits():
        for found in schema.get_all_operations():
            operation = found.ok()
            raw = operation.definition.raw
            try:
                of_operator = bool(raw.get("x-operator-only"))
                whose = people if raw.get("x-person-only") else keys
                tried += attempt(operation, whose[of_operator])
            except Exception as error:
                wrong.append(f"{raw['operationId']}: {error!r:.1000}")
    assert not wrong, "\n".join(wrong)
    assert tried >= EXAMPLES * 20, "or there was hardly anything to try"
