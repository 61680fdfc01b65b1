"""What the receipt of a rights request says: what was asked, when, and what was done for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from ringfence.domains.privacy.contracts import RightsInfo
from ringfence.kernel.ids import Prefix, public_id

FORM = "ringfence.rights/1"


def receipt(info: RightsInfo, result: Mapping[str, Any]) -> dict[str, Any]:
    """Plain JSON of a request that is done. The person stands in it as the hash of their random id,
    formed as in the certificate of an erasure; null where nobody was meant."""
    assert info.verified_at is not None and info.completed_at is not None
    person = None
    if info.person is not None:
        person = hashlib.sha256(f"{info.person.hex}\n".encode()).hexdigest()
    extended = info.extended_until
    return _by_agent(info) | {
        "form": FORM,
        "request": public_id(Prefix.RIGHTS_REQUEST, info.id),
        "tenant": public_id(Prefix.TENANT, info.tenant_id),
        "kind": str(info.kind),
        "jurisdiction": str(info.jurisdiction),
        "channel": str(info.channel),
        "person_sha256": person,
        "received_at": info.received_at.isoformat(),
        "due_at": info.due_at.isoformat(),
        "extended_until": None if extended is None else extended.isoformat(),
        "verified_at": info.verified_at.isoformat(),
        "method": None if info.method is None else str(info.method),
        "completed_at": info.completed_at.isoformat(),
        "in_time": info.completed_at <= (extended or info.due_at),
        "result": dict(result),
    }


def _by_agent(info: RightsInfo) -> dict[str, Any]:
    """By what right an agent asked; not who it was."""
    if info.authority is None:
        return {}
    until, confirmed = info.authority.expires_at, info.authority.confirmed_at
    return {
        "authority": {
            "kind": str(info.authority.kind),
            "document_sha256": info.authority.document_hash,
            "expires_at": None if until is None else until.isoformat(),
            "confirmed_at": None if confirmed is None else confirmed.isoformat(),
        }
    }
