"""Every role against every operation: what the matrix file says is what the API does.

Three things are held against each other: the file, read here by other code than the product's;
the record in ``roles_expected.toml``, kept by hand beside it, so that no cell changes unnoticed;
and the answers of the API.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from tests.api import ask, someone
from tests.http.test_openapi import operations
from tests.people import Browser, make_member, make_user, person, sign_in

import ringfence.policies
from ringfence.domains.accounts import api as accounts
from ringfence.domains.accounts.contracts import ALL_SCOPES
from ringfence.domains.identity import api as identity
from ringfence.domains.identity.contracts import Session
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.fields import INSTALLATION
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.ratelimit import use_limits
from ringfence.policies import roles

FILE = Path(next(iter(ringfence.policies.__path__)), "roles.md")
EXPECTED = Path(__file__).with_name("roles_expected.toml")
REFUSALS = {
    "access_grant_required",
    "export_refused",
    "insufficient_scope",
    "mfa_required",
    "no_membership",
    "operator_only",
    "step_up_required",
    "tenant_only",
    "tenant_required",
    "unauthorized",
}
"""Codes that say no to the caller, whatever they ask about."""


def cells(text: str) -> dict[tuple[str, str], str]:
    """(permission, role) -> mark."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    head, found = [one.strip() for one in lines[0].strip("| ").split("|")], {}
    for line in lines[2:]:
        permission, *marks = [one.strip() for one in line.strip("| ").split("|")]
        if len(marks) != len(head) - 1 or ":" not in permission:
            break
        found |= {(permission, role): mark for role, mark in zip(head[1:], marks, strict=True)}
    return found


MATRIX = cells(FILE.read_text())
ROLES = list(dict.fromkeys(role for _, role in MATRIX if role != "api-key"))
OPERATORS = ["operator-admin", "operator-support", "privacy-officer", "lawful-process"]
MEMBERS = [role for role in ROLES if role not in OPERATORS]
NEEDS_MFA = {"owner", "admin", "billing", "developer", *OPERATORS}


def recorded() -> dict[tuple[str, str], str]:
    """The record kept by hand, in the shape of ``cells``; what it leaves out is ``.``."""
    given = tomllib.loads(EXPECTED.read_text())
    permissions = given.pop("permissions")
    found = {(one, role): "." for one in permissions for role in [*ROLES, "api-key"]}
    for role, marks in given.items():
        for mark, allowed in marks.items():
            found |= {(permission, role): mark for permission in allowed}
    return found


def test_no_cell_differs_from_the_record() -> None:
    assert len(MATRIX) >= 40 * 12, "or the file was not read"
    assert recorded() == MATRIX


def test_a_mutation_of_any_cell_is_seen() -> None:
    """By the record; and the product reads the mutated file as mutated, or refuses it."""
    text, known = FILE.read_text(), recorded()
    mutants = 0
    for (permission, role), mark in MATRIX.items():
        for other in sorted(set("xsgno.") - {mark}):
            mutated = cells(mutate(text, permission, role, other))
            assert mutated != known, (permission, role, other)
            mutants += 1
            try:
                read = roles.parse(mutate(text, permission, role, other))
            except roles.MatrixError:
                continue
            assert read.cells[permission, role] == other
            changed = [cell for cell in MATRIX if read.cells[cell] != MATRIX[cell]]
            assert changed == [(permission, role)]
    assert mutants == 5 * len(MATRIX)


def mutate(text: str, permission: str, role: str, mark: str) -> str:
    lines = text.splitlines()
    columns = next(line for line in lines if line.startswith("| permission")).split("|")
    column = [one.strip() for one in columns].index(role)
    for index, line in enumerate(lines):
        if line.startswith(f"| {permission} |"):
            parts = line.split("|")
            parts[column] = f" {mark} "
            lines[index] = "|".join(parts)
    return "\n".join(lines)


