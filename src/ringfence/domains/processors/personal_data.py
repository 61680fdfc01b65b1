"""The ledger names hosts and fields, never what stood in them."""

from __future__ import annotations

from ringfence.domains.privacy.api import not_personal

not_personal(
    "processors.Sent", "that something left, to which system, and which fields it had",
    "id", "tenant_id", "receiver", "template", "purpose", "host", "fields", "size", "digest",
    "refusal", "outcome", "status", "ended_at",
)  # fmt: skip
