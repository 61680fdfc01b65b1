"""The tree of accounts: the operator, resellers, tenants. Nobody reaches beside or above."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.api import ask
from tests.people import Browser, person

from ringfence.domains.accounts import api as accounts
from ringfence.domains.accounts.contracts import TenantInfo
from ringfence.kernel.clock import ManualClock, SystemClock
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import use_clock


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def path(info: TenantInfo, more: str = "") -> str:
    return f"/tenants/{public_id(Prefix.TENANT, info.id)}{more}"


@pytest.fixture
def north(db: DatabaseUrls) -> TenantInfo:
    return accounts.create_tenant("North", kind="reseller")


@pytest.fixture
def south(db: DatabaseUrls) -> TenantInfo:
    return accounts.create_tenant("South", kind="reseller")


@pytest.fixture
def admin(north: TenantInfo) -> Browser:
    return person("owner", north.id, "owner@north.example")


def test_a_reseller_has_customers_of_its_own(
    admin: Browser, north: TenantInfo, south: TenantInfo
) -> None:
    made = admin("post", "/tenants", {"name": "Cafe"})
    assert made.status_code == 201
    assert made.json()["parent"] == public_id(Prefix.TENANT, north.id)
    accounts.create_tenant("Theirs", manager=south.id)
    accounts.create_tenant("Direct")
    assert [one["name"] for one in admin("get", "/tenants").json()["tenants"]] == ["Cafe"]
    invited = admin("post", f"/tenants/{made.json()['id']}/owner", {"email": "o@cafe.example"})
    assert invited.status_code == 201
    operator = accounts.create_operator_key().secret
    names = [one["name"] for one in ask("get", "/tenants", operator).json()["tenants"]]
    assert sorted(names) == ["Cafe", "Direct", "North", "South", "Theirs"]


def test_beside_above_and_oneself_are_not_there(
    admin: Browser, north: TenantInfo, south: TenantInfo
) -> None:
    theirs = accounts.create_tenant("Theirs", manager=south.id)
    direct = accounts.create_tenant("Direct")
    for info in (theirs, direct, south, north):
        for verb, more, body in (
            ("get", "", None),
            ("patch", "", {"status": "suspended"}),
            ("post", "/close", None),
            ("post", "/reactivate", None),
            ("post", "/owner", {"email": "taken@over.example"}),
        ):
            answer = admin(verb, path(info, more), body, If_Match="*")
            assert code(answer) == (404, "tenant_not_found"), (info.name, verb, more)
        assert accounts.get_any_tenant(info.id).status == "active"
        assert accounts.get_any_tenant(info.id).name == info.name


def test_a_reseller_manages_and_does_not_look_in(admin: Browser, north: TenantInfo) -> None:
    """The confused deputy: what it may do to the account gives nothing of what is in it."""
    cafe = accounts.create_tenant("Cafe", manager=north.id)
    assert admin("get", path(cafe)).status_code == 200
    admin.tenant = cafe.id
    for route in ("/calls", "/recordings", "/members", "/tenant", "/keys"):
        assert code(admin("get", route)) == (404, "tenant_not_found")
    admin.tenant = north.id
    body = {"name": "x", "scopes": ["calls:read"]}
    assert code(admin("post", path(cafe, "/keys"), body)) == (403, "operator_only")
    key = accounts.create_api_key(north.id, scopes=("tenants:read", "tenants:write")).secret
    assert code(ask("post", path(cafe, "/keys"), key, body)) == (403, "operator_only")
    body = {"reason": "let me in please, now", "minutes": 5}
    assert code(admin("post", path(cafe, "/access-grants"), body)) == (403, "operator_only")
    assert ask("get", path(cafe), key).status_code == 200
    again = admin("post", path(cafe, "/owner"), {"email": "first@cafe.example"})
    assert again.status_code == 201
    owner = person("owner", cafe.id, "owner@cafe.example")
    assert code(admin("post", path(cafe, "/owner"), {"email": "me@north.example"})) == (
        409, "has_owner",
    )  # fmt: skip
    assert owner("get", "/tenants").json()["tenants"] == []
    assert code(owner("post", "/tenants", {"name": "Below"})) == (403, "not_a_reseller")


def test_no_field_makes_another_place_in_the_tree(admin: Browser, south: TenantInfo) -> None:
    for extra in (
        {"parent": public_id(Prefix.TENANT, south.id)},
        {"parent_id": str(south.id)},
        {"ancestors": []},
        {"status": "active", "ends_at": None},
    ):
        answer = admin("post", "/tenants", {"name": "Cafe"} | extra)
        assert code(answer) == (422, "invalid_input"), extra


def test_the_database_itself_bounds_a_reseller(north: TenantInfo, south: TenantInfo) -> None:
    """Row-level security, asked with SQL as the application's role."""
    from django.db import connections
    from django.db.utils import ProgrammingError

    from ringfence.platform_django.tenancy import tenant

    cafe = accounts.create_tenant("Cafe", manager=north.id)
    theirs = accounts.create_tenant("Theirs", manager=south.id)
    with tenant(north.id), connections["default"].cursor() as cursor:
        cursor.execute("SELECT id FROM accounts_tenant ORDER BY id")
        assert [row[0] for row in cursor.fetchall()] == [north.id, cafe.id]
        cursor.execute("UPDATE accounts_tenant SET status = 'suspended'")
        assert cursor.rowcount == 1, "its customer, not itself and nobody else's"
    assert accounts.get_any_tenant(theirs.id).status == "active"
    for ancestors in ([south.id], []):
        with (
            pytest.raises(ProgrammingError, match="row-level security"),
            tenant(north.id),
            connections["default"].cursor() as cursor,
        ):
            cursor.execute(
                "INSERT INTO accounts_tenant (id, name, kind, ancestors, plan, status, "
                "created_at) VALUES (gen_random_uuid(), 'x', 'tenant', %s, 'standard', "
                "'active', now())",
                [ancestors],
            )


