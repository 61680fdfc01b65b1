"""Classification of the platform's own tables, which lie below every domain, and of privacy's."""

from ringfence.domains.privacy.registry import not_personal

ERASURE, HOLD = "privacy.ErasureOrder", "privacy.Hold"

not_personal("platform.ConfigVersion", "a counter of the installation", "id", "version")
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
