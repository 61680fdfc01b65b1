"""Classification of every stored field of numbers."""

from ringfence.domains.privacy.api import not_personal

NUMBER = "numbers.Number"

not_personal(
    NUMBER,
    "a line of the business customer and its routing; no data subject's own number",
    "id",
    "tenant_id",
    "e164",
    "label",
    "dial",
    "flow_id",
    "dial_timeout_seconds",
    "caller_id",
    "max_seconds",
    "status",
    "created_at",
)
