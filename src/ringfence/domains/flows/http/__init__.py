"""REST API of flows, prompts and targets."""

from ringfence.domains.flows.http.flows import router as flows_router
from ringfence.domains.flows.http.prompts import router as prompts_router
from ringfence.domains.flows.http.targets import router as targets_router

__all__ = ["flows_router", "prompts_router", "targets_router"]
