"""A tenant begins, redirects and ends calls: what the call plane is asked, and what is answered."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import Client, override_settings
from tests.population import Populated, populate

from ringfence.domains.accounts import api as accounts
from ringfence.engine.ports import CallCommand, OriginateRequest
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.ids import Prefix, public_id, uuid7_day
from ringfence.platform.database import DatabaseUrls
from ringfence.platform.rpc import RpcError, RpcServer
from ringfence.platform.settings import NodeSettings, Settings
from ringfence.platform_django.clock import clock, new_id

FLOW = UUID(int=77)


class Plane:
    """The process that holds the calls, as far as others can ask it, in a thread."""

    def __init__(self, settings: Settings) -> None:
        self.begun: list[OriginateRequest] = []
        self.commanded: list[CallCommand] = []
        self.refusal: RingfenceError | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = RpcServer(settings.signalling_socket)
        self._server.register("originate", OriginateRequest, self._originate)
        self._server.register("command", CallCommand, self._command)
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(10)

    def _originate(self, request: OriginateRequest, _: object) -> None:
        self.begun.append(request)
        if self.refusal is not None:
            raise self.refusal

    def _command(self, command: CallCommand, _: object) -> None:
        self.commanded.append(command)
        if self.refusal is not None:
            raise self.refusal

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def acme(db: DatabaseUrls) -> Populated:
    return populate("Acme", 1)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    made = Settings(node=NodeSettings(data_dir=tmp_path))
    with override_settings(RINGFENCE=made):
        yield made


@pytest.fixture
def plane(settings: Settings) -> Iterator[Plane]:
    made = Plane(settings)
    yield made
    made.close()


def post(path: str, key: str, body: Any = None) -> Any:
    return Client().post(
        f"/api/v1{path}",
        data=json.dumps(body if body is not None else {}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )


def wanted(**more: Any) -> dict[str, Any]:
    body = {"to": "+13125550100", "caller_id": "+12025550101", "flow": public_id(Prefix.FLOW, FLOW)}
    return {name: value for name, value in (body | more).items() if value is not None}


def test_a_call_is_begun(acme: Populated, plane: Plane) -> None:
    answer = post("/calls", acme.secret, wanted(timeout_seconds=20))
    assert answer.status_code == 201, answer.content
    (request,) = plane.begun
    assert answer.json() == {"id": public_id(Prefix.CALL, request.call), "state": "started"}
    assert uuid7_day(request.call) == clock().micros() // 86_400_000_000
    assert request == OriginateRequest(
        acme.tenant, request.call, "+13125550100", "+12025550101", FLOW, None, 20
    )
    number = public_id(Prefix.NUMBER, acme.number)
    url = "https://example.net/answer?a=1"
    answer = post("/calls", acme.secret, wanted(caller_id=number, flow=None, url=url))
    assert answer.status_code == 201, answer.content
    assert (plane.begun[1].caller_id, plane.begun[1].url) == (acme.e164, url)
    assert (plane.begun[1].flow, plane.begun[1].timeout_seconds) == (None, 30)


@pytest.mark.parametrize(
    "change",
    [
        {"url": "https://example.net/"},
        {"flow": None},
        {"flow": None, "url": "ftp://example.net/"},
        {"flow": None, "url": "https://exa mple.net/"},
        {"flow": "FW12"},
        {"flow": "PN" + "0" * 32},
        {"to": None},
        {"to": ""},
        {"to": "s" * 300},
        {"caller_id": None},
        {"caller_id": "PN12"},
        {"timeout_seconds": 4},
        {"timeout_seconds": 301},
        {"timeout_seconds": "soon"},
    ],
)
def test_what_cannot_be_meant_is_refused_and_asks_nobody(
    acme: Populated, plane: Plane, change: dict[str, Any]
) -> None:
    answer = post("/calls", acme.secret, wanted(**change))
    assert answer.status_code == 422, answer.content
    assert answer.json()["code"] in ("invalid_input", "invalid_id")
    assert plane.begun == []


def test_the_number_of_another_tenant_is_no_caller_id(acme: Populated, plane: Plane) -> None:
    bolt = populate("Bolt", 2)
    number = public_id(Prefix.NUMBER, bolt.number)
    answer = post("/calls", acme.secret, wanted(caller_id=number))
    assert (answer.status_code, answer.json()["code"]) == (404, "number_not_found")
    assert plane.begun == []


REFUSALS = {
    "target_invalid": 422, "caller_id_refused": 422, "wallet_empty": 402, "flow_not_found": 404,
    "flow_not_published": 409, "flow_invalid": 422, "control_unavailable": 503,
    "unavailable": 503, "document_refused": 502,
}  # fmt: skip


@pytest.mark.parametrize(("code", "status"), REFUSALS.items())
def test_a_refusal_of_the_call_plane_keeps_its_code(
    acme: Populated, plane: Plane, code: str, status: int
) -> None:
    plane.refusal = RpcError(code, "no")
    answer = post("/calls", acme.secret, wanted())
    expected = "call_plane_unavailable" if status == 503 else code
    assert (answer.status_code, answer.json()["code"]) == (status, expected)


def test_a_live_call_is_redirected_and_hung_up(acme: Populated, plane: Plane) -> None:
    call = public_id(Prefix.CALL, acme.call)
    answer = post(f"/calls/{call}/redirect", acme.secret, {"flow": public_id(Prefix.FLOW, FLOW)})
    assert (answer.status_code, answer.json()) == (200, {"id": call, "state": "redirected"})
    answer = post(f"/calls/{call}/redirect", acme.secret, {"url": "http://example.net/next"})
    assert answer.status_code == 200
    answer = post(f"/calls/{call}/hangup", acme.secret)
    assert (answer.status_code, answer.json()) == (200, {"id": call, "state": "ended"})
    assert plane.commanded == [
        CallCommand(acme.tenant, acme.call, "redirect", FLOW, None),
        CallCommand(acme.tenant, acme.call, "redirect", None, "http://example.net/next"),
        CallCommand(acme.tenant, acme.call, "hang_up"),
    ]
    answer = post(f"/calls/{call}/redirect", acme.secret, {})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    for code, status in (("call_not_live", 404), ("call_state", 409), ("flow_not_found", 404)):
        plane.refusal = RpcError(code, "no")
        answer = post(f"/calls/{call}/hangup", acme.secret)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert post("/calls/CA12/hangup", acme.secret).status_code == 422


PATHS = ("/calls", "/calls/{}/redirect", "/calls/{}/hangup")


@pytest.mark.parametrize("path", PATHS)
def test_a_key_that_may_only_read_changes_no_call(acme: Populated, plane: Plane, path: str) -> None:
    key = accounts.create_api_key(acme.tenant, scopes=("calls:read",)).secret
    answer = post(path.format(public_id(Prefix.CALL, acme.call)), key, wanted())
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert (plane.begun, plane.commanded) == ([], [])


@pytest.mark.parametrize("path", PATHS)
def test_without_the_call_plane_it_says_so(acme: Populated, settings: Settings, path: str) -> None:
    body = wanted() if path == "/calls" else {"flow": public_id(Prefix.FLOW, FLOW)}
    answer = post(path.format(public_id(Prefix.CALL, new_id())), acme.secret, body)
    assert (answer.status_code, answer.json()["code"]) == (503, "call_plane_unavailable")
