"""REST API of the published policy: what binds a customer, and its consent to what is worse."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import ConfigDict, Field

from ringfence.domains.policy import api
from ringfence.domains.policy.contracts import BindingInfo, OrderInfo, VersionInfo
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.http import caller_of, operator_only, requires, responses
from ringfence.platform_django.use import current_actor
from ringfence.policies.profiles import NAMES

router = Router(tags=["policy"])


class PolicyChangeOut(Schema):
    """A clause ``added`` or ``removed``, or a value ``changed``; ``reduces``: for the worse."""

    kind: str
    what: str
    before: str | None
    after: str | None
    """Texts as they are, everything else as JSON."""
    reduces: bool


class PolicyVersionOut(Schema):
    """A published version of the privacy policy; its page is ``/policy/versions/{number}/``."""

    number: int
    profile: str
    profile_hash: str
    digest: str
    """SHA-256 over the page, what it rests on, and the digest of the version before it."""
    published_at: datetime
    effective_at: datetime
    needs_consent: bool
    changes: list[PolicyChangeOut]


class PolicyBindingOut(Schema):
    """Which version binds the tenant."""

    tenant: str
    bound: PolicyVersionOut | None
    awaits: PolicyVersionOut | None
    """In force for others. It reduces rights: it binds once it is accepted."""
    coming: PolicyVersionOut | None
    """Not in force yet."""


class PolicyAcceptIn(Schema):
    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1, le=2_000_000_000)


class ExaminationIn(Schema):
    model_config = ConfigDict(extra="forbid")

    profile: Literal[NAMES]  # type: ignore[valid-type]  # the names stand in a constant


class ExaminationOut(Schema):
    """An examination of the installation's promises; what it saw stands on ``/policy/board/``."""

    profile: str
    ordered_at: datetime
    step: str
    """What it is at; empty while it waits for the worker."""
    ended_at: datetime | None
    failed: str
    """Why there is no report."""


@router.post(
    "/promises/examinations",
    response=responses(ExaminationOut, 422, success=202),
    operation_id="order_examination",
)
@operator_only
@requires("promises:verify")
def order_examination(request: HttpRequest, body: ExaminationIn) -> Status[ExaminationOut]:
    """Have the installation examined under a profile. While that goes on, it is no new one."""
    return Status(202, _examination(api.order_examination(body.profile, actor=current_actor())))


@router.get(
    "/promises/examinations/{profile}",
    response=responses(ExaminationOut, 404),
    operation_id="get_examination",
)
@operator_only
@requires("promises:verify")
def get_examination(request: HttpRequest, profile: str) -> ExaminationOut:
    """The examination that was last asked for under a profile, and how far it is."""
    return _examination(api.get_order(profile))


def _examination(info: OrderInfo) -> ExaminationOut:
    return ExaminationOut(
        profile=info.profile,
        ordered_at=info.ordered_at,
        step=info.step,
        ended_at=info.ended_at,
        failed=info.failed,
    )


@router.get("/policy", response=responses(PolicyBindingOut), operation_id="get_policy_binding")
@requires("settings:read")
def get_policy_binding(request: HttpRequest) -> PolicyBindingOut:
    """Which version of the privacy policy binds the tenant, and what comes."""
    tenant = caller_of(request).tenant_id
    return _out(tenant, api.binding_of(tenant))


@router.post(
    "/policy/accept",
    response=responses(PolicyBindingOut, 404, 409, 422),
    operation_id="accept_policy",
)
@requires("settings:write")
def accept_policy(request: HttpRequest, body: PolicyAcceptIn) -> PolicyBindingOut:
    """Accept a version that is newer than the one that binds."""
    tenant = caller_of(request).tenant_id
    return _out(tenant, api.accept_version(tenant, body.version, actor=current_actor()))


def _out(tenant: UUID, info: BindingInfo) -> PolicyBindingOut:
    return PolicyBindingOut(
        tenant=public_id(Prefix.TENANT, tenant),
        bound=_version(info.bound),
        awaits=_version(info.awaits),
        coming=_version(info.coming),
    )


def _version(info: VersionInfo | None) -> PolicyVersionOut | None:
    if info is None:
        return None
    return PolicyVersionOut(
        number=info.number,
        profile=info.profile,
        profile_hash=info.profile_hash,
        digest=info.digest,
        published_at=info.published_at,
        effective_at=info.effective_at,
        needs_consent=info.needs_consent,
        changes=[
            PolicyChangeOut(
                kind=change["kind"],
                what=change["what"],
                before=_spelled(change["before"]),
                after=_spelled(change["after"]),
                reduces=change["reduces"],
            )
            for change in info.changes
        ],
    )


def _spelled(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
