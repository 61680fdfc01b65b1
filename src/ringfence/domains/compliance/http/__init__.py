"""REST API of CPNI: what a customer sets, and the cases of the operator's staff."""

from ringfence.domains.compliance.http.account import router as cpni_account_router
from ringfence.domains.compliance.http.cases import router as cpni_cases_router
from ringfence.domains.compliance.http.notices import router as cpni_notices_router
from ringfence.domains.compliance.http.proofs import router as cpni_proofs_router

__all__ = [
    "cpni_account_router",
    "cpni_cases_router",
    "cpni_notices_router",
    "cpni_proofs_router",
]
