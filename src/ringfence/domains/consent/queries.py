"""Reading wordings, evidence and what holds of a person."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import QuerySet

from ringfence.domains.consent.contracts import (
    EvidenceInfo,
    EvidencePage,
    StandInfo,
    SubjectInvalid,
    SubjectStands,
    WordingInfo,
    WordingNotFound,
)
from ringfence.domains.consent.models import Evidence, Wording
from ringfence.domains.consent.rules.effects import LISTS
from ringfence.domains.consent.rules.modes import allows, mode_of
from ringfence.domains.consent.rules.states import Said, fold
from ringfence.domains.consent.vocabulary import ConsentMethod, ConsentScope, ConsentState
from ringfence.domains.policy.api import binding_of
from ringfence.platform.keys.persons import Identifier
from ringfence.platform_django.keys import keys
from ringfence.platform_django.sealed import Opened, open_fields
from ringfence.platform_django.tenancy import APP, tenant
from ringfence.platform_django.use import current_actor
from ringfence.policies.profiles import NAMES, Profile, load_profile

MAX_PAGE = 200


def profile_of(tenant_id: UUID) -> Profile:
    """The profile of the policy that binds a tenant; the strictest where none does."""
    bound = binding_of(tenant_id).bound
    return load_profile(bound.profile) if bound and bound.profile in NAMES else load_profile()


def list_wordings(tenant_id: UUID, scope: ConsentScope | None = None) -> tuple[WordingInfo, ...]:
    """By scope and language, the newest version first."""
    with tenant(tenant_id):
        rows = Wording.objects.using(APP).order_by("scope", "language", "-version")
        if scope is not None:
            rows = rows.filter(scope=scope)
        return tuple(wording_info(row) for row in rows)


def get_wording(tenant_id: UUID, wording_id: UUID) -> WordingInfo:
    """Raises WordingNotFound."""
    with tenant(tenant_id):
        row = Wording.objects.using(APP).filter(id=wording_id).first()
    if row is None:
        raise WordingNotFound("no such wording")
    return wording_info(row)


def list_evidence(
    tenant_id: UUID, person: UUID, *, before: int | None = None, limit: int = 50
) -> EvidencePage:
    """What one person said, newest first; where they said it is opened for the use in force."""
    limit = min(max(limit, 1), MAX_PAGE)
    with tenant(tenant_id):
        rows = of_person(tenant_id, person).order_by("-seq")
        if before is not None:
            rows = rows.filter(seq__lt=before)
        found = list(rows[: limit + 1])
    shown = found[:limit]
    opened = open_fields(shown, "source_sealed")
    return EvidencePage(
        tuple(
            evidence_info(row, values["source_sealed"])
            for row, values in zip(shown, opened, strict=True)
        ),
        shown[-1].seq if len(found) > limit else None,
    )


def stands_of(
    tenant_id: UUID,
    subject: UUID | Identifier,
    scopes: Sequence[ConsentScope] = tuple(ConsentScope),
) -> SubjectStands:
    """What holds of a person now, scope by scope. Makes nobody known who was not.

    A refusal outlives an erasure: an identifier on the list of a scope refuses it, whoever has it.
    Raises SubjectInvalid, Unavailable, django.db.Error.
    """
    person = subject if isinstance(subject, UUID) else None
    if isinstance(subject, Identifier):
        if subject.normal() is None:
            raise SubjectInvalid("this tells nobody from anybody else")
        (known,) = keys().find(tenant_id, [subject], purpose="service", actor=current_actor())
        person = None if known is None else known.person
    profile = profile_of(tenant_id)
    said: dict[ConsentScope, Evidence] = {}
    if person is not None:
        with tenant(tenant_id):
            rows = list(of_person(tenant_id, person).defer("contact_sealed", "source_sealed"))
        by_seq = {row.seq: row for row in rows}
        said = {scope: by_seq[last.seq] for scope, last in fold(map(said_of, rows)).items()}
    stands = []
    for scope in scopes:
        row, mode = said.get(scope), mode_of(scope, profile)
        state = None if row is None else ConsentState(row.state)
        if row is None and isinstance(subject, Identifier):
            (listed,) = keys().is_suppressed(tenant_id, LISTS[scope], [subject])
            state = ConsentState.WITHDRAWN if listed else None
        stands.append(
            StandInfo(
                scope=scope,
                allowed=allows(mode, state),
                state=state,
                mode=mode,
                since=None if row is None else row.recorded_at,
                evidence=None if row is None else row.id,
            )
        )
    return SubjectStands(person, tuple(stands))


def refused(tenant_id: UUID, scope: ConsentScope, identifiers: Sequence[Identifier]) -> list[bool]:
    """Who of these refused a scope, asked of the key store alone: from the moment at which a
    refusal was accepted, and for ever after an erasure. Raises Unavailable."""
    if not identifiers:
        return []
    return keys().is_suppressed(tenant_id, LISTS[scope], identifiers)


def of_person(tenant_id: UUID, person: UUID) -> QuerySet[Evidence]:
    return Evidence.objects.using(APP).filter(tenant_id=tenant_id, person_id=person)


def said_of(row: Evidence) -> Said:
    return Said(row.seq, ConsentScope(row.scope), ConsentState(row.state))


def evidence_info(row: Evidence, source: Opened | None = None) -> EvidenceInfo:
    return EvidenceInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        seq=row.seq,
        person=row.person_id,
        scope=ConsentScope(row.scope),
        state=ConsentState(row.state),
        method=ConsentMethod(row.method),
        wording_id=row.wording_id,
        wording_hash=row.wording_hash,
        recorded_at=row.recorded_at,
        actor=row.actor,
        source=None if source is None else source.value,
        digest=row.digest,
    )


def wording_info(row: Wording) -> WordingInfo:
    return WordingInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        scope=ConsentScope(row.scope),
        language=row.language,
        version=row.version,
        text=row.text,
        hash=row.hash,
        created_at=row.created_at,
        created_by=row.created_by,
    )