def test_every_permission_is_asked_for_by_an_operation(db: DatabaseUrls) -> None:
    asked = {operation.get("x-required-scope") for _, _, operation in operations()}
    assert asked - {None} == {permission for permission, _ in MATRIX}


@dataclass(frozen=True)
class Asked:
    """One operation, asked in a way that changes nothing."""

    name: str
    verb: str
    path: str
    body: Any
    scope: str | None
    audience: str | None


def _path(template: str) -> str:
    """About objects that never were."""
    plain = {"old": "1", "new": "1", "version": "1", "track": "caller", "action": "pause"}
    prefixes = defaultdict(lambda: "XX", PREFIXES)

    def part(match: re.Match[str]) -> str:
        name = match.group(1)
        return plain.get(name) or f"{prefixes[name]}{'0' * 32}"

    return re.sub(r"{(\w+)}", part, template.removeprefix("/api/v1"))


PREFIXES = {
    "call_id": "CA", "currency": "USD", "deck_id": "RD", "delivery_id": "WD", "device_id": "DV",
    "erasure_id": "ER", "flow_id": "FW", "grant_id": "AG", "invitation_id": "IN", "key_id": "SK",
    "member_id": "ME", "number_id": "PN", "prompt_id": "PM", "recording_id": "RE",
    "role_id": "RO", "target_id": "TG", "tenant_id": "AC", "trunk_id": "TK", "unrated_id": "UR",
    "webhook_id": "WH",
}  # fmt: skip


@functools.cache
def everything() -> tuple[Asked, ...]:
    return tuple(_everything())


def _everything() -> Iterator[Asked]:
    for verb, template, operation in operations():
        if template != "/api/v1/health":
            yield Asked(
                operation["operationId"],
                verb,
                _path(template),
                {} if "requestBody" in operation else None,
                operation.get("x-required-scope"),
                operation.get("x-audience"),
            )


def refusal(answer: Any) -> str | None:
    """The code with which the caller was refused, or None: whoever is let through gets an answer
    about what they asked."""
    if answer.status_code not in (401, 403):
        assert answer.status_code < 500 or answer.status_code == 503, answer.content
        return None
    code: str = answer.json()["code"]
    return code if code in REFUSALS else None


def at(browser: Browser, one: Asked) -> str | None:
    return refusal(browser(one.verb, one.path, one.body, If_Match="*"))


def expected(role: str, one: Asked, where: str) -> str | None:
    """What the file says: None, or the code of the refusal. ``where``: ``own`` (a member in their
    tenant, staff for the operator), ``granted`` (staff in a tenant that let them in)."""
    if one.audience == "person":
        return None
    as_operator = role in OPERATORS and where == "own"
    if one.audience == "operators" and not as_operator:
        return "operator_only"
    if one.audience == "tenants" and as_operator:
        return "tenant_only"
    allowed = "g" if where == "granted" else "xs"
    assert one.scope is not None
    return None if MATRIX[one.scope, role] in allowed else "insufficient_scope"


@pytest.fixture(autouse=True)
def no_limits() -> Iterator[None]:
    with use_limits():
        yield


def differences(browser: Browser, role: str, where: str) -> list[str]:
    wrong = []
    for one in everything():
        found, should = at(browser, one), expected(role, one, where)
        if found != should:
            wrong.append(f"{role} {where} {one.name}: {found}, the file says {should}")
    return wrong


@pytest.mark.parametrize("role", MEMBERS)
def test_a_member(role: str, db: DatabaseUrls) -> None:
    own, other = accounts.create_tenant("Acme").id, accounts.create_tenant("Bolt").id
    browser = person(role, own)
    assert differences(browser, role, "own") == []
    browser.tenant = other
    for one in everything():
        if one.audience != "person":
            answer = browser(one.verb, one.path, one.body, If_Match="*")
            assert (answer.status_code, answer.json()["code"]) == (404, "tenant_not_found"), one
    browser.tenant = None  # the only one there is
    assert browser("get", "/tenant").json()["name"] == "Acme"


