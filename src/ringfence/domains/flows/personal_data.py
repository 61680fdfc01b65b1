"""Classification of every stored field of flows.

A flow, its texts, its prompts and its targets are what the business customer says and whom it lets
answer: its own content, entered by it, about no caller. What a caller enters or says while a flow
runs is in the call's record, sealed.
"""

from ringfence.domains.privacy.api import not_personal

FLOW, VERSION, PROMPT, TARGET, REVISION = (
    "flows.Flow",
    "flows.FlowVersion",
    "flows.Prompt",
    "flows.Target",
    "flows.Revision",
)
_ROW = "random id of a row or of the business customer"
_FLOW = "how the business customer's calls are handled"
_TARGET = "a destination that the business customer names as its own"

not_personal(FLOW, _ROW, "id", "tenant_id")
not_personal(
    FLOW, _FLOW, "name", "draft", "published_version", "archived", "created_at", "updated_at"
)
not_personal(VERSION, _ROW, "id", "tenant_id", "flow_id")
not_personal(VERSION, _FLOW, "version", "graph", "uses", "uses_flows", "note", "published_at")
not_personal(PROMPT, _ROW, "id", "tenant_id")
not_personal(
    PROMPT,
    "audio that the business customer plays to its callers",
    "name",
    "sha256",
    "bytes",
    "samples",
    "created_at",
)
not_personal(TARGET, _ROW, "id", "tenant_id", "trunk_id", "device_id")
not_personal(TARGET, _TARGET, "name", "kind", "number", "uri", "enabled", "created_at")
not_personal(REVISION, _ROW, "tenant_id")
not_personal(REVISION, "a counter of changes", "revision")
