"""A tenant of the examiner's own that lives through real calls before it is examined.

To the installation it is a tenant like any other: made and asked through the public API, called by
a SIP phone over loopback.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

from ringfence.entry.demo.installation import sip_uri
from ringfence.entry.demo.offer import loopback_of
from ringfence.entry.demo.own_key import OwnKey, listen, record_calls
from ringfence.entry.demo.rest import ApiRefused, Rest
from ringfence.entry.demo.setup import operator_secret, tenant_named
from ringfence.entry.promises.calling import (
    DESK_PORT,
    CanaryDied,
    call,
    ended,
    recorded,
    stored,
    tenant_api,
    wait_for,
)
from ringfence.entry.promises.site import Canary, Connection
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.ids import Prefix, parse_public_id
from ringfence.platform.settings import Settings
from ringfence.policies.profiles import Profile
from ringfence.policies.profiles.service_vocabulary import Custody

T = TypeVar("T")
_KEY_NAME = "examination"
_NAMES = ("Examined", "Examined, quiet")
_CLOSED = "Examined, closed"
_NUMBERS = ("+12025550161", "+12025550162")
_SCOPES = (
    *("calls:read", "numbers:read", "numbers:write", "recordings:read", "recordings:write"),
    *("consents:read", "consents:write", "consents:wordings", "trunks:read"),
)
_RIGHTS_SCOPES = ("privacy:rights", "privacy:erase")
_BRIEF_SCOPES = ("devices:write", "webhooks:write")
_OPERATOR_SCOPES = ("tenants:provision", "tenants:read", "tenants:write", "trunks:write")
_ROLES = ("caller", "callee")
_KEY_LIFE = timedelta(hours=1)
_READS = 100


def bring_to_life(settings: Settings, database: Connection, profile: Profile) -> Canary:
    """Make or find both tenants, place a call to each, and wait for what comes of it: some ten
    seconds. Where the profile, or what binds the tenant, leaves the keys of recordings to the
    customer, the examiner holds the canary's. Raises CanaryDied, DemoFailed where no phone on
    loopback reaches the platform."""
    web = settings.web
    base = f"http://{web.host}:{web.port}/api/v1"
    ends = SystemClock().now() + _KEY_LIFE
    operator = Rest(base, operator_secret(_KEY_NAME, _OPERATOR_SCOPES, ends))
    net = loopback_of(settings.data_dir)
    hosts, desk = (f"{net}.5", f"{net}.7"), f"{net}.6"
    caller = f"+1212555{secrets.randbelow(10_000):04}"
    refuser = f"+1415555{secrets.randbelow(10_000):04}"
    try:
        tenants = [tenant_named(operator, name) for name in _NAMES]
        apis = [tenant_api(operator, base, tenant, ends.isoformat(), _SCOPES) for tenant in tenants]
        for tenant, api, host, number in zip(tenants, apis, hosts, _NUMBERS, strict=True):
            _reachable(operator, api, tenant, host, number, desk)
        alone = profile.recordings.key_custody == Custody.CUSTOMER
        key = record_calls(apis[0], alone=alone)
        until: list[Callable[[], object]] = [partial(recorded, apis[0], caller), lambda: True]
        placed = tuple(
            asyncio.run(call(api, host, number, desk, caller, sip_uri(settings, number), talking))
            for api, host, number, talking in zip(apis, hosts, _NUMBERS, until, strict=True)
        )
        _refuse(apis[0], refuser)
        asyncio.run(
            call(
                apis[0], hosts[0], _NUMBERS[0], desk, refuser, sip_uri(settings, _NUMBERS[0]),
                lambda: True,
            )
        )  # fmt: skip
        refused = wait_for(partial(ended, apis[0], refuser), "the record of a call not recorded")
        calls = [wait_for(partial(ended, api, caller), "its call record") for api in apis]
        recording = wait_for(partial(stored, apis[0], calls[0]), "its recording")
        closed = _closed(operator, base, ends.isoformat())
        rights = tenant_api(operator, base, tenants[0], ends.isoformat(), _RIGHTS_SCOPES)
        _ask(rights, caller)
        _mark(rights, f"+1303555{secrets.randbelow(10_000):04}")
        since = SystemClock().now().isoformat()
        for _ in range(_READS):
            apis[0].get(f"/calls/{calls[0]}")
        return Canary(
            tenant=parse_public_id(Prefix.TENANT, tenants[0]),
            quiet=parse_public_id(Prefix.TENANT, tenants[1]),
            closed=parse_public_id(Prefix.TENANT, closed),
            api=apis[0],
            caller=caller,
            call=parse_public_id(Prefix.CALL, calls[0]),
            quiet_call=parse_public_id(Prefix.CALL, calls[1]),
            refused_call=parse_public_id(Prefix.CALL, refused),
            placed=placed,
            recording=recording,
            key=key,
            tracks=_tracks(database, parse_public_id(Prefix.RECORDING, recording)),
            audio={role: played(apis[0], recording, role, key) for role in _ROLES},
            reads=_READS,
            since=since,
        )
    except ApiRefused as error:
        raise CanaryDied(error.message) from None


def _refuse(api: Rest, number: str) -> None:
    """Somebody agrees to be recorded, and thinks better of it."""
    asked = {"scope": "recording", "language": "en", "text": "May we record your calls?"}
    wording = api.post("/consent-wordings", asked)["id"]
    said = {"number": number, "scope": "recording", "method": "spoken", "source": "examination"}
    api.post("/consents", said | {"state": "granted", "wording": wording})
    api.post("/consents", said | {"state": "withdrawn"})


def _closed(operator: Rest, base: str, expires_at: str) -> str:
    """A tenant with credentials of each kind that needs no person, closed at once; the first time
    alone: one that ended stays what it is."""
    tenant = tenant_named(operator, _CLOSED)
    if operator.get(f"/tenants/{tenant}")["status"] != "closed":
        api = tenant_api(operator, base, tenant, expires_at, _BRIEF_SCOPES)
        device = f"examined-{secrets.token_hex(4)}"
        api.post("/devices", {"name": "Examined", "username": device})
        hook = {"url": "https://examined.invalid/", "events": ["call.ended"]}
        api.post("/webhooks", hook)
        operator.post(f"/tenants/{tenant}/close")
    return tenant


def _reachable(operator: Rest, api: Rest, tenant: str, host: str, number: str, desk: str) -> None:
    if not api.get("/trunks")["trunks"]:
        trunk = {"name": "Examiner's phone", "sources": [f"{host}/32"]}
        operator.post(f"/tenants/{tenant}/trunks", trunk)
    numbers = api.get("/numbers?limit=200")["numbers"]
    if not any(one["e164"] == number and one["status"] == "active" for one in numbers):
        rings = [{"sip": f"sip:desk@{desk}:{DESK_PORT}"}]
        api.post("/numbers", {"e164": number, "dial": rings, "label": "Examined"})


def _ask(api: Rest, caller: str) -> None:
    """Who called wants no marketing by their call records, and a copy of what is held of them."""
    no = {"kind": "opt_out_cpni", "number": caller, "jurisdiction": "us-ca", "channel": "note"}
    api.post("/rights-requests", no)
    asked = {"kind": "access", "number": caller, "jurisdiction": "us-ca", "channel": "note"}
    path = f"/rights-requests/{api.post('/rights-requests', asked)['id']}"
    api.post(f"{path}/verify", {"method": "callback"})
    wait_for(lambda: api.get(path)["state"] == "done" or None, "the copy of its data")


def _mark(api: Rest, number: str) -> None:
    """Somebody becomes known, and is a child."""
    about = {"number": number, "jurisdiction": "us-ca", "channel": "note"}
    api.post("/rights-requests", about | {"kind": "opt_out_sale"})
    made = api.post("/rights-requests", about | {"kind": "child", "marked": True})
    path = f"/rights-requests/{made['id']}"
    wait_for(lambda: api.get(path)["state"] == "done" or None, "the erasure of a child")


def _tracks(database: Connection, recording: UUID) -> dict[str, UUID]:
    rows = database.execute(
        "SELECT role, id FROM recordings_track WHERE recording_id = %s", [recording]
    ).fetchall()
    database.rollback()
    return dict(rows)


def played(api: Rest, recording: str, role: str, key: OwnKey | None) -> str:
    """SHA-256 of the audio of one track, as who may open it hears it now. Raises ApiRefused."""
    return hashlib.sha256(listen(api, recording, role, key)).hexdigest()
