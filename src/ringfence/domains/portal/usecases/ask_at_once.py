"""Somebody opts out, or says that somebody is a child: at once, and whoever they are.

A code would ask more of them than is needed (11 CCR 7026(d)): what is wrongly opted out of harms
nobody, and the person sees it among their requests. A parent has not the child's telephone; what is
wrongly reported is used again once an officer lifted it, and nothing is lost until they confirm it.
"""

from __future__ import annotations

import secrets

from ringfence.domains.portal.contracts import Busy, NoContact, PortalInfo, Wish
from ringfence.domains.portal.queries import TOKEN_BYTES
from ringfence.domains.portal.rules import visit as rules
from ringfence.domains.portal.rules.contact import parse_contact
from ringfence.domains.portal.usecases.ask_code import ACTOR, counts, new_visit, one_at_a_time
from ringfence.domains.privacy import api as privacy
from ringfence.domains.privacy.contracts import Channel, Jurisdiction, RightsKind
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.clock import clock
from ringfence.platform_django.tenancy import APP, tenant


def ask_at_once(
    portal: PortalInfo, told: str, wish: Wish, jurisdiction: Jurisdiction, address: str
) -> bytes:
    """It holds when this returns; what the browser keeps. ``address``: the network address it was
    asked from. Raises NoContact, Busy, Unavailable."""
    contact = parse_contact(told)
    if contact is None:
        raise NoContact("give a telephone number or an e-mail address")
    browser = secrets.token_bytes(TOKEN_BYTES)
    row = new_visit(portal, contact, wish, jurisdiction, address, browser)
    with tenant(portal.tenant_id):
        one_at_a_time(portal.tenant_id)
        if not rules.may_ask_at_once(counts(row, clock().now())):
            raise Busy("too much was asked for from there")
        made = privacy.request_rights(
            portal.tenant_id,
            Identifier(contact.kind, contact.text),
            RightsKind(wish),
            jurisdiction,
            Channel.PORTAL,
            actor=ACTOR,
        )
        row.person_id, row.request_id = made.person, made.id
        row.save(using=APP, force_insert=True)
    return browser
