"""Somebody allows or refuses something: it is written down, and holds from the next use on."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from django.db import transaction

from ringfence.domains.consent.contracts import (
    EvidenceInfo,
    SignalSaysNo,
    SubjectInvalid,
    SubjectUnknown,
    WordingNotFound,
    WordingRequired,
)
from ringfence.domains.consent.models import Evidence, Wording
from ringfence.domains.consent.queries import evidence_info
from ringfence.domains.consent.rules.chain import Facts, digest_of, hash_of
from ringfence.domains.consent.usecases.chain_lock import lock_chain
from ringfence.domains.consent.usecases.settle import forbid, settle, stop_recordings
from ringfence.domains.consent.vocabulary import (
    GPC_SCOPES,
    REFUSALS,
    ConsentMethod,
    ConsentScope,
    ConsentState,
)
from ringfence.domains.webhooks.api import enqueue
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.keys.errors import KeyDestroyed, KeyUnknown
from ringfence.platform.keys.persons import Identifier
from ringfence.platform.keys.subjects import StateChange
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.keys import keys
from ringfence.platform_django.sealed import Opened, seal_field
from ringfence.platform_django.tenancy import APP, tenant

CHANGED = "consent.changed"


def record(
    tenant_id: UUID,
    subject: UUID | Identifier,
    scope: ConsentScope,
    state: ConsentState,
    *,
    method: ConsentMethod,
    source: str = "",
    wording_id: UUID | None = None,
    actor: str,
) -> EvidenceInfo:
    """Write down what a person said of one scope; part of the caller's transaction, if there is
    one.

    ``subject``: the id of a person whom the tenant knows, or a number or e-mail address, which
    makes them known. ``source``: where it was said (the id of a call, a page); it is sealed with
    the person. Who grants something was asked by a wording. A refusal binds the key store before
    this returns, also when the transaction is rolled back then; a grant once it has committed. A
    refused recording that is under way stops once it has committed.

    Raises SubjectInvalid, SubjectUnknown, WordingRequired, WordingNotFound, SignalSaysNo,
    Unavailable, django.db.Error.
    """
    if method is ConsentMethod.GPC_SIGNAL and (scope not in GPC_SCOPES or state not in REFUSALS):
        raise SignalSaysNo("the signal refuses the sale or sharing of data and targeted ads alone")
    if state is ConsentState.GRANTED and wording_id is None:
        raise WordingRequired("by which wording was it asked for?")
    person = _person(tenant_id, subject, actor)
    with tenant(tenant_id):
        wording = None
        if wording_id is not None:
            wording = Wording.objects.using(APP).filter(id=wording_id, scope=scope).first()
            if wording is None:
                raise WordingNotFound("no such wording of this scope")
        lock_chain(tenant_id)
        if state in REFUSALS:
            forbid(tenant_id, person, scope, actor=actor)
        row = _append(tenant_id, person, scope, state, method, wording, source, subject, actor)
        enqueue(tenant_id, CHANGED, _told(row), key=row.id.hex)
        transaction.on_commit(partial(settle, tenant_id, person, row.id, actor=actor), using=APP)
        if scope is ConsentScope.RECORDING and state in REFUSALS:
            stop_recordings(tenant_id, person)
    return evidence_info(row, Opened(source or None))


def _person(tenant_id: UUID, subject: UUID | Identifier, actor: str) -> UUID:
    """Durable in the key store before any row names them."""
    if isinstance(subject, Identifier):
        if subject.normal() is None:
            raise SubjectInvalid("this tells nobody from anybody else")
        (found,) = keys().resolve(tenant_id, [subject])
        return found.person
    try:
        keys().choose(tenant_id, subject, StateChange(), actor=actor)
    except (KeyDestroyed, KeyUnknown):
        raise SubjectUnknown("nobody of this tenant is meant") from None
    return subject


def _append(
    tenant_id: UUID,
    person: UUID,
    scope: ConsentScope,
    state: ConsentState,
    method: ConsentMethod,
    wording: Wording | None,
    source: str,
    subject: UUID | Identifier,
    actor: str,
) -> Evidence:
    rows = Evidence.objects.using(APP).filter(tenant_id=tenant_id)
    last = rows.order_by("-seq").values_list("seq", "digest").first()
    seq, previous = (1, "") if last is None else (last[0] + 1, last[1])
    row = Evidence(
        id=new_id(),
        tenant_id=tenant_id,
        seq=seq,
        person_id=person,
        scope=scope,
        state=state,
        method=method,
        wording_id=None if wording is None else wording.id,
        wording_hash=None if wording is None else wording.hash,
        recorded_at=clock().now(),
        actor=actor,
        previous=previous,
    )
    if isinstance(subject, Identifier):
        row.contact_sealed = seal_field(row, "contact_sealed", subject.text.strip())
    if source:
        row.source_sealed = seal_field(row, "source_sealed", source)
    row.contact_hash = hash_of(row.contact_sealed)
    row.source_hash = hash_of(row.source_sealed)
    row.digest = digest_of(previous, facts_of(row))
    row.save(using=APP, force_insert=True)
    return row


def facts_of(row: Evidence) -> Facts:
    """What the digest covers."""
    return {
        "id": row.id.hex,
        "tenant": row.tenant_id.hex,
        "seq": row.seq,
        "person": row.person_id.hex,
        "scope": str(row.scope),
        "state": str(row.state),
        "method": str(row.method),
        "wording": None if row.wording_id is None else row.wording_id.hex,
        "wording_hash": row.wording_hash,
        "recorded_at": row.recorded_at.isoformat(),
        "actor": row.actor,
        "contact_hash": row.contact_hash,
        "source_hash": row.source_hash,
    }


def _told(row: Evidence) -> dict[str, str | int | bool | None]:
    """Ids and words: who it is, only the tenant itself can look up."""
    return {
        "consent": public_id(Prefix.CONSENT, row.id),
        "person": public_id(Prefix.PERSON, row.person_id),
        "scope": str(row.scope),
        "state": str(row.state),
    }
