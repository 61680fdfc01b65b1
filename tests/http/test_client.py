"""The Python client against the API as it is served."""

from __future__ import annotations

import inspect
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from tests.http.served import served
from tests.http.test_openapi import NEED_SIGNALLING, document
from tests.http.test_processes import Installation, until
from tests.http.test_walk import BODIES
from tests.http.test_walk import values as path_values
from tests.keys_fixture import Keys
from tests.population import Populated, populate
from tools import generate_client

from ringfence.client import (
    ApiError,
    Client,
    ConnectionFailed,
    Forbidden,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    Unauthorized,
    Unavailable,
    models,
)
from ringfence.domains.accounts import api as accounts
from ringfence.domains.accounts.contracts import ALL_SCOPES, OPERATOR_SCOPES
from ringfence.domains.policy import api as policy
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.protocols.wav import Encoding, header

SECONDS = 3.0
"""How long to ask for what a process must do that is away here."""
UNDER_WAY = {
    "privacy.appeal_rights_refusal",
    "privacy.decide_rights_appeal",
    "privacy.download_rights_package",
    "privacy.lift_child_report",
    "recordings.download_audio",
    "recordings.download_object",
    "tenants.invite_owner",
}
"""What the sample recording, which goes on, has not yet, and what a job has not made; the sample
tenant has an owner."""
ARGUMENTS: dict[str, dict[str, Any]] = {
    "audit.list_viewers": {"object": "CA" + "0" * 32},
    "calls.originate": {"to": "+12025550199", "caller_id": "+12025550101", "url": "https://x.invalid/"},
    "cpni.put_contract": {"regime": "Their contract says how.", "reason": "a contract of 2026"},
    "consents.check": {"number": "+14155550100"},
    "consents.create_wording": {"scope": "training", "language": "en", "text": "May we?"},
    "consents.list": {"person": "PE" + "0" * 32},
    "consents.record": {
        "number": "+14155550100", "scope": "profiling", "state": "denied", "method": "api",
    },
    "policy.order_examination": {"profile": "strict"},
    "devices.create": {"name": "Phone"},
    "devices.rotate_password": {},
    "flows.create": {"name": "Second"},
    "flows.publish": {"note": "again"},
    "flows.validate": {"graph": {"start": "a", "nodes": {}}},
    "keys.create": {"name": "second", "scopes": ["calls:read"]},
    "keys.create_client": {"name": "second", "scopes": ["calls:read"]},
    "ledger.write_off_unrated": {"reason": "test"},
    "numbers.create": {
        "e164": "+12025550177",
        "dial": [models.DialTarget(sip="sip:desk@pbx.example.net")],
    },
    "privacy.erase_person": {"number": "+14155550100"},
    "privacy.put_portal": {"slug": "acme-privacy"},
    "privacy.create_rights_request": {
        "number": "+14155550100", "kind": "access", "jurisdiction": "us-ca",
    },
    "privacy.lift_child_report": {"parent": "Pat", "note": "rang"},
    "prompts.create": {"name": "Short", "file": header(Encoding.PCM16, 160) + bytes(160)},
    "rates.quote": {"number": "+12025550199"},
    "recordings.put_settings": {"enabled": True},
    "sso.confirm_domain": {"domain": "acme.example"},
    "targets.create": {"name": "Sip", "kind": "sip", "sip": "sip:a@pbx.example.net"},
    "tenants.create": {"name": "Third"},
    "tenants.create_plan": {"code": "gold", "name": "Gold"},
    "tenants.invite_owner": {"email": "owner@example.com"},
    "tenants.create_trunk": {"name": "Carrier", "sources": ["10.9.6.0/24"]},
    "tenants.set_trunk_sources": {"sources": ["10.9.7.0/24"]},
    "tenants.create_deck": {
        "name": "Retail", "kind": "sell", "currency": "USD",
        "csv": "prefix,price_per_minute,connection_fee,minimum_seconds,first_seconds,next_seconds,"
               "effective_from,effective_to\n1,0.01,0,0,60,60,2026-01-01T00:00:00Z,\n",
    },
    "tenants.create_key": {"name": "first", "scopes": ["calls:read"]},
    "tenants.top_up": {"amount_micros": 1, "currency": "USD", "reference": "pi_2"},
    "tenants.update": {"name": "Renamed"},
    "tenants.update_wallet": {"low_balance_micros": 5},
    "trunks.create": {"name": "Second PBX", "peer_host": "second.example.net"},
    "webhooks.create": {"url": "https://hooks.invalid/2", "events": ["call.ended"]},
}  # fmt: skip
"""What each operation is given that is not of BODIES."""


