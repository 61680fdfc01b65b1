"""The key store learns what evidence says, and calls that are going on do too."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from uuid import UUID

from django.db import transaction
from procrastinate.contrib.django import app

from ringfence.domains.calls.api import command_call, live_calls_of_person
from ringfence.domains.calls.contracts import (
    CallNotLive,
    CallPlaneUnavailable,
    CallStateConflict,
)
from ringfence.domains.consent.queries import of_person, profile_of, said_of
from ringfence.domains.consent.rules.effects import effect_of
from ringfence.domains.consent.rules.states import fold
from ringfence.domains.consent.usecases.chain_lock import lock_chain
from ringfence.domains.consent.vocabulary import ConsentScope, ConsentState
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.keys.errors import KeyDestroyed
from ringfence.platform.keys.subjects import StateChange
from ringfence.platform_django.keys import keys
from ringfence.platform_django.tenancy import APP, tenant

_log = logging.getLogger("ringfence.consent")
STOP_TASK = "consent.stop_recordings"


def forbid(tenant_id: UUID, person: UUID, scope: ConsentScope, *, actor: str) -> None:
    """A refusal, before anything else of it. Returns when nobody can go on against it.

    Raises KeyDestroyed for who was erased, Unavailable.
    """
    effect = effect_of({scope: ConsentState.WITHDRAWN}, profile_of(tenant_id))
    change = StateChange(withdraw=effect.withdraw)
    keys().choose(tenant_id, person, change, actor=actor, listed=effect.listed)


def settle(tenant_id: UUID, person: UUID, evidence: UUID, *, actor: str) -> None:
    """Bring the key store to what a person's committed evidence says; again changes nothing.

    Under the chain's lock: whichever of two answers was written last is the one that stays.
    Raises Unavailable: a grant is then in force with the person's next answer.
    """
    with tenant(tenant_id):
        lock_chain(tenant_id)
        said = fold(map(said_of, of_person(tenant_id, person)))
        states = {scope: one.state for scope, one in said.items()}
        effect = effect_of(states, profile_of(tenant_id))
        with suppress(KeyDestroyed):  # erased since: what was refused stays refused
            keys().choose(
                tenant_id,
                person,
                StateChange(consent=effect.consent, withdraw=effect.withdraw),
                actor=actor,
                listed=effect.listed,
                unlisted=effect.unlisted,
                objects=(public_id(Prefix.CONSENT, evidence),),
            )


def stop_recordings(tenant_id: UUID, person: UUID) -> None:
    """Once the caller's transaction has committed: at once, and again by a job, for calls whose
    events were still on their way."""
    transaction.on_commit(partial(stop_now, tenant_id, person), using=APP)
    task = app.configure_task(STOP_TASK, schedule_in={"seconds": 2})
    task.defer(tenant=tenant_id.hex, person=person.hex)


def stop_now(tenant_id: UUID, person: UUID) -> int:
    """Record nothing more of the calls that a person takes part in; of how many that could not be
    said. These are logged: the job that follows tries again, until it could."""
    missed = 0
    for call in live_calls_of_person(tenant_id, person):
        try:
            command_call(tenant_id, call, "bar_recording")
        except CallNotLive:
            continue
        except (CallPlaneUnavailable, CallStateConflict) as error:
            kv = {"call": call.hex, "code": error.code}
            _log.error("a refused recording may go on", extra={"kv": kv})
            missed += 1
    return missed
