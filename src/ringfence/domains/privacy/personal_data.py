"""Classification of the platform's own tables, which lie below every domain, and of privacy's."""

from ringfence.domains.privacy.contracts import Category, Erasure, FieldClass, PersonId, Purpose
from ringfence.domains.privacy.registry import not_personal, register
from ringfence.kernel.fields import CONSENTS, SealedFieldNumber

ERASURE, HOLD, RIGHTS = "privacy.ErasureOrder", "privacy.Hold", "privacy.RightsRequest"

not_personal("platform.ConfigVersion", "a counter of the installation", "id", "version")
_REPEATED = "platform.IdempotentRequest"
not_personal(_REPEATED, "random id of a row or a key", "id", "tenant_id", "api_key_id")
not_personal(_REPEATED, "an HMAC under a secret that is not in the database", "name")
not_personal(_REPEATED, "time of a request of a program", "created_at")
register(
    FieldClass(
        model=_REPEATED,
        field="response_sealed",
        category=Category.SECRET,
        purposes=frozenset({Purpose.SERVICE}),
        retention="24 hours",
        export=False,
        erasure=Erasure.NOT_SUBJECT,
        number=SealedFieldNumber.IDEMPOTENT_RESPONSE,
    )
)
_MAIL = "platform.Mail"
not_personal(_MAIL, "random id of a row, and when it was made", "id", "tenant_id", "queued_at")
register(
    FieldClass(
        model=_MAIL,
        field="mail_sealed",
        category=Category.SECRET,
        purposes=frozenset({Purpose.SERVICE}),
        retention="3 days",
        export=False,
        erasure=Erasure.NOT_SUBJECT,
        number=SealedFieldNumber.MAIL,
    )
)
not_personal(ERASURE, "random id of a row or of the business customer", "id", "tenant_id")
not_personal(
    ERASURE,
    "evidence that a destruction was carried out",
    "kind",
    "reason",
    "actor",
    "state",
    "ordered_at",
    "destroyed_at",
    "cleaned_at",
    "rows_cleared",
    "escrowed",
    "category",
    "rule",
    "day",
    "certificate",
)
not_personal(ERASURE, "random ids whose keys are dead, and days", "destruction")
not_personal(HOLD, "random id of a row or of the business customer", "id", "tenant_id")
not_personal(
    HOLD,
    "random ids that a legal hold keeps, and its course",
    "actor",
    "placed_at",
    "released_at",
    "persons",
    "items",
    "leaves",
)

not_personal(RIGHTS, "random id of a row or of the business customer", "id", "tenant_id")
not_personal(RIGHTS, "random id whose key seals the package", "package_id", "package_day")
not_personal(
    RIGHTS, "random id of a row", "erasure_id", "evidence_id", "appeal_of", "follows_appeal"
)
not_personal(RIGHTS, "hash of a document that somebody showed", "authority_hash", "lifted_hash")
not_personal(RIGHTS, "evidence: counts and hashes, signed", "receipt", "package_bytes")
register(
    PersonId(RIGHTS, "person_id", "requester", item="package_id"),
    *(
        FieldClass(
            model=RIGHTS,
            field=field,
            category=Category.TRAFFIC,
            purposes=frozenset({Purpose.SERVICE}),
            retention="account",
            export=True,
            erasure=Erasure.KEEP_UNLINKED,
            role="requester",
        )
        for field in (
            "kind",
            "jurisdiction",
            "channel",
            "state",
            "received_at",
            "acknowledge_by",
            "due_at",
            "extended_until",
            "extension_reason",
            "verified_at",
            "method",
            "refusal",
            "completed_at",
            "authority",
            "authority_expires_at",
            "confirmed_at",
            "statement_use",
            "lifted_at",
        )
    ),
    *(
        FieldClass(
            model=RIGHTS,
            field=field,
            category=Category.IDENTIFIER,
            purposes=frozenset({Purpose.SERVICE}),
            retention=CONSENTS,
            export=True,
            erasure=Erasure.DELETE_VALUE,
            role="requester",
            number=number,
        )
        for field, number in (
            ("authority_sealed", SealedFieldNumber.RIGHTS_AUTHORITY),
            ("statement_sealed", SealedFieldNumber.RIGHTS_STATEMENT),
        )
    ),
)
not_personal(RIGHTS, "who of the business customer or its programs", "verified_by", "decided_by")

_IDS = "evidence of a use of keys: random ids and words of the software, no value and no person"
_CHAIN = "hash, number or time of the audit trail"
not_personal("audit.Use", _IDS, "id", "tenant_id", "credential", "actor", "action", "purpose")
not_personal("audit.Use", _IDS, "object_ids", "outcome", "record")
not_personal("audit.Use", _CHAIN, "at", "batch_seq", "batch_index")
not_personal("audit.Batch", _CHAIN, "tenant_id", "seq", "first_at", "last_at", "count")
not_personal("audit.Batch", _CHAIN, "digest", "previous_head", "head")
not_personal("audit.SpoolPosition", "progress of the software", "name", "node", "position")