def test_closing_and_coming_back(admin: Browser, north: TenantInfo) -> None:
    cafe = accounts.create_tenant("Cafe", manager=north.id)
    owner = person("owner", cafe.id, "owner@cafe.example")
    key = accounts.create_api_key(cafe.id).secret
    closed = admin("post", path(cafe, "/close")).json()
    assert closed["status"] == "closed"
    assert code(ask("get", "/tenant", key)) == (403, "tenant_suspended")
    assert code(owner("get", "/tenant")) == (403, "tenant_suspended")
    change = admin("patch", path(cafe), {"status": "active"}, If_Match="*")
    assert code(change) == (409, "tenant_closed")
    assert admin("post", path(cafe, "/close")).json()["ends_at"] == closed["ends_at"]
    assert admin("post", path(cafe, "/reactivate")).json()["status"] == "active"
    assert ask("get", "/tenant", key).status_code == 200
    assert owner("get", "/tenant").status_code == 200


def test_the_window_ends_to_the_second(north: TenantInfo) -> None:
    cafe = accounts.create_tenant("Cafe", manager=north.id)
    start = SystemClock().now()
    with use_clock(ManualClock(start)):
        accounts.close_tenant(cafe.id, manager=north.id)
    over = ManualClock(start + timedelta(days=30))
    with use_clock(over), pytest.raises(RingfenceError, match="is over"):
        accounts.reactivate_tenant(cafe.id, manager=north.id)
    with use_clock(ManualClock(start + timedelta(days=30, seconds=-1))):
        assert accounts.reactivate_tenant(cafe.id, manager=north.id).status == "active"


def test_a_reseller_is_closed_after_its_customers(north: TenantInfo) -> None:
    deep = accounts.create_tenant("Below", kind="reseller", manager=north.id)
    leaf = accounts.create_tenant("Leaf", manager=deep.id)
    for info in (north, deep):
        with pytest.raises(RingfenceError, match="closed first"):
            accounts.close_tenant(info.id)
    for info in (leaf, deep, north):
        assert accounts.close_tenant(info.id).status == "closed"


def test_plans_are_named_by_the_operator(admin: Browser, north: TenantInfo) -> None:
    assert code(admin("post", "/tenants", {"name": "X", "plan": "gold"})) == (422, "unknown_plan")
    assert code(admin("post", "/plans", {"code": "gold", "name": "G"})) == (403, "operator_only")
    staff = person("operator-admin", None)
    assert staff("post", "/plans", {"code": "gold", "name": "Gold"}).status_code == 201
    assert code(staff("post", "/plans", {"code": "gold", "name": "Gold"})) == (409, "plan_exists")
    made = admin("post", "/tenants", {"name": "X", "plan": "gold"})
    assert made.json()["plan"] == "gold"


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(parents=st.lists(st.integers(0, 30), min_size=1, max_size=12))
def test_whoever_asks_sees_what_is_below_and_nothing_else(
    parents: list[int], db: DatabaseUrls
) -> None:
    """Any tree: each account's list is exactly its descendants, by a walk over the parents."""
    made: list[TenantInfo] = []
    for index, choice in enumerate(parents):
        options: list[UUID | None] = [None, *(one.id for one in made)]
        parent = options[choice % len(options)]
        try:
            made.append(accounts.create_tenant(f"T{index}", kind="reseller", manager=parent))
        except RingfenceError as error:
            assert error.code == "tree_too_deep"
    parent_of = {one.id: one.parent_id for one in made}

    def above(id_: UUID | None) -> set[UUID]:
        found = set()
        while (id_ := parent_of.get(id_) if id_ else None) is not None:
            found.add(id_)
        return found

    for one in made:
        below = {other.id for other in made if one.id in above(other.id)}
        page = accounts.page_of_tenants(manager=one.id, limit=200)
        assert {info.id for info in page.tenants} == below
    with psycopg.connect(db.owner, autocommit=True) as connection:
        connection.execute("TRUNCATE accounts_tenant")
