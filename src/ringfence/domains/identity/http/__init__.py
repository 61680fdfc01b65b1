"""REST API of people: members and roles, the operator's staff, and their access to tenants."""

from ringfence.domains.identity.http.access import router as access_router
from ringfence.domains.identity.http.me import router as me_router
from ringfence.domains.identity.http.members import router as members_router
from ringfence.domains.identity.http.sso import router as sso_router
from ringfence.domains.identity.http.staff import router as staff_router
from ringfence.domains.identity.http.tenants import router as tenants_router
from ringfence.domains.identity.http.viewers import router as viewers_router

__all__ = [
    "access_router",
    "me_router",
    "members_router",
    "sso_router",
    "staff_router",
    "tenants_router",
    "viewers_router",
]
