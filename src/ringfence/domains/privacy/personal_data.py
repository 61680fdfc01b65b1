"""Classification of the platform's own tables, which lie below every domain."""

from ringfence.domains.privacy.registry import not_personal

not_personal("platform.ConfigVersion", "a counter of the installation", "id", "version")

_IDS = "evidence of a use of keys: random ids and words of the software, no value and no person"
_CHAIN = "hash, number or time of the audit trail"
not_personal("audit.Use", _IDS, "id", "tenant_id", "credential", "actor", "action", "purpose")
not_personal("audit.Use", _IDS, "object_ids", "outcome", "record")
not_personal("audit.Use", _CHAIN, "at", "batch_seq", "batch_index")
not_personal("audit.Batch", _CHAIN, "tenant_id", "seq", "first_at", "last_at", "count")
not_personal("audit.Batch", _CHAIN, "digest", "previous_head", "head")
not_personal("audit.SpoolPosition", "progress of the software", "name", "node", "position")