@pytest.mark.parametrize("role", OPERATORS)
def test_staff_of_the_operator(role: str, db: DatabaseUrls) -> None:
    granted, other = accounts.create_tenant("Acme").id, accounts.create_tenant("Bolt").id
    user = make_user(f"{role}@operator.example")
    make_member(user, None, role, work_location="US")
    browser = sign_in(user, INSTALLATION)
    assert differences(browser, role, "own") == []
    let_in(user.id, granted)
    browser.tenant = granted
    assert differences(browser, role, "granted") == []
    browser.tenant = UUID(int=7)
    assert browser("get", "/tenant").json()["code"] == "access_grant_required"
    browser.tenant = other
    for one in everything():
        if one.audience != "person":
            assert at(browser, one) == "access_grant_required", one


def let_in(staff: UUID, tenant: UUID) -> None:
    session = Session(staff, mfa=True, authenticated_at=None)
    principal = identity.principal_of(session, INSTALLATION)
    identity.request_access(principal, tenant, "the customer asked for help", 60)


def test_nobody_and_a_member_of_nothing(db: DatabaseUrls) -> None:
    accounts.create_tenant("Acme")
    stranger, nobody = sign_in(make_user("stranger@example.com")), Browser(Client())
    forged = Browser(Client())
    forged.client.cookies["sessionid"] = "0123456789abcdefghijklmnopqrstuv"
    for one in everything():
        assert at(nobody, one) == at(forged, one) == "unauthorized", one
        if one.audience != "person":
            assert at(stranger, one) == "no_membership", one


@pytest.mark.parametrize("role", ROLES)
def test_without_second_factor_and_after_some_time(role: str, db: DatabaseUrls) -> None:
    """One operation of each permission: a role that needs a second factor gets nowhere without,
    and what needs a fresh sign-in gets one."""
    tenant = None if role in OPERATORS else accounts.create_tenant("Acme").id
    user = make_user(f"{role}@example.com")
    make_member(user, tenant, role)
    where = tenant or INSTALLATION
    weak, stale = sign_in(user, where, mfa=False), sign_in(user, where, age_seconds=301)
    tried = 0
    for one in {
        one.scope: one for one in everything() if expected(role, one, "own") is None
    }.values():
        if one.scope is None:
            continue
        tried += 1
        assert at(weak, one) == ("mfa_required" if role in NEEDS_MFA else None), one
        step_up = MATRIX[one.scope, role] == "s"
        assert at(stale, one) == ("step_up_required" if step_up else None), one
    assert tried >= (0 if role == "lawful-process" else 3)


def test_keys_carry_what_their_column_says(db: DatabaseUrls) -> None:
    column = {permission: MATRIX[permission, "api-key"] for permission, _ in MATRIX}
    tenant = someone().tenant
    for permission, mark in column.items():
        if mark in ".o":
            with pytest.raises(RingfenceError, match="unknown scopes"):
                accounts.create_api_key(tenant, scopes=(permission,))
        else:
            assert accounts.create_api_key(tenant, scopes=(permission,)).info.scopes
    usual = set(accounts.create_api_key(tenant).info.scopes)
    assert usual == {permission for permission, mark in column.items() if mark == "x"}
    assert set(ALL_SCOPES) == {
        permission for permission, mark in column.items() if mark not in ".o"
    }
    for scope in ALL_SCOPES:
        key = accounts.create_api_key(tenant, scopes=(scope,)).secret
        for one in everything():
            code = refusal(ask(one.verb, one.path, key, one.body, If_Match="*"))
            if one.audience == "person":
                assert code == "unauthorized"
            elif one.audience == "operators":
                assert code == "operator_only"
            elif one.scope != scope:
                assert code == "insufficient_scope", one
            else:
                assert code is None, one
        if scope >= "d":
            break  # every scope is the same code: two letters' worth of them
