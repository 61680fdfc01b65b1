"""Prompts over REST: uploaded, downloaded, renamed, deleted unless a published flow plays them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.http.test_flows import Api, graph, published
from tests.population import Populated, populate

from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import new_id
from ringfence.protocols.wav import Encoding, header

WAV = header(Encoding.PCM16, 32_000, rate=16_000) + bytes(32_000)


@pytest.fixture
def acme(db: DatabaseUrls) -> Populated:
    return populate("Acme", 1)


@pytest.fixture
def api(acme: Populated) -> Api:
    return Api(acme.secret)


def upload(key: str, name: str = "Welcome", file: bytes = WAV, **headers: str) -> Any:
    return Client().post(
        "/api/v1/prompts",
        {"name": name, "file": SimpleUploadedFile("a.wav", file, "audio/wav")},
        headers={"Authorization": f"Bearer {key}", **headers},
    )


def kept(acme: Populated, prompt: str) -> Path:
    file = f"{parse_public_id(Prefix.PROMPT, prompt).hex}.wav"
    return Path(settings.RINGFENCE.prompt_dir, acme.tenant.hex, file)


def files(acme: Populated) -> list[str]:
    return sorted(
        path.name for path in Path(settings.RINGFENCE.prompt_dir, acme.tenant.hex).iterdir()
    )


def test_a_prompt_is_kept_as_telephone_audio(acme: Populated, api: Api) -> None:
    answer = upload(acme.secret)
    assert answer.status_code == 201, answer.content
    made = answer.json()
    audio = kept(acme, made["id"]).read_bytes()
    assert audio == header(Encoding.PCM16, 16_000) + bytes(16_000)
    assert made == {
        "id": made["id"],
        "name": "Welcome",
        "sha256": hashlib.sha256(audio).hexdigest(),
        "bytes": len(audio),
        "seconds": 1.0,
        "created_at": made["created_at"],
    }
    path = f"/prompts/{made['id']}"
    download = api("get", f"{path}/audio")
    assert download.headers["Content-Type"] == "audio/wav"
    assert b"".join(download.streaming_content) == audio
    assert api.change(path, {"name": "Hello"}).json() == {**made, "name": "Hello"}
    listed = api("get", "/prompts?limit=1").json()
    assert [item["id"] for item in listed["prompts"]] == [made["id"]]
    older = api("get", f"/prompts?before={listed['next']}").json()["prompts"]
    assert [item["id"] for item in older] == [public_id(Prefix.PROMPT, acme.prompt)]


def test_a_prompt_that_a_published_flow_plays_stays(acme: Populated, api: Api) -> None:
    prompt = upload(acme.secret).json()["id"]
    flow = published(api, graph(play={"type": "play", "prompt": prompt}))
    refused = api("delete", f"/prompts/{prompt}")
    assert (refused.status_code, refused.json()["code"]) == (409, "prompt_in_use")
    assert refused.json()["details"] == {"flows": [flow]}
    assert kept(acme, prompt).exists()
    api.change(f"/flows/{flow}", {"draft": graph(end={"type": "hangup"})})
    api.made(f"/flows/{flow}/publish", {})
    assert api("get", f"/prompts/{prompt}").status_code == 200


@pytest.mark.parametrize(
    ("file", "status", "code"),
    [
        (b"", 422, "prompt_not_audio"),
        (b"not audio", 422, "prompt_not_audio"),
        (WAV[:-100], 422, "prompt_not_audio"),
        (header(Encoding.PCM16, 4, rate=11_025) + bytes(4), 422, "prompt_format_unsupported"),
        (WAV + bytes(10_000_000 - len(WAV) + 1), 413, "prompt_too_large"),
        (bytes(11_000_000), 413, "upload_too_large"),
    ],
)
def test_a_bad_file_is_refused_and_leaves_nothing(
    acme: Populated, api: Api, file: bytes, status: int, code: str
) -> None:
    before = files(acme)
    refused = upload(acme.secret, file=file)
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.content
    assert files(acme) == before
    assert len(api("get", "/prompts").json()["prompts"]) == 1


def test_a_prompt_needs_a_name_and_a_file(acme: Populated) -> None:
    assert upload(acme.secret, name=" ").json()["details"] == {"field": "name"}
    missing = Client().post(
        "/api/v1/prompts", {"name": "x"}, headers={"Authorization": f"Bearer {acme.secret}"}
    )
    assert (missing.status_code, missing.json()["code"]) == (422, "invalid_input")


def test_a_file_that_is_gone_is_said_to_be(acme: Populated, api: Api) -> None:
    prompt = upload(acme.secret).json()["id"]
    kept(acme, prompt).unlink()
    refused = api("get", f"/prompts/{prompt}/audio")
    assert (refused.status_code, refused.json()["code"]) == (503, "prompt_file_missing")


def test_another_tenants_prompts_do_not_exist(acme: Populated, api: Api) -> None:
    other = Api(populate("Bolt", 2).secret)
    absent = public_id(Prefix.PROMPT, new_id())
    for verb, path, body in (
        ("get", "/prompts/{}", None),
        ("get", "/prompts/{}/audio", None),
        ("patch", "/prompts/{}", {"name": "x"}),
        ("delete", "/prompts/{}", None),
    ):
        mine = public_id(Prefix.PROMPT, acme.prompt)
        foreign, nothing = (
            other(verb, path.format(id_), body, If_Match="*") for id_ in (mine, absent)
        )
        assert foreign.status_code == nothing.status_code == 404, (verb, path)
        assert foreign.json() == nothing.json()
    assert kept(acme, public_id(Prefix.PROMPT, acme.prompt)).exists()
