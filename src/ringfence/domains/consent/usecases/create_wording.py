"""A tenant writes down how it asks."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Max

from ringfence.domains.consent.contracts import WordingInfo
from ringfence.domains.consent.models import Wording
from ringfence.domains.consent.queries import wording_info
from ringfence.domains.consent.rules.chain import hash_of
from ringfence.domains.consent.usecases.chain_lock import lock_chain
from ringfence.domains.consent.vocabulary import ConsentScope
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.tenancy import APP, tenant


def create_wording(
    tenant_id: UUID, scope: ConsentScope, language: str, text: str, *, actor: str
) -> WordingInfo:
    """The next version of a scope and language; the same text as the last one is that one."""
    with tenant(tenant_id):
        lock_chain(tenant_id)
        rows = Wording.objects.using(APP).filter(
            tenant_id=tenant_id, scope=scope, language=language
        )
        last = rows.aggregate(Max("version"))["version__max"] or 0
        same = rows.filter(version=last, text=text).first()
        if same is not None:
            return wording_info(same)
        row = rows.create(
            id=new_id(),
            tenant_id=tenant_id,
            scope=scope,
            language=language,
            version=last + 1,
            text=text,
            hash=hash_of(text) or "",
            created_at=clock().now(),
            created_by=actor,
        )
    return wording_info(row)
