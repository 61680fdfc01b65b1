"""The OpenAPI document: what the API does for every route, said at every route."""

from __future__ import annotations

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from ringfence.platform_django.admission import Admission
from ringfence.platform_django.http import ANYONE, MANAGERS, OPERATORS, PERSON, TENANTS
from ringfence.platform_django.idempotency import HEADER as IDEMPOTENCY_KEY
from ringfence.platform_django.middleware import REQUEST_ID
from ringfence.policies.roles import API_KEY, Cell, matrix

_PROBLEM = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_REASONS = {
    400: "The request cannot be read",
    409: "It contradicts what is there, or the same request is being served",
    410: "The request was served; its answer cannot be opened any more",
    412: "The object was changed since it was read",
    413: "The request is too large",
    422: "The request cannot be accepted",
    428: "If-Match is missing",
    429: "Too many requests",
}
_BY_KEYS = frozenset(matrix().permissions) - matrix().of(API_KEY, Cell.NEVER)
"""What keys may do at all; the rest is done by people who are signed in."""
_WHOSE = {
    TENANTS: "Needs a key or a session of a tenant",
    OPERATORS: "Needs a key or a session of the operator",
    MANAGERS: "Needs a key or a session of the operator or of a reseller",
    ANYONE: "Needs a key or a session",
}
_LIMITS = {
    "RateLimit-Limit": "Requests a minute, of which as many may come at once: of the credential "
    "or of its tenant, whichever has less left.",
    "RateLimit-Remaining": "Requests that would be served now.",
    "RateLimit-Reset": "Seconds until all of them would be.",
}
_SECONDS: dict[str, Any] = {"schema": {"type": "integer", "minimum": 0}}


def _header(name: str, description: str, *, required: bool = False, **schema: Any) -> Any:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": {"type": "string", **schema},
    }


_IDEMPOTENCY = _header(
    IDEMPOTENCY_KEY,
    "Makes it safe to send the request again: for 24 hours the same request with the same key is "
    "not done again but answered as the first time.",
    minLength=1,
    maxLength=255,
    pattern="^[ -~]+$",
    examples=["6f1c7c2e-8f4b-4f0e-9d52-0f9f3a1f7a55"],
)
_IF_MATCH = _header("If-Match", "ETag of the object as it was read; * for any.", required=True)
_TENANT = _header(
    "Ringfence-Tenant",
    "Of a session: the tenant that it acts in. Needed where the person is a member of several, and "
    "for staff of the operator in a tenant that let them in. An API key has its own.",
    pattern="^AC[0-9a-f]{32}$",
)
_IF_NONE_MATCH = _header("If-None-Match", "ETag of what the client has; 304 if it is the same.")


class DescribedApi(NinjaAPI):
    """NinjaAPI whose document tells scopes, limits, preconditions and idempotency."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        document = super().get_openapi_schema(**options)
        views = {
            operation.operation_id: operation.view_func
            for router in self._get_bound_routers()
            for path_view in router.path_operations.values()
            for operation in path_view.operations
        }
        for operations in document["paths"].values():
            for verb, operation in operations.items():
                if "security" in operation:
                    _describe(verb, operation, views[operation["operationId"]])
        document["components"]["headers"] = {
            name: {"description": text, **_SECONDS} for name, text in _LIMITS.items()
        } | {
            REQUEST_ID: {
                "description": "Names the request, here and in the request log.",
                "schema": {"type": "string", "pattern": "^RQ[0-9a-f]{32}$"},
            }
        }
        return document


def _describe(verb: str, operation: dict[str, Any], view: Any) -> None:
    admission = getattr(view, "admission", Admission(None))
    audience = getattr(view, "audience", TENANTS)
    parameters, responses = operation["parameters"], operation["responses"]
    operation["x-required-scope"] = admission.scope
    operation["x-operator-only"] = audience in (OPERATORS, MANAGERS)
    operation["x-audience"] = audience
    by_key = audience != PERSON and admission.scope in _BY_KEYS
    operation["x-person-only"] = not by_key
    if not by_key:
        operation["security"] = [{"SessionPerson": []}]
    if audience == PERSON:
        needs = "Needs the session of somebody who is signed in."
    else:
        whose = _WHOSE[audience] if by_key else _WHOSE[audience].replace("a key or a", "a")
        needs = f"{whose} with the scope `{admission.scope}`."
        parameters.append(_TENANT)
    operation["description"] = f"{operation.get('description', '')}\n\n{needs}".strip()
    errors = {429}
    if "requestBody" in operation:
        errors |= {400, 413, 422}
    if verb == "post":
        parameters.append(_IDEMPOTENCY)
        errors |= {409, 410, 422}
    if verb == "patch":
        parameters.append(_IF_MATCH)
        errors |= {412, 428}
    for status in sorted(errors - {int(known) for known in responses}):
        responses[status] = {"description": _REASONS[status], "content": _PROBLEM}
    if verb == "get" and operation["operationId"].startswith("get_"):
        parameters.append(_IF_NONE_MATCH)
        responses[304] = {"description": "Not Modified"}
    for status, response in responses.items():
        headers: dict[str, Any] = {
            name: {"$ref": f"#/components/headers/{name}"} for name in _LIMITS
        }
        if int(status) == 429:
            headers["Retry-After"] = {"description": "Seconds.", **_SECONDS}
        if int(status) in (200, 304) and _has_etag(verb, operation["operationId"], response):
            headers["ETag"] = {"description": "The state.", "schema": {"type": "string"}}
        headers[REQUEST_ID] = {"$ref": f"#/components/headers/{REQUEST_ID}"}
        response["headers"] = headers | response.get("headers", {})


def _has_etag(verb: str, operation_id: str, response: dict[str, Any]) -> bool:
    reads_one = verb == "get" and operation_id.startswith("get_")
    json = "application/json" in response.get("content", {"application/json": {}})
    return json and (reads_one or verb in ("patch", "put"))
