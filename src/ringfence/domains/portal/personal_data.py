"""Classification of what a visit to the portal leaves."""

from __future__ import annotations

from ringfence.domains.privacy.api import not_personal, register
from ringfence.domains.privacy.contracts import Category, Erasure, FieldClass, PersonId, Purpose
from ringfence.kernel.fields import SealedFieldNumber

_VISIT = "portal.Visit"

not_personal(
    "portal.Portal",
    "of the business customer",
    "tenant_id",
    "slug",
    "caller_id",
    "officer_confirms",
)
not_personal(_VISIT, "random id of a row", "id", "tenant_id", "call_id", "request_id")
not_personal(_VISIT, "hash of random bytes", "browser_hash")
not_personal(
    _VISIT, "an HMAC under a secret that is not in the database; cleared with its time",
    "subject_hash", "address_hash", "code_hash",
)  # fmt: skip
not_personal(
    "portal.Notice", "evidence that somebody of the business customer was told, by random id",
    "id", "tenant_id", "request_id", "urgency", "end_at", "user_id", "told_at",
)  # fmt: skip
register(
    PersonId(_VISIT, "person_id", "visitor"),
    FieldClass(
        model=_VISIT,
        field="contact_sealed",
        category=Category.SECRET,
        purposes=frozenset({Purpose.SERVICE}),
        retention="10 minutes",
        export=False,
        erasure=Erasure.NOT_SUBJECT,
        number=SealedFieldNumber.PORTAL_CALL,
    ),
    *(
        FieldClass(
            model=_VISIT,
            field=field,
            category=Category.TRAFFIC,
            purposes=frozenset({Purpose.SERVICE}),
            retention="30 days",
            export=True,
            erasure=Erasure.KEEP_UNLINKED,
            role="visitor",
        )
        for field in (
            "wish", "jurisdiction", "by_call", "state", "tries", "asked_at", "expires_at",
            "proven_at",
        )
    ),
)  # fmt: skip
