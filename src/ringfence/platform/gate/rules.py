"""Whether something may leave: decisions without IO."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from ringfence.platform.egress import EgressRefused
from ringfence.platform.gate.templates import TEMPLATES, Template
from ringfence.platform.processor_settings import ProcessorSettings

BODY = "(body)"
"""The field of a body that is neither JSON nor a form: no template has it."""
TENANT = "tenant"
"""The receiver of what goes to a system that a business customer named."""
OWN = "own"
"""The receiver of what goes to a system of the operator's own."""


class Refusal(StrEnum):
    """Why nothing leaves; the ``reason`` of EgressRefused, whose code is ``Refused.code``."""

    NOT_REGISTERED = "not_registered"
    FIELD_NOT_ALLOWED = "field_not_allowed"
    AGREEMENT_MISSING = "agreement_missing"
    AGREEMENT_EXPIRED = "agreement_expired"
    REGION_NOT_ALLOWED = "region_not_allowed"
    PURPOSE_NOT_ALLOWED = "purpose_not_allowed"


_CODES = {
    Refusal.NOT_REGISTERED: "egress_not_registered",
    Refusal.FIELD_NOT_ALLOWED: "egress_field_not_allowed",
    Refusal.AGREEMENT_MISSING: "processor_agreement_missing",
    Refusal.AGREEMENT_EXPIRED: "processor_agreement_expired",
    Refusal.REGION_NOT_ALLOWED: "processor_region_not_allowed",
    Refusal.PURPOSE_NOT_ALLOWED: "processor_purpose_not_allowed",
}


def refuse(reason: Refusal, message: str) -> EgressRefused:
    """The error, with its stable code."""
    error = EgressRefused(message, details={"reason": reason.value})
    error.code = _CODES[reason]
    return error


def find_template(name: str, *, tenant: bool) -> Template:
    """Raises EgressRefused for one that is not registered, or that goes to a tenant's system when
    no tenant is named."""
    template = TEMPLATES.get(name)
    if template is None or (template.receiver == "tenant" and not tenant):
        raise refuse(Refusal.NOT_REGISTERED, "this is not registered as something to be sent")
    return template


def find_receiver(
    template: Template,
    host: str,
    processors: Mapping[str, ProcessorSettings],
    *,
    own: bool,
    today: date,
    regions: Collection[str],
) -> tuple[str, Collection[str]]:
    """Name of who receives it, and the fields that it may get.

    ``own``: whether the host is a machine of the operator's. Raises EgressRefused.
    """
    if template.receiver == "tenant":
        return TENANT, template.fields
    name, found = _registered(template, host, processors)
    if found is None:
        if own:
            return OWN, template.fields
        raise refuse(Refusal.NOT_REGISTERED, "no registered processor is at this host")
    if template.purpose not in found.purposes:
        raise refuse(Refusal.PURPOSE_NOT_ALLOWED, "the processor is not there for this purpose")
    problem = problem_of(found, today, regions)
    if problem is not None:
        raise refuse(problem, "nothing may be sent to this processor now")
    return name, fields_allowed(template, found)


def fields_allowed(template: Template, processor: ProcessorSettings) -> frozenset[str]:
    """What a processor may get of a template."""
    fields = template.fields
    return fields if processor.fields is None else fields.intersection(processor.fields)


def _registered(
    template: Template, host: str, processors: Mapping[str, ProcessorSettings]
) -> tuple[str, ProcessorSettings | None]:
    for name, one in processors.items():
        if host in one.hosts and template.name in one.templates:
            return name, one
    return "", None


def problem_of(
    processor: ProcessorSettings, today: date, regions: Collection[str]
) -> Refusal | None:
    """Why nothing may be sent to a processor today; None: it may."""
    agreement = processor.agreement
    if agreement is None or today < agreement.signed_on:
        return Refusal.AGREEMENT_MISSING
    if agreement.expires_on is not None and today > agreement.expires_on:
        return Refusal.AGREEMENT_EXPIRED
    if processor.country not in regions and processor.safeguard == "none":
        return Refusal.REGION_NOT_ALLOWED
    return None


def check_fields(present: Iterable[str], allowed: Collection[str]) -> tuple[str, ...]:
    """The names to be recorded, sorted: what stands for ``x.*`` is recorded as that, so that no
    name that a customer made up is. Raises EgressRefused for a field that is not allowed."""
    recorded = set()
    for name in present:
        found = _allowance(name, allowed)
        if found is None:
            raise refuse(Refusal.FIELD_NOT_ALLOWED, "a field may not be sent to there")
        recorded.add(found)
    return tuple(sorted(recorded))


def _allowance(name: str, allowed: Collection[str]) -> str | None:
    if name in allowed:
        return name
    head = name
    while "." in head:
        head = head.rpartition(".")[0]
        if f"{head}.*" in allowed:
            return f"{head}.*"
    return f"{name}.*" if f"{name}.*" in allowed else None


def fields_of(body: bytes | None, content_type: str) -> set[str]:
    """Names of what stands in a body: every one, also of a name that leads to others."""
    if not body:
        return set()
    kind = content_type.partition(";")[0].strip().lower()
    try:
        if kind == "application/json":
            found: set[str] = set()
            _walk(msgspec.json.decode(body), "", found)
            return found
        if kind == "application/x-www-form-urlencoded":
            pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True)
            return {name for name, _ in pairs}
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {BODY}
    return {BODY}


def _walk(value: Any, path: str, found: set[str]) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _walk(inner, f"{path}.{name}" if path else name, found)
        if not value and path:
            found.add(path)
    elif isinstance(value, list):
        for inner in value:
            _walk(inner, path or BODY, found)
        if not value:
            found.add(path or BODY)
    else:
        found.add(path or BODY)
