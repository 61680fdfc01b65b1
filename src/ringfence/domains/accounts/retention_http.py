"""REST API of how long a tenant's data is kept."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import ConfigDict, Field

from ringfence.domains.accounts import api
from ringfence.domains.accounts.contracts import KeptInfo
from ringfence.platform_django.etag import check_etag
from ringfence.platform_django.http import caller_of, requires, responses

retention_router = Router(tags=["privacy"])
_Days = Annotated[int, Field(ge=1, le=36_500)]


class KeptOut(Schema):
    """Whole days after the day that something is of: between ``least`` and ``most`` the tenant may
    choose; ``days`` is what holds."""

    days: int
    chosen: int | None
    """null: the tenant chose nothing, and ``installed`` holds."""
    clamped: bool
    """The policy that binds the tenant by now does not allow ``chosen``: the nearest number that it
    allows holds."""
    installed: int
    least: int
    most: int


class RetentionOut(Schema):
    """How long each kind of data is kept."""

    call_records: KeptOut
    recordings: KeptOut
    customer_recordings: KeptOut
    """Recordings that the customer's own key opens."""


class RetentionChange(Schema):
    """What is left out stays; null: as installed."""

    model_config = ConfigDict(extra="forbid")

    call_records: _Days | None = None
    recordings: _Days | None = None
    customer_recordings: _Days | None = None


@retention_router.get("/retention", response=responses(RetentionOut), operation_id="get_retention")
@requires("settings:read")
def get_retention(request: HttpRequest) -> RetentionOut:
    """How long the tenant's data is kept, and what it may choose."""
    return _out(api.get_retention(caller_of(request).tenant_id))


@retention_router.patch(
    "/retention", response=responses(RetentionOut, 422), operation_id="choose_retention"
)
@requires("settings:write")
def choose_retention(request: HttpRequest, change: RetentionChange) -> RetentionOut:
    """Choose how long. A shorter time ends what is older within the hour, and nothing brings it
    back; a longer one holds for what is still there."""
    tenant_id = caller_of(request).tenant_id
    check_etag(request, _out(api.get_retention(tenant_id)))
    return _out(api.choose_retention(tenant_id, change.model_dump(exclude_unset=True)))


def _out(kept: tuple[KeptInfo, ...]) -> RetentionOut:
    return RetentionOut(
        **{
            one.rule: KeptOut(
                days=one.days,
                chosen=one.chosen,
                clamped=one.clamped,
                installed=one.installed,
                least=one.least,
                most=one.most,
            )
            for one in kept
        }
    )
