"""The REST API, with the routes of all domains under ``/api/v1``, and the pages of signing in."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, connections
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import include, path
from ninja import Schema

import ringfence
from ringfence.domains.accounts.clients_http import clients_router
from ringfence.domains.accounts.http import router as accounts_router
from ringfence.domains.accounts.oauth import metadata, revoke_token, token
from ringfence.domains.accounts.retention_http import retention_router
from ringfence.domains.calls.http import router as calls_router
from ringfence.domains.compliance.http import (
    cpni_account_router,
    cpni_cases_router,
    cpni_notices_router,
    cpni_proofs_router,
)
from ringfence.domains.consent.http import router as consent_router
from ringfence.domains.consent.pages import gpc
from ringfence.domains.devices.http import router as devices_router
from ringfence.domains.flows.http import flows_router, prompts_router, targets_router
from ringfence.domains.identity.http import (
    access_router,
    me_router,
    members_router,
    sso_router,
    staff_router,
    tenants_router,
    viewers_router,
)
from ringfence.domains.ledger.http import router as ledger_router
from ringfence.domains.ledger.rates_http import router as rates_router
from ringfence.domains.numbers.http import router as numbers_router
from ringfence.domains.policy.http import router as policy_router
from ringfence.domains.portal.http import router as portal_router
from ringfence.domains.privacy.http import router as privacy_router
from ringfence.domains.processors.http import router as processors_router
from ringfence.domains.recordings.http import router as recordings_router
from ringfence.domains.trunks.http import router as trunks_router
from ringfence.domains.webhooks.http import router as webhooks_router
from ringfence.entry import rights_desk, rights_desk_intake, sign_in_news
from ringfence.entry.auth import ApiKeyBearer, SessionCookie, SessionPerson
from ringfence.kernel.errors import Unavailable
from ringfence.platform_django.audit.http import router as audit_router
from ringfence.platform_django.http import Problem, as_caller, handle_errors, knows_operation
from ringfence.platform_django.openapi import DescribedApi
from ringfence.platform_django.parser import StrictParser
from ringfence.platform_django.tenancy import APP


class Health(Schema):
    status: str


sign_in_news.connect()
api = DescribedApi(
    title="Ringfence",
    description="Errors are `{code, message, details}`. See docs/guides/api.md.",
    version=ringfence.__version__,
    auth=[ApiKeyBearer(), SessionCookie()],
    parser=StrictParser(),
    docs_url=None,
    urls_namespace="api-v1",
)
handle_errors(api)
api.add_decorator(as_caller)
api.add_decorator(knows_operation, mode="view")
api.add_router("", me_router, auth=SessionPerson())
for router in (
    access_router,
    accounts_router,
    audit_router,
    calls_router,
    clients_router,
    consent_router,
    cpni_account_router,
    cpni_cases_router,
    cpni_notices_router,
    cpni_proofs_router,
    devices_router,
    flows_router,
    ledger_router,
    members_router,
    numbers_router,
    policy_router,
    portal_router,
    privacy_router,
    processors_router,
    prompts_router,
    rates_router,
    recordings_router,
    retention_router,
    sso_router,
    staff_router,
    targets_router,
    tenants_router,
    trunks_router,
    viewers_router,
    webhooks_router,
):
    api.add_router("", router)


@api.get(
    "/health",
    auth=None,
    response={200: Health, 503: Problem},
    operation_id="get_health",
    tags=["health"],
)
def get_health(request: HttpRequest) -> Any:
    """Whether this process serves and reaches the database."""
    try:
        with connections[APP].cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        raise Unavailable("the database is not reachable") from None
    return Health(status="ok")


def index(request: HttpRequest) -> HttpResponse:
    """The console is not built here; people begin with their account."""
    return redirect("account_home")


urlpatterns = [
    path("", index),
    path("api/v1/", api.urls),
    path("accounts/rights/", rights_desk.desk),
    path("accounts/rights/new/", rights_desk_intake.intake),
    path("accounts/rights/<str:request_id>/", rights_desk.detail),
    path("accounts/rights/<str:request_id>/<str:action>/", rights_desk.act),
    path("accounts/", include("ringfence.domains.identity.sso.urls")),
    path("accounts/", include("ringfence.domains.identity.sign_in.urls")),
    path("_allauth/browser/v1/", include("ringfence.domains.identity.sign_in.headless")),
    path("_allauth/", include("allauth.headless.urls")),
    path("oauth/token", token),
    path("oauth/revoke", revoke_token),
    path("policy/preferences/", include("ringfence.domains.consent.urls")),
    path("policy/", include("ringfence.entry.promises.urls")),
    path("privacy/<slug:slug>/", include("ringfence.domains.portal.urls")),
    path(".well-known/gpc.json", gpc),
    path(".well-known/oauth-authorization-server", metadata),
]
