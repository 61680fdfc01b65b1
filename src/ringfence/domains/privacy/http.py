"""REST API of erasures."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import ConfigDict

from ringfence.domains.privacy import api
from ringfence.domains.privacy.contracts import ErasureInfo
from ringfence.kernel.errors import InvalidInput
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.http import caller_of, requires, responses
from ringfence.platform_django.use import current_actor

router = Router(tags=["privacy"])


class NobodyNamed(InvalidInput):
    """An erasure is of one person: give a number in E.164, or the id of a person."""

    code = "nobody_named"


class ErasureIn(Schema):
    """Who is to be erased: exactly one of both."""

    model_config = ConfigDict(extra="forbid")

    number: str | None = None
    """E.164."""
    person: str | None = None
    """``PE`` and 32 hex digits, or these alone."""


class ErasureOut(Schema):
    """How far an erasure is: ``ordered``, ``destroyed`` (no key exists any more), ``cleaned``."""

    id: str
    state: str
    ordered_at: datetime
    destroyed_at: datetime | None
    cleaned_at: datetime | None
    items: int
    rows: int
    escrowed: int
    certificate: dict[str, Any] | None
    """Once it is ``cleaned``: what was destroyed by which rule, signed by the installation
    (Ed25519); ``tools/recheck.py`` checks it."""


@router.post(
    "/erasures", response=responses(ErasureOut, 404, 422, success=202), operation_id="erase_person"
)
@requires("privacy:erase")
def erase_person(request: HttpRequest, body: ErasureIn) -> Status[ErasureOut]:
    """Erase a person. Accepted when it is ordered; a job carries it out."""
    if (body.number is None) == (body.person is None):
        raise NobodyNamed("give either a number or a person")
    tenant, actor = caller_of(request).tenant_id, current_actor()
    if body.number is not None:
        identifier = Identifier("e164", body.number)
        if identifier.normal() is None:
            raise NobodyNamed("the number is not in E.164")
        info = api.request_identifier_erasure(tenant, identifier, actor=actor)
    else:
        info = api.request_erasure(tenant, _person(body.person or ""), actor=actor)
    return Status(202, _out(info))


@router.get(
    "/erasures/{erasure_id}", response=responses(ErasureOut, 404, 422), operation_id="get_erasure"
)
@requires("privacy:erase")
def get_erasure(request: HttpRequest, erasure_id: str) -> ErasureOut:
    """How far an erasure is."""
    id_ = parse_public_id(Prefix.ERASURE, erasure_id)
    return _out(api.get_erasure(caller_of(request).tenant_id, id_))


def _person(text: str) -> UUID:
    return parse_public_id(Prefix.PERSON, text if len(text) != 32 else f"{Prefix.PERSON}{text}")


def _out(info: ErasureInfo) -> ErasureOut:
    return ErasureOut(
        id=public_id(Prefix.ERASURE, info.id),
        state=info.state,
        ordered_at=info.ordered_at,
        destroyed_at=info.destroyed_at,
        cleaned_at=info.cleaned_at,
        items=info.items,
        rows=info.rows,
        escrowed=info.escrowed,
        certificate=None if info.certificate is None else dict(info.certificate),
    )
