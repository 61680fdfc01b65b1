"""For every route of the document that names an object: another tenant's is 404 and unharmed.

What goes to a live call is answered by the call plane, which is away here: for such an id as for
one that never was.
"""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import sql
from tests.api import ask
from tests.http.test_openapi import NEED_SIGNALLING, operations
from tests.people import person
from tests.population import Populated, populate

from ringfence.domains.accounts import api as accounts
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.ratelimit import use_limits

PLAIN = {"old": "1", "new": "1", "version": "1", "track": "caller", "action": "pause"}
"""Parts of paths that are no ids."""
BODIES: dict[str, Any] = {
    "change_member": {"role": "agent"},
    "change_role": {"name": "Taken over"},
    "change_client": {"name": "Taken over"},
    "change_device": {"name": "Taken over"},
    "change_flow": {"name": "Taken over"},
    "change_key": {"name": "Taken over"},
    "change_number": {"label": "Taken over"},
    "change_prompt": {"name": "Taken over"},
    "change_target": {"name": "Taken over"},
    "change_trunk": {"name": "Taken over"},
    "publish_flow": {},
    "appeal_rights_refusal": {},
    "decide_rights_appeal": {"granted": True},
    "extend_rights_request": {"reason": "complexity"},
    "lift_child_report": {"parent": "Taken over", "note": "Taken over"},
    "refuse_rights_request": {"reason": "withdrawn"},
    "verify_rights_request": {"method": "callback"},
    "redirect_call": {"url": "https://example.com/flow"},
    "replay_webhook": {"since": "2026-01-01T00:00:00Z"},
    "rotate_client_secret": {},
    "rotate_device_password": {},
    "roll_back_flow": {"version": 1},
    "update_webhook": {"description": "Taken over"},
    "write_off_unrated": {"reason": "Taken over"},
}
"""A valid body of each operation that has one."""
COUNTED = ("accounts_api_key", "platform_idempotent_request")
"""Tables that any request may write: the use of a key is noted."""


@pytest.fixture
def two(db: DatabaseUrls) -> tuple[Populated, Populated]:
    return populate("Acme", 1), populate("Bolt", 2)


def values(one: Populated, db: DatabaseUrls) -> dict[str, str]:
    """Path parameters that name an object of this tenant."""
    key = accounts.list_api_keys(one.tenant)[0].id
    with psycopg.connect(db.owner) as connection:
        row = connection.execute(
            "SELECT id FROM ledger_unrated WHERE tenant_id = %s", [one.tenant]
        ).fetchone()
    more = {"key_id": public_id(Prefix.API_KEY, key)}
    if row is not None:
        more["unrated_id"] = public_id(Prefix.UNRATED, row[0])
    return PLAIN | one.path_values() | more


def rows(db: DatabaseUrls, tenant: Any) -> dict[str, str]:
    """What stands in each table of a tenant, as a hash."""
    with psycopg.connect(db.owner) as connection:
        tables = connection.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE a.attname = 'tenant_id' AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
            "AND c.relname <> ALL(%s)",
            [list(COUNTED)],
        ).fetchall()
        assert len(tables) > 15, "or this looks at nothing"
        found = {}
        for (table,) in tables:
            row = connection.execute(
                sql.SQL(
                    "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) "
                    "FROM {} t WHERE tenant_id = %s"
                ).format(sql.Identifier(table)),
                [tenant],
            ).fetchone()
            assert row is not None
            found[table] = row[0]
    return found


def test_another_tenants_object_is_not_there(
    two: tuple[Populated, Populated], db: DatabaseUrls
) -> None:
    own, other = two
    theirs, wrong, walked = values(other, db), [], 0
    owner = person("owner", own.tenant, "walker@example.com", age_seconds=-3600)

    def asks(operation: dict[str, Any], verb: str, path: str, body: Any) -> Any:
        if operation["x-person-only"]:
            return owner(verb, path, body, If_Match="*")
        return ask(verb, path, own.secret, body, If_Match="*")

    before = rows(db, other.tenant)
    with use_limits():
        for verb, template, operation in operations():
            name = operation["operationId"]
            if "{" not in template or operation.get("x-operator-only"):
                continue
            names = [part[1:-1] for part in template.split("/") if part.startswith("{")]
            missing = [one for one in names if one not in theirs]
            assert not missing, f"{name}: give tests.population or this test a sample of {missing}"
            if "requestBody" in operation:
                assert name in BODIES, f"{name}: give BODIES a valid body"
            path = template.removeprefix("/api/v1").format(**theirs)
            answer = asks(operation, verb, path, BODIES.get(name))
            never = {one: text[:2] + "0" * 32 for one, text in theirs.items() if len(text) == 34}
            path = template.removeprefix("/api/v1").format(**(theirs | never))
            absent = asks(operation, verb, path, BODIES.get(name))
            expected = 503 if name in NEED_SIGNALLING else 404
            if (answer.status_code, answer.content) != (expected, absent.content):
                wrong.append(f"{name}: {answer.status_code} {answer.content!r:.300}")
            walked += 1
    assert not wrong, "\n".join(wrong)
    assert walked >= 25
    assert rows(db, other.tenant) == before, "and nothing of theirs changed"
