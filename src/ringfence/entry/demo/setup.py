"""What the demo needs: made once through the public REST API, found again afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ringfence.entry.database import setup_django
from ringfence.entry.demo import chime
from ringfence.entry.demo.graph import demo_graph
from ringfence.entry.demo.installation import DemoFailed, Place
from ringfence.entry.demo.own_key import OwnKey, record_calls
from ringfence.entry.demo.prices import CURRENCY, LOW_MICROS, PRICES, TOP_UP_MICROS
from ringfence.entry.demo.rest import ApiRefused, Rest
from ringfence.kernel.clock import SystemClock

NUMBER, DESK = "+12025550123", "+12025550145"
EVENTS = ("call.ended", "recording.stored")
_NAME, _KEY_NAME = "Demo", "demo"
_CARRIER, _DESK_TRUNK = "Demo carrier", "Demo desk"
_RECEIVER = "The receiver of `ringfence demo`"
_DESK_PORT = 5066
_KEY_LIFE = timedelta(minutes=15)
_OPERATOR_SCOPES = (
    "tenants:provision", "tenants:read", "tenants:write", "ledger:read", "ledger:write",
    "trunks:write",
)  # fmt: skip
_SCOPES = (
    *("calls:read", "flows:read", "flows:write", "ledger:read", "live:read", "numbers:read"),
    *("numbers:write", "recordings:read", "recordings:write", "trunks:read"),
    *("webhooks:read", "webhooks:write"),
)


@dataclass(frozen=True)
class Demo:
    """The tenant and what it has."""

    tenant: str
    api: Rest
    """With a key of the tenant."""
    flow: str
    version: int
    """The published one."""
    desk_port: int
    secret: str | None
    """Of the webhook; None: there is none, for the reason ``no_webhook``."""
    key: OwnKey | None
    """What alone opens the recording, where the policy has it so."""
    no_webhook: str = ""


def provision(place: Place, receiver_url: str) -> Demo:
    """Raises DemoFailed."""
    try:
        return _provision(place, receiver_url)
    except ApiRefused as error:
        raise DemoFailed(error.message) from None


def _provision(place: Place, receiver_url: str) -> Demo:
    web = place.settings.web
    base = f"http://{web.host}:{web.port}/api/v1"
    ends = SystemClock().now() + _KEY_LIFE
    operator = Rest(base, operator_secret(_KEY_NAME, _OPERATOR_SCOPES, ends))
    tenant = tenant_named(operator, _NAME)
    granted = operator.post(
        f"/tenants/{tenant}/keys",
        {
            "name": _KEY_NAME,
            "scopes": _SCOPES,
            "purposes": ["service"],
            "expires_at": ends.isoformat(),
        },
    )
    api = Rest(base, granted["secret"])
    _money(operator, api, tenant)
    desk = _trunks(operator, api, tenant, place)
    flow, version = _flow(api, desk["id"])
    _number(api, flow)
    key = record_calls(api)
    try:
        secret, problem = _webhook(api, receiver_url), ""
    except ApiRefused as error:
        secret, problem = None, _remedy(place, error)
    return Demo(tenant, api, flow, version, desk["peer_port"], secret, key, problem)


def operator_secret(name: str, scopes: tuple[str, ...], ends: datetime) -> str:
    """A key of the operator, made as ``ringfence key create --operator`` makes it."""
    setup_django("cli")
    from ringfence.domains.accounts import api

    return api.create_operator_key(name, scopes, ends).secret


def _named(items: Iterable[dict[str, Any]], name: str, key: str = "name") -> dict[str, Any] | None:
    return next((item for item in items if item[key] == name), None)


def tenant_named(operator: Rest, name: str) -> str:
    """The id of the tenant of this name, made if there is none. Raises ApiRefused."""
    before = ""
    while True:
        page = operator.get(f"/tenants?limit=200{before}")
        found = _named(page["tenants"], name)
        if found is not None:
            return str(found["id"])
        if page["next"] is None:
            return str(operator.post("/tenants", {"name": name})["id"])
        before = f"&before={page['next']}"


def _money(operator: Rest, api: Rest, tenant: str) -> None:
    decks = api.get("/rates/decks")["decks"]
    for price in PRICES:
        if _named(decks, price.name) is None:
            operator.post(
                f"/tenants/{tenant}/rates/decks",
                {
                    "name": price.name,
                    "kind": price.kind,
                    "direction": price.direction,
                    "currency": CURRENCY,
                    "csv": price.csv,
                },
            )
    if balance(api) < LOW_MICROS:
        operator.post(
            f"/tenants/{tenant}/wallet/top-ups",
            {
                "amount_micros": TOP_UP_MICROS,
                "currency": CURRENCY,
                "reference": f"demo-{secrets.token_hex(8)}",
            },
        )


def balance(api: Rest) -> int:
    """Micros in the demo's wallet."""
    wallet = _named(api.get("/wallet")["wallets"], CURRENCY, "currency")
    return int(wallet["balance_micros"]) if wallet is not None else 0


