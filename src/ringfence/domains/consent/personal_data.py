"""Classification of every stored field of consent.

Evidence is of no use to marketing: no purpose of it is, and no route lists it but of one person who
is named. Its numbers and addresses are opened for a person's own package alone.
"""

from __future__ import annotations

from ringfence.domains.privacy.api import not_personal, register
from ringfence.domains.privacy.contracts import Category, Erasure, FieldClass, PersonId, Purpose
from ringfence.kernel.fields import CONSENTS, SealedFieldNumber

WORDING, EVIDENCE, LINK = "consent.Wording", "consent.Evidence", "consent.Link"

not_personal(WORDING, "random id of a row or of the business customer", "id", "tenant_id")
not_personal(WORDING, "a text for everybody", "scope", "language", "version", "text", "hash")
not_personal(WORDING, "who of the business customer or its programs", "created_at", "created_by")
not_personal(EVIDENCE, "random id of a row or of the business customer", "id", "tenant_id")
not_personal(EVIDENCE, "random id of a text for everybody, and its hash", "wording_id")
not_personal(EVIDENCE, "place or hash of the chain", "seq", "previous", "digest")
not_personal(LINK, "id of the business customer", "tenant_id")
not_personal(LINK, "place or hash of the chain", "seq", "previous", "digest")
not_personal(EVIDENCE, "hash of sealed bytes", "contact_hash", "source_hash")
not_personal(EVIDENCE, "who of the business customer or its programs", "actor")
register(
    PersonId(EVIDENCE, "person_id", "subject"),
    *(
        FieldClass(
            model=EVIDENCE,
            field=field,
            category=Category.TRAFFIC,
            purposes=frozenset({Purpose.SERVICE, Purpose.SUPPORT}),
            retention="account",
            export=True,
            erasure=Erasure.KEEP_UNLINKED,
            role="subject",
        )
        for field in ("scope", "state", "method", "recorded_at", "wording_hash")
    ),
    *(
        FieldClass(
            model=EVIDENCE,
            field=field,
            category=Category.IDENTIFIER,
            purposes=frozenset({Purpose.SERVICE, Purpose.SUPPORT}),
            retention=CONSENTS,
            export=True,
            erasure=Erasure.DELETE_VALUE,
            role="subject",
            number=number,
        )
        for field, number in (
            ("contact_sealed", SealedFieldNumber.CONSENT_CONTACT),
            ("source_sealed", SealedFieldNumber.CONSENT_SOURCE),
        )
    ),
)
