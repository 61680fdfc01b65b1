"""REST API of OAuth clients and of the request log."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Status

from ringfence.domains.accounts import api
from ringfence.domains.accounts.clients_schemas import (
    ClientChange,
    ClientIn,
    ClientList,
    ClientOut,
    ClientQuery,
    NewClientOut,
    RequestList,
    RequestQuery,
    RotationIn,
    client_out,
    request_out,
)
from ringfence.domains.accounts.contracts import NewClient
from ringfence.domains.accounts.schemas import wanted
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.etag import check_etag
from ringfence.platform_django.http import caller_of, requires, responses

clients_router = Router()


def _client(text: str) -> UUID:
    return parse_public_id(Prefix.OAUTH_CLIENT, text)


def _new_client_out(made: NewClient) -> NewClientOut:
    return NewClientOut(secret=made.secret, **client_out(made.info).model_dump())


@clients_router.get(
    "/clients", response=responses(ClientList, 422), operation_id="list_clients", tags=["keys"]
)
@requires("keys:read")
def list_clients(request: HttpRequest, query: Query[ClientQuery]) -> ClientList:
    """The tenant's OAuth clients, newest first, revoked and expired ones among them."""
    page = api.page_of_clients(
        caller_of(request).tenant_id, before=query.before_id(), limit=query.limit
    )
    cursor = page.next_cursor
    return ClientList(
        clients=[client_out(info) for info in page.clients],
        next=None if cursor is None else public_id(Prefix.OAUTH_CLIENT, cursor),
    )


@clients_router.post(
    "/clients",
    response=responses(NewClientOut, 409, 422, success=201),
    operation_id="create_client",
    tags=["keys"],
)
@requires("keys:write")
def create_client(request: HttpRequest, new: ClientIn) -> Status[NewClientOut]:
    """Make an OAuth client. Its secret is in this answer and never shown again."""
    made = api.create_client(caller_of(request), new.name, wanted(new))
    return Status(201, _new_client_out(made))


@clients_router.get(
    "/clients/{client_id}",
    response=responses(ClientOut, 404, 422),
    operation_id="get_client",
    tags=["keys"],
)
@requires("keys:read")
def get_client(request: HttpRequest, client_id: str) -> ClientOut:
    """One of the tenant's OAuth clients."""
    return client_out(api.get_client(caller_of(request).tenant_id, _client(client_id)))


@clients_router.patch(
    "/clients/{client_id}",
    response=responses(ClientOut, 404, 422),
    operation_id="change_client",
    tags=["keys"],
)
@requires("keys:write")
def change_client(request: HttpRequest, client_id: str, change: ClientChange) -> ClientOut:
    """Rename a client, or set its networks and limit. What it may do never changes: make another
    one."""
    caller, id_ = caller_of(request), _client(client_id)
    check_etag(request, client_out(api.get_client(caller.tenant_id, id_)))
    return client_out(api.change_client(caller, id_, change.given()))


@clients_router.delete(
    "/clients/{client_id}",
    response=responses(None, 404, 422, success=204),
    operation_id="revoke_client",
    tags=["keys"],
)
@requires("keys:write")
def revoke_client(request: HttpRequest, client_id: str) -> Status[None]:
    """Revoke a client: the next request with one of its tokens is refused. It stays in the list."""
    api.revoke_client(caller_of(request).tenant_id, _client(client_id))
    return Status(204, None)


@clients_router.post(
    "/clients/{client_id}/rotate",
    response=responses(NewClientOut, 404, 409, 422),
    operation_id="rotate_client_secret",
    tags=["keys"],
)
@requires("keys:write")
def rotate_client_secret(
    request: HttpRequest, client_id: str, rotation: RotationIn
) -> NewClientOut:
    """Give a client another secret, which is in this answer and never shown again."""
    grace = timedelta(seconds=rotation.grace_seconds)
    return _new_client_out(api.rotate_client_secret(caller_of(request), _client(client_id), grace))


@clients_router.get(
    "/requests", response=responses(RequestList, 422), operation_id="list_requests", tags=["keys"]
)
@requires("keys:read")
def list_requests(request: HttpRequest, query: Query[RequestQuery]) -> RequestList:
    """What was asked of the tenant, by whom and with what outcome, newest first. A request is here
    a second or two after its answer, for as many days as the installation keeps the log."""
    page = api.page_of_requests(
        caller_of(request).tenant_id,
        credential=query.credential_id(),
        status=query.status,
        before=query.before_id(),
        limit=query.limit,
    )
    cursor = page.next_cursor
    return RequestList(
        requests=[request_out(info) for info in page.requests],
        next=None if cursor is None else public_id(Prefix.REQUEST, cursor),
    )
