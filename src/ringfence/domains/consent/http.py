"""REST API of consents and of the wordings that ask for them. No route lists everybody's: evidence
is of one person who is named, so that nobody makes an audience of it."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Query, Router, Status

from ringfence.domains.consent import api
from ringfence.domains.consent.schemas import (
    ConsentCheckIn,
    ConsentIn,
    ConsentList,
    ConsentOut,
    ConsentQuery,
    ConsentStatesOut,
    WordingIn,
    WordingList,
    WordingOut,
    WordingQuery,
    consent_out,
    states_out,
    wording_out,
)
from ringfence.domains.consent.vocabulary import ConsentScope
from ringfence.kernel.ids import Prefix, parse_public_id
from ringfence.platform_django.http import OPENS, caller_of, requires, responses
from ringfence.platform_django.use import current_actor

router = Router(tags=["consents"])
_READ, _WRITE, _WORDINGS = "consents:read", "consents:write", "consents:wordings"


@router.post(
    "/consents",
    response=responses(ConsentOut, 404, 422, success=201),
    operation_id="record_consent",
)
@requires(_WRITE)
def record_consent(request: HttpRequest, body: ConsentIn) -> Status[ConsentOut]:
    """Write down what a person allowed or refused. A refusal holds when this answers."""
    wording = None if body.wording is None else parse_public_id(Prefix.WORDING, body.wording)
    info = api.record(
        caller_of(request).tenant_id,
        body.who(),
        body.scope,
        body.state,
        method=body.method,
        source=body.source,
        wording_id=wording,
        actor=current_actor(),
    )
    return Status(201, consent_out(info))


@router.get(
    "/consents",
    response=responses(ConsentList, 422),
    operation_id="list_consents",
    openapi_extra=OPENS,
)
@requires(_READ)
def list_consents(request: HttpRequest, query: Query[ConsentQuery]) -> ConsentList:
    """What one person said, newest first."""
    person = parse_public_id(Prefix.PERSON, query.person)
    page = api.list_evidence(
        caller_of(request).tenant_id, person, before=query.before, limit=query.limit
    )
    return ConsentList(consents=[consent_out(one) for one in page.evidence], next=page.next_cursor)


@router.post(
    "/consents/check",
    response=responses(ConsentStatesOut, 422),
    operation_id="check_consent",
)
@requires(_READ)
def check_consent(request: HttpRequest, body: ConsentCheckIn) -> ConsentStatesOut:
    """What a person allows now. Ask right before the use: it changes nothing and is not kept."""
    scopes = tuple(ConsentScope) if body.scope is None else (body.scope,)
    return states_out(api.stands_of(caller_of(request).tenant_id, body.who(), scopes))


@router.post(
    "/consent-wordings",
    response=responses(WordingOut, 422, success=201),
    operation_id="create_consent_wording",
)
@requires(_WORDINGS)
def create_consent_wording(request: HttpRequest, body: WordingIn) -> Status[WordingOut]:
    """A text to ask by. Another text is another version; the same as the last one is that one."""
    info = api.create_wording(
        caller_of(request).tenant_id,
        body.scope,
        body.language,
        body.text,
        actor=current_actor(),
    )
    return Status(201, wording_out(info))


@router.get(
    "/consent-wordings",
    response=responses(WordingList, 422),
    operation_id="list_consent_wordings",
)
@requires(_READ)
def list_consent_wordings(request: HttpRequest, query: Query[WordingQuery]) -> WordingList:
    """All versions of all wordings."""
    found = api.list_wordings(caller_of(request).tenant_id, query.scope)
    return WordingList(wordings=[wording_out(one) for one in found])


@router.get(
    "/consent-wordings/{wording_id}",
    response=responses(WordingOut, 404, 422),
    operation_id="get_consent_wording",
)
@requires(_READ)
def get_consent_wording(request: HttpRequest, wording_id: str) -> WordingOut:
    """One wording, as it was shown."""
    id_ = parse_public_id(Prefix.WORDING, wording_id)
    return wording_out(api.get_wording(caller_of(request).tenant_id, id_))
