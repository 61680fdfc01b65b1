"""Somebody says who they are and what they want; a code goes to where only they get it.

Nothing of the answer, nor of what is done for it, depends on whether anything is held of them.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connections
from django.utils.crypto import salted_hmac
from procrastinate.contrib.django import app

from ringfence.domains.portal.contracts import Busy, NoCalls, NoContact, PortalInfo, Wish
from ringfence.domains.portal.models import Visit
from ringfence.domains.portal.queries import TOKEN_BYTES, browser_hash
from ringfence.domains.portal.rules import visit as rules
from ringfence.domains.portal.rules.contact import Contact, parse_contact
from ringfence.domains.privacy.api import find_person
from ringfence.domains.privacy.contracts import Jurisdiction
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.keys import keys
from ringfence.platform_django.sealed import seal_field
from ringfence.platform_django.tenancy import APP, tenant

CODE_TASK = "portal.send_code"
_AT_ONCE = [wish for wish in Wish if wish.at_once]
ACTOR = "portal"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the browser keeps, and how the code comes."""

    browser: bytes
    by_call: bool


def ask_code(
    portal: PortalInfo, told: str, wish: Wish, jurisdiction: Jurisdiction, address: str
) -> Asked:
    """Send a code to a number or address. ``address``: the network address it was asked from.

    Raises NoContact, NoCalls, Busy, Unavailable.
    """
    contact = parse_contact(told)
    if contact is None:
        raise NoContact("give a telephone number or an e-mail address")
    by_call = contact.kind == "e164"
    if by_call and portal.caller_id is None:
        raise NoCalls("this portal sends codes by mail")
    now, tenant_id = clock().now(), portal.tenant_id
    person = find_person(tenant_id, Identifier(contact.kind, contact.text), actor=ACTOR)
    browser = secrets.token_bytes(TOKEN_BYTES)
    row = new_visit(portal, contact, wish, jurisdiction, address, browser)
    row.by_call, row.person_id = by_call, person
    row.state, row.expires_at = rules.State.ASKED, now + rules.CODE_LASTS
    with tenant(tenant_id):
        one_at_a_time(tenant_id)
        answer = rules.answer(counts(row, now), by_call=by_call)
        if answer is rules.Answer.BUSY:
            raise Busy("too many codes were asked for")
        if answer is rules.Answer.SEND:
            _make_code(row, contact)
        row.save(using=APP, force_insert=True)
        if row.contact_sealed is not None:
            app.configure_task(CODE_TASK).defer(visit=row.id.hex)
    return Asked(browser, by_call)


def new_visit(
    portal: PortalInfo,
    contact: Contact,
    wish: Wish,
    jurisdiction: Jurisdiction,
    address: str,
    browser: bytes,
) -> Visit:
    """A visit that is over, of nobody; not stored."""
    now, tenant_id = clock().now(), portal.tenant_id
    return Visit(
        id=new_id(),
        tenant_id=tenant_id,
        browser_hash=browser_hash(browser),
        subject_hash=_hidden(tenant_id, "subject", f"{contact.kind}:{contact.text}"),
        address_hash=_hidden(tenant_id, "address", address),
        wish=wish,
        jurisdiction=jurisdiction,
        by_call=False,
        state=rules.State.ENDED,
        asked_at=now,
        expires_at=now,
    )


def code_hash(visit_id: UUID, code: str) -> bytes:
    """What stands in the row for a code; it is of this visit alone."""
    return salted_hmac(
        "ringfence.portal.code", visit_id.bytes + code.encode(), algorithm="sha256"
    ).digest()


def _make_code(row: Visit, contact: Contact) -> None:
    """A code, to be sent to whoever the contact means."""
    code = f"{secrets.randbelow(10**rules.CODE_DIGITS):0{rules.CODE_DIGITS}}"
    row.code_hash = code_hash(row.id, code)
    # not the contact: what the tenant's key opens outlives an erasure, in the log
    (told,) = keys().resolve(row.tenant_id, [Identifier(contact.kind, contact.text)])
    row.contact_sealed = seal_field(
        row, "contact_sealed", {"person": told.person.hex, "code": code}
    )


def counts(row: Visit, now: datetime) -> rules.Counts:
    """What came before it. Opt-outs and reports keep nobody from a code."""
    rows = Visit.objects.using(APP).filter(tenant_id=row.tenant_id)
    hour = rows.filter(asked_at__gt=now - rules.HOUR)
    own = rows.filter(subject_hash=row.subject_hash).exclude(wish__in=_AT_ONCE)
    return rules.Counts(
        subject_hour=own.filter(asked_at__gt=now - rules.HOUR).count(),
        subject_day=own.filter(asked_at__gt=now - rules.DAY).count(),
        address_hour=hour.filter(address_hash=row.address_hash).count(),
        tenant_hour=hour.count(),
        tenant_calls_hour=hour.filter(by_call=True).count(),
    )


def one_at_a_time(tenant_id: UUID) -> None:
    """Whoever asks at the same moment is counted too."""
    with connections[APP].cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 44))", [f"portal:{tenant_id.hex}"]
        )


def _hidden(tenant_id: UUID, what: str, text: str) -> bytes:
    return salted_hmac(
        f"ringfence.portal.{what}", tenant_id.bytes + text.encode(), algorithm="sha256"
    ).digest()
