"""The code that was told is typed in; what was wished is asked for in the person's name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.utils.crypto import constant_time_compare

from ringfence.domains.portal.contracts import NotProven, PortalInfo, Wish
from ringfence.domains.portal.models import Visit
from ringfence.domains.portal.queries import browser_hash, course_of, own_request, visit_info
from ringfence.domains.portal.rules import visit as rules
from ringfence.domains.portal.usecases.ask_code import ACTOR, code_hash
from ringfence.domains.privacy import api as privacy
from ringfence.domains.privacy.contracts import (
    Channel,
    Jurisdiction,
    Method,
    Refusal,
    RightsInfo,
    RightsKind,
    RightsRequestNotFound,
    RightsState,
)
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import APP, tenant

_NOBODY = UUID(int=0)
_NOT_YET = (Wish.STATUS, Wish.DELETION, Wish.CORRECTION)
_OPEN = (RightsState.RECEIVED, RightsState.VERIFIED, RightsState.RUNNING)


def prove(portal: PortalInfo, browser: bytes, code: str) -> bool:
    """Whether the code is right: once, in the browser that asked for it, within its time and tries.

    What is asked without consequence is asked for at once; a deletion is confirmed first, and of a
    correction the person says first what is wrong.
    """
    code = "".join(character for character in code if character.isdigit())
    with _visit(portal, browser) as row:
        if row is None:
            code_hash(_NOBODY, code)  # the same work
            return False
        now = clock().now()
        good = rules.now_is(course_of(row), now) is rules.State.ASKED
        given = code_hash(row.id, code)
        kept = bytes(row.code_hash) if row.code_hash is not None else code_hash(_NOBODY, "")
        right = constant_time_compare(given, kept) and good and row.code_hash is not None
        _happen(row, rules.Event.CODE_RIGHT if right else rules.Event.CODE_WRONG)
        if right:
            row.code_hash = row.contact_sealed = None
            if row.wish not in _NOT_YET:
                _ask(portal, row)
        return right


def confirm(portal: PortalInfo, browser: bytes) -> RightsInfo:
    """What was wished and not asked for yet is asked for; a second time gives the same.

    Raises NotProven.
    """
    with _proven(portal, browser) as row:
        if row.wish in (Wish.STATUS, Wish.CORRECTION):
            raise NotProven("nothing was wished")
        return _ask(portal, row)


def correct(portal: PortalInfo, browser: bytes, statement: str) -> RightsInfo:
    """The person says what is wrong and what is right; a second time gives the same.

    Raises NotProven, StatementUnfit where nothing is said.
    """
    with _proven(portal, browser) as row:
        if row.wish != Wish.CORRECTION:
            raise NotProven("no correction was wished")
        return _ask(portal, row, statement)


def appeal(portal: PortalInfo, browser: bytes, request_id: UUID) -> RightsInfo:
    """Appeal one of the person's own requests. Raises NotProven, RightsRequestNotFound,
    CannotAppeal."""
    with _proven(portal, browser) as row:
        own_request(visit_info(row), request_id)
        made = privacy.appeal_refusal(portal.tenant_id, request_id, Channel.PORTAL)
        return privacy.verify_request(portal.tenant_id, made.id, Method.CODE_SENT, actor=ACTOR)


def permit(portal: PortalInfo, browser: bytes, request_id: UUID) -> RightsInfo:
    """The person says that who asks for them may: it is verified by that. Raises NotProven,
    RightsRequestNotFound, WrongRightsState, AuthorityExpired."""
    with _proven(portal, browser) as row:
        made = privacy.confirm_authority(portal.tenant_id, request_id, _person(row))
        if made.kind is RightsKind.DELETION and portal.officer_confirms:
            return made
        return privacy.verify_request(portal.tenant_id, request_id, Method.AUTHORITY, actor=ACTOR)


def forbid(portal: PortalInfo, browser: bytes, request_id: UUID) -> RightsInfo:
    """Nobody may ask this for the person. Raises NotProven, RightsRequestNotFound,
    WrongRightsState."""
    with _proven(portal, browser) as row:
        found = privacy.get_rights_request(portal.tenant_id, request_id)
        if found.person != _person(row) or not privacy.needs_confirmation(found.authority):
            raise RightsRequestNotFound("no such request")
        return privacy.refuse_request(
            portal.tenant_id, request_id, Refusal.NOT_VERIFIED, actor=ACTOR
        )


def leave(portal: PortalInfo, browser: bytes) -> None:
    """End the visit; its cookie opens nothing any more."""
    with _visit(portal, browser) as row:
        if row is not None:
            _happen(row, rules.Event.LEAVE)
            row.code_hash = row.contact_sealed = None


def _person(row: Visit) -> UUID:
    """Not whoever proved the number before: the very person whom it means now."""
    if row.person_id is None:
        raise RightsRequestNotFound("no such request")
    return row.person_id


def _ask(portal: PortalInfo, row: Visit, statement: str = "") -> RightsInfo:
    """One request for a visit; one that is open already is not made twice, but for a correction:
    each says something else."""
    tenant_id = portal.tenant_id
    if row.request_id is not None:
        return privacy.get_rights_request(tenant_id, row.request_id)
    kind = RightsKind(row.wish)
    if row.person_id is not None and kind is not RightsKind.CORRECTION:
        for one in privacy.requests_of_person(tenant_id, row.person_id):
            if one.kind is kind and one.state in _OPEN and one.channel is Channel.PORTAL:
                row.request_id = one.id
                return one
    made = privacy.request_rights(
        tenant_id,
        row.person_id,
        kind,
        Jurisdiction(row.jurisdiction),
        Channel.PORTAL,
        statement=statement,
        actor=ACTOR,
    )
    if not (kind is RightsKind.DELETION and portal.officer_confirms):
        made = privacy.verify_request(tenant_id, made.id, Method.CODE_SENT, actor=ACTOR)
    row.request_id = made.id
    return made


_CHANGED = (
    "state", "tries", "proven_at", "code_hash", "contact_sealed", "request_id",
)  # fmt: skip


@contextmanager
def _visit(portal: PortalInfo, browser: bytes) -> Iterator[Visit | None]:
    """The browser's visit, for nobody else until the block ends; then it is saved."""
    with tenant(portal.tenant_id):
        rows = Visit.objects.using(APP).select_for_update()
        row = rows.filter(tenant_id=portal.tenant_id, browser_hash=browser_hash(browser)).first()
        yield row
        if row is not None:
            row.save(using=APP, update_fields=_CHANGED)


@contextmanager
def _proven(portal: PortalInfo, browser: bytes) -> Iterator[Visit]:
    with _visit(portal, browser) as row:
        if row is None or rules.now_is(course_of(row), clock().now()) is not rules.State.PROVEN:
            raise NotProven("nobody proved in this browser who they are")
        yield row


def _happen(row: Visit, event: rules.Event) -> None:
    after = rules.after(course_of(row), event, clock().now())
    row.state, row.tries, row.proven_at = after.state, after.tries, after.proven_at
