"""Rights requests as the REST API has them, for tests."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import psycopg
from django.test import Client
from tests.population import record_call
from tests.recorded_calls import World

from ringfence.domains.privacy import tasks
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.clock import new_id

CALLER, CALLEE = "+14155550100", "+12125550111"
ROOT = Path(__file__).parents[1]
SCHEMA = json.loads((ROOT / "docs/reference/package.schema.json").read_text())


def ask(path: str, key: str, body: Any = None) -> Any:
    client = Client(raise_request_exception=False)
    headers = {"Authorization": f"Bearer {key}"}
    if body is None:
        return client.get(f"/api/v1{path}", headers=headers)
    content = json.dumps(body)
    return client.post(f"/api/v1{path}", content, content_type="application/json", headers=headers)


def create(key: str, kind: str = "access", number: str = CALLER, **more: Any) -> dict[str, Any]:
    body = {"kind": kind, "number": number, "jurisdiction": "us-ca"} | more
    answer = ask("/rights-requests", key, {k: v for k, v in body.items() if v is not None})
    assert answer.status_code == 201, answer.content
    return answer.json()


def verify(key: str, made: dict[str, Any]) -> Any:
    return ask(f"/rights-requests/{made['id']}/verify", key, {"method": "callback"})


def get(key: str, made: dict[str, Any]) -> dict[str, Any]:
    return ask(f"/rights-requests/{made['id']}", key).json()


def jobs(urls: DatabaseUrls, name: str) -> list[dict[str, Any]]:
    with psycopg.connect(urls.owner) as connection:
        rows = connection.execute(
            "SELECT args FROM procrastinate_jobs WHERE task_name = %s ORDER BY id", [name]
        ).fetchall()
    return [row[0] for row in rows]


def made_package(world: World, key: str, made: dict[str, Any]) -> zipfile.ZipFile:
    """Verified, built by the worker, fetched."""
    answer = verify(key, made)
    assert answer.status_code == 200, answer.content
    with world.worker():
        tasks.build_package(made["id"][2:])
    return fetched(key, made)


def fetched(key: str, made: dict[str, Any]) -> zipfile.ZipFile:
    answer = ask(f"/rights-requests/{made['id']}/package", key)
    assert answer.status_code == 200, getattr(answer, "content", None)
    body = b"".join(answer.streaming_content)
    assert len(body) == int(answer.headers["Content-Length"])
    assert answer.headers["Cache-Control"] == "no-store"
    archive = zipfile.ZipFile(io.BytesIO(body))
    assert archive.testzip() is None
    return archive


def all_text(archive: zipfile.ZipFile) -> str:
    names = [name for name in archive.namelist() if not name.endswith(".wav")]
    return "".join(archive.read(name).decode() for name in names)


def data_of(archive: zipfile.ZipFile) -> dict[str, Any]:
    data = json.loads(archive.read("data.json"))
    jsonschema.validate(data, SCHEMA)
    return data


def refused(answer: Any, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def person_of(world: World, number: str) -> UUID:
    (found,) = world.keys.blocking("web").find(world.acme, [Identifier("e164", number)])
    assert found is not None
    return found.person


def both_ways(world: World) -> tuple[UUID, UUID]:
    """Two calls between the same two, one each way."""
    first, second = new_id(), new_id()
    record_call(first, new_id(), world.acme, from_number=CALLER, to_number=CALLEE)
    record_call(second, new_id(), world.acme, from_number=CALLEE, to_number=CALLER)
    return first, second