@pytest.fixture
def acme(db: DatabaseUrls) -> Populated:
    return populate("Acme", 1)


@pytest.fixture
def port(acme: Populated) -> Iterator[int]:
    with served() as found:
        yield found


@pytest.fixture
def client(port: int, acme: Populated) -> Iterator[Client]:
    with Client(f"http://127.0.0.1:{port}", acme.secret) as made:
        yield made


@pytest.fixture
def web(acme: Populated, db: DatabaseUrls, keys: Keys) -> Iterator[str]:
    """URL of the process as it is started."""
    installation = Installation(db, keys.settings.data_dir)
    try:
        installation.start("web")
        until(installation.serves)
        yield f"http://127.0.0.1:{installation.port}"
    finally:
        installation.end()


def method_of(client: Client, operation: generate_client.Operation) -> Any:
    return getattr(getattr(client, operation.resource), operation.method)


def call(
    client: Client, operation: generate_client.Operation, path: dict[str, str], to: Path
) -> Any:
    """What the client answers when it is called with all that the operation needs."""
    name = f"{operation.resource}.{operation.method}"
    method = method_of(client, operation)
    given = BODIES.get(operation.spec["operationId"]) or ARGUMENTS.get(name, {})
    parts = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    arguments: list[Any] = [path[part] for part in parts]
    keywords = dict(given)
    parameters = inspect.signature(method).parameters
    if "to" in parameters and parameters["to"].kind != inspect.Parameter.KEYWORD_ONLY:
        arguments.append(to)
    if "etag" in parameters:
        keywords["etag"] = "*"
    return method(*arguments, **keywords)


def test_every_operation_is_served(
    web: str, acme: Populated, db: DatabaseUrls, tmp_path: Path
) -> None:
    """Reads, then changes, then ends; each answer has the type that the method says."""
    client = Client(web, acme.secret)
    impatient = Client(web, acme.secret, timeout=SECONDS)
    scopes = {*OPERATOR_SCOPES, *ALL_SCOPES}
    secret = accounts.create_operator_key("operator", tuple(scopes)).secret
    operator = Client(web, secret)
    prompt = client.prompts.create(name="Here", file=header(Encoding.PCM16, 160) + bytes(160))
    path = path_values(acme, db) | {
        "prompt_id": prompt.id,
        "tenant_id": public_id(Prefix.TENANT, acme.tenant),
        "currency": "USD",
        "profile": policy.order_examination("strict", actor="test").profile,
    }
    order = ("get", "put", "patch", "post", "delete")
    todo = sorted(generate_client.operations(document()), key=lambda one: order.index(one.verb))
    wrong, done = [], 0
    for operation in todo:
        name = f"{operation.resource}.{operation.method}"
        whose = operator if operation.spec.get("x-operator-only") else client
        signalling = operation.spec["operationId"] in NEED_SIGNALLING
        whose = impatient if signalling else whose
        if operation.verb == "delete":
            path = path | fresh(client, operation.resource)
        try:
            answer = call(whose, operation, path, tmp_path / "file")
        except (Unavailable, ConnectionFailed) as error:
            if not signalling:
                wrong.append(f"{name}: {error}")
            continue
        except TypeError as error:
            wrong.append(f"{name}: give ARGUMENTS what it needs: {error}")
            continue
        except ApiError as error:
            if name not in UNDER_WAY:
                wrong.append(f"{name}: {error} {error.details}")
            continue
        done += 1
        expected = get_type_hints(method_of(whose, operation)).get("return")
        if not isinstance(answer, expected or object):
            wrong.append(f"{name}: {type(answer)} is no {expected}")
    for one in (client, impatient, operator):
        one.close()
    assert not wrong, "\n".join(wrong)
    assert done >= len(todo) - len(NEED_SIGNALLING) - len(UNDER_WAY)


