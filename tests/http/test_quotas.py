"""A tenant fills no disk that is not its own."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from tests.api import Someone, ask, someone

from ringfence.domains.flows import limits
from ringfence.platform.database import DatabaseUrls
from ringfence.protocols import wav


@pytest.fixture
def acme(db: DatabaseUrls) -> Someone:
    return someone()


def upload(key: str) -> Any:
    edge = b"--x\r\nContent-Disposition: form-data; "
    sound = wav.header(wav.Encoding.PCM16, 160) + bytes(160)
    body = edge + b'name="name"\r\n\r\na\r\n'
    body += edge + b'name="file"; filename="a.wav"\r\n\r\n' + sound + b"\r\n--x--\r\n"
    return Client().post(
        "/api/v1/prompts",
        data=body,
        content_type="multipart/form-data; boundary=x",
        headers={"Authorization": f"Bearer {key}"},
    )


def test_there_is_an_end(acme: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAX_FLOWS", "MAX_TARGETS", "MAX_PROMPTS", "MAX_VERSIONS"):
        monkeypatch.setattr(limits, name, 1)
    graph = {"start": "a", "nodes": {"a": {"type": "hangup"}}}
    flow = ask("post", "/flows", acme.secret, {"name": "x", "draft": graph})
    for made in (
        flow,
        ask(
            "post", "/targets", acme.secret, {"name": "x", "kind": "sip", "sip": "sip:a@b.example"}
        ),
        ask("post", f"/flows/{flow.json()['id']}/publish", acme.secret, {}),
        upload(acme.secret),
    ):
        assert made.status_code == 201, made.content
    for refused in (
        ask("post", "/flows", acme.secret, {"name": "y"}),
        ask(
            "post", "/targets", acme.secret, {"name": "y", "kind": "sip", "sip": "sip:a@b.example"}
        ),
        ask("post", f"/flows/{flow.json()['id']}/publish", acme.secret, {}),
        ask("post", f"/flows/{flow.json()['id']}/rollback", acme.secret, {"version": 1}),
        upload(acme.secret),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "too_many")
        assert refused.json()["details"] == {"limit": 1}


def test_prompts_have_so_many_bytes(acme: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    one = upload(acme.secret).json()["bytes"]
    monkeypatch.setattr(limits, "MAX_PROMPT_BYTES", 2 * one)
    assert upload(acme.secret).status_code == 201
    assert upload(acme.secret).json()["code"] == "too_many"