def _trunks(operator: Rest, api: Rest, tenant: str, place: Place) -> dict[str, Any]:
    known, path = api.get("/trunks")["trunks"], f"/tenants/{tenant}/trunks"
    if _named(known, _CARRIER) is None:
        operator.post(path, {"name": _CARRIER, "sources": [f"{place.caller_host}/32"]})
    desk: dict[str, Any] = _named(known, _DESK_TRUNK) or operator.post(
        path,
        {
            "name": _DESK_TRUNK,
            "sources": [f"{place.desk_host}/32"],
            "peer_host": place.desk_host,
            "peer_port": _DESK_PORT,
        },
    )
    return desk


def _flow(api: Rest, trunk: str) -> tuple[str, int]:
    prompt = _named(api.get("/prompts?limit=200")["prompts"], _NAME)
    prompt = prompt or api.upload("/prompts", _NAME, chime.wav())
    target = _named(api.get("/targets?limit=200")["targets"], _NAME) or api.post(
        "/targets", {"name": _NAME, "kind": "number", "trunk": trunk, "number": DESK}
    )
    graph = demo_graph(prompt["id"], target["id"])
    found = _named(api.get("/flows?limit=200")["flows"], _NAME)
    if found is None:
        flow = api.post("/flows", {"name": _NAME, "draft": graph})
    else:
        flow = api.get(f"/flows/{found['id']}")
        if flow["draft"] == graph and flow["published_version"] is not None:
            return str(flow["id"]), int(flow["published_version"])
        api.patch(f"/flows/{flow['id']}", {"draft": graph})
    made = api.post(f"/flows/{flow['id']}/publish", {"note": "the demo's"})
    return str(flow["id"]), int(made["version"])


def _number(api: Rest, flow: str) -> None:
    found = _named(api.get("/numbers?limit=200")["numbers"], NUMBER, "e164")
    if found is None or found["status"] != "active":
        api.post("/numbers", {"e164": NUMBER, "flow": flow, "label": _NAME})
    elif found["flow"] != flow:
        api.patch(f"/numbers/{found['id']}", {"flow": flow})


def _webhook(api: Rest, url: str) -> str:
    """Its secret. Each demo listens on another port, and secrets are shown once only."""
    found = _named(api.get("/webhooks")["webhooks"], _RECEIVER, "description")
    if found is None:
        made = api.post("/webhooks", {"url": url, "events": EVENTS, "description": _RECEIVER})
        return str(made["secret"])
    api.patch(f"/webhooks/{found['id']}", {"url": url, "enabled": True})
    return str(api.post(f"/webhooks/{found['id']}/rotate")["secret"])


def _remedy(place: Place, error: ApiRefused) -> str:
    if error.details["code"] != "invalid_webhook":
        return error.message
    return (
        "this installation sends no webhooks to loopback addresses: "
        f'set [egress] allow_networks = ["{place.receiver_host}/32"] in ringfence.toml and '
        "restart it, or start it by `ringfence serve --demo`"
    )