def fresh(client: Client, resource: str) -> dict[str, str]:
    """An object of the resource that nothing uses, to delete."""
    sound = header(Encoding.PCM16, 160) + bytes(160)
    match resource:
        case "devices":
            return {"device_id": client.devices.create(name="Gone").id}
        case "flows":
            return {"flow_id": client.flows.create(name="Gone").id}
        case "keys":
            return {"key_id": client.keys.create(name="gone", scopes=["calls:read"]).id}
        case "prompts":
            return {"prompt_id": client.prompts.create(name="Gone", file=sound).id}
        case "targets":
            made = client.targets.create(name="Gone", kind="sip", sip="sip:b@pbx.example.net")
            return {"target_id": made.id}
        case "trunks":
            return {"trunk_id": client.trunks.create(name="Gone", peer_host="gone.example.net").id}
        case _:
            return {}


def test_pages(client: Client) -> None:
    names = [f"Target {index}" for index in range(7)]
    before = {one.id for one in client.targets.list().targets}
    for name in names:
        client.targets.create(name=name, kind="sip", sip="sip:a@pbx.example.net")
    assert len(client.targets.list(limit=3).targets) == 3
    found = [one for one in client.targets.iter(limit=3) if one.id not in before]
    assert [one.name for one in found] == names[::-1]
    events = list(client.events.iter(limit=1))
    assert len(events) > 1
    assert [one.position for one in events] == sorted({one.position for one in events})


def test_changes_of_what_was_read(client: Client, acme: Populated) -> None:
    trunk = client.trunks.get(public_id(Prefix.TRUNK, acme.trunk))
    changed = client.trunks.update(trunk, max_channels=7)
    assert (changed.max_channels, changed.username) == (7, "pbx1")
    with pytest.raises(PreconditionFailed) as caught:
        client.trunks.update(trunk, max_channels=8)
    assert caught.value.code == "precondition_failed"
    assert client.trunks.update(changed, max_channels=None).max_channels is None


def test_errors_and_purposes(client: Client, acme: Populated) -> None:
    url = client._transport.base_url
    with pytest.raises(NotFound) as absent:
        client.calls.get("CA" + "0" * 32)
    assert absent.value.code == "call_not_found"
    with pytest.raises(InvalidRequest) as invalid:
        client.keys.create(name="", scopes=[])
    assert invalid.value.details["problems"]
    with pytest.raises(Unauthorized):
        Client(url, "rfk_wrong").calls.list()
    with pytest.raises(Forbidden) as refused:
        Client(url, acme.secret, purpose="billing").calls.list()
    assert refused.value.code == "purpose_refused"
    with pytest.raises(Forbidden):
        client.calls.list(purpose="billing")
    assert Client(url, acme.secret, purpose="support").calls.list().calls


def test_a_prompt_comes_back(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "short.wav"
    file.write_bytes(header(Encoding.PCM16, 320) + bytes(range(160)) * 2)
    prompt = client.prompts.create(name="Short", file=file)
    size = client.prompts.download_audio(prompt.id, tmp_path / "back.wav")
    assert size == prompt.bytes == (tmp_path / "back.wav").stat().st_size


class Breaking:
    """Hands the first request on to the API, and breaks its connection once that has answered."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.answers: list[bytes] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        for breaks in (True, False):
            try:
                inside, _ = self._socket.accept()
            except OSError:
                return
            with inside, socket.create_connection(("127.0.0.1", self._port)) as outside:
                request = b""
                while not request.endswith(b"}"):
                    request += inside.recv(65536)
                outside.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
                answer = b""
                while part := outside.recv(65536):
                    answer += part
                self.answers.append(answer)
                if not breaks:
                    inside.sendall(answer)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)


def test_a_post_whose_answer_was_lost_is_done_once(port: int, acme: Populated) -> None:
    between = Breaking(port)
    try:
        with Client(f"http://127.0.0.1:{between.port}", acme.secret) as client:
            made = client.keys.create(name="once", scopes=["calls:read"])
    finally:
        between.close()
    first, second = between.answers
    assert b" 201 " in first[:16] and b" 201 " in second[:16]
    assert b"idempotency-replayed: true" in second.lower()
    assert b"idempotency-replayed" not in first.lower()
    named = [one for one in accounts.list_api_keys(acme.tenant) if one.name == "once"]
    assert [public_id(Prefix.API_KEY, one.id) for one in named] == [made.id]
    assert made.secret.encode() in first, "the answer that was lost"


def test_every_scope_is_granted_here() -> None:
    scopes = {
        verb.get("x-required-scope")
        for verbs in document()["paths"].values()
        for verb in verbs.values()
        if not verb.get("x-operator-only") and not verb.get("x-person-only")
    }
    assert scopes - {None} <= set(ALL_SCOPES)
