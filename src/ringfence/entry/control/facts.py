"""What the conditions of a program see of a call when it starts."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from uuid import UUID

import phonenumbers

from ringfence.domains.calls.api import last_call_at
from ringfence.engine.verbs.model import Branch, Facts, Program, RepeatCaller
from ringfence.kernel.clock import to_micros
from ringfence.kernel.errors import Unavailable
from ringfence.kernel.nanp import area_of, state_of
from ringfence.platform_django.use import using


def facts_of(tenant: UUID, call: UUID, caller: str, called: str, program: Program) -> Facts:
    """Facts of a call from ``caller`` (E.164, or empty) that gets this program.

    When they last called is only asked where the program wants to know, and stays unknown while
    `keys` is away. Raises django.db.Error.
    """
    return Facts(
        caller=caller,
        called=called,
        country=_country(caller),
        area=area_of(caller),
        state=state_of(caller),
        last_call_at=_last_call_at(tenant, call, caller) if caller and _asks(program) else None,
    )


@lru_cache(maxsize=10_000)
def _country(number: str) -> str | None:
    """ISO 3166-1 code of an E.164 number's country; None where it has none."""
    try:
        found = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return None
    return found if found is not None and found.isalpha() else None


def _asks(program: Program) -> bool:
    return any(
        isinstance(condition, RepeatCaller)
        for node in program.nodes.values()
        if isinstance(node.verb, Branch)
        for case in node.verb.cases
        for condition in case.conditions
    )


def _last_call_at(tenant: UUID, call: UUID, caller: str) -> int | None:
    with suppress(Unavailable), using("service", "control"):
        found = last_call_at(tenant, caller, before=call)
        return None if found is None else to_micros(found)
    return None
