"""Publishing: concurrent, for good, and what a call gets of it in few queries."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings
from django.db import connections
from django.test.utils import CaptureQueriesContext

from ringfence.domains.accounts import api as accounts
from ringfence.domains.flows import api
from ringfence.domains.flows.contracts import (
    FlowInvalid,
    FlowNotFound,
    FlowNotPublished,
    NewTarget,
    PublishedParts,
    TargetKind,
)
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.clock import new_id
from ringfence.protocols.wav import Encoding, header

HELLO = {"start": "a", "nodes": {"a": {"type": "say", "text": "Hello"}}}
WAV = header(Encoding.PCM16, 160) + bytes(160)
DESK = NewTarget("Desk", TargetKind.SIP, uri="sip:desk@pbx.example.net")


@pytest.fixture
def acme(db: DatabaseUrls) -> UUID:
    return accounts.create_tenant("Acme").id


def flow(tenant: UUID, *nodes: dict[str, Any]) -> UUID:
    """A published flow of nodes one after the other."""
    last = len(nodes) - 1
    chain = {
        f"n{index}": {**node, **({"next": {"": f"n{index + 1}"}} if index < last else {})}
        for index, node in enumerate(nodes)
    }
    made = api.create_flow(tenant, "Flow", {"start": "n0", "nodes": chain}).id
    api.publish(tenant, made)
    return made


def enter(other: UUID) -> dict[str, Any]:
    return {"type": "flow", "flow": public_id(Prefix.FLOW, other)}


def test_publishers_at_once_make_versions_without_gaps(acme: UUID) -> None:
    made = api.create_flow(acme, "Main", HELLO).id
    workers, each = 6, 5
    together = threading.Barrier(workers)

    def publish_some(_: int) -> list[int]:
        try:
            together.wait(30)
            return [api.publish(acme, made).version for _ in range(each)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(workers) as pool:
        found = [
            version for versions in pool.map(publish_some, range(workers)) for version in versions
        ]
    assert sorted(found) == list(range(1, workers * each + 1))
    assert api.get_flow(acme, made).published_version == workers * each
    listed = api.list_versions(acme, made, limit=200).versions
    assert [item.version for item in listed] == list(range(workers * each, 0, -1))


def test_of_two_that_close_a_circle_at_once_one_is_refused(acme: UUID) -> None:
    first, second = flow(acme, HELLO["nodes"]["a"]), flow(acme, HELLO["nodes"]["a"])  # type: ignore[index]
    for one, other in ((first, second), (second, first)):
        redirect = {"type": "redirect", "flow": public_id(Prefix.FLOW, other)}
        api.save_draft(acme, one, name=None, draft={"start": "a", "nodes": {"a": redirect}})
    together = threading.Barrier(2)

    def publish_one(which: UUID) -> bool:
        try:
            together.wait(30)
            api.publish(acme, which)
            return True
        except FlowInvalid:
            return False
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(publish_one, (first, second))) == [False, True]


@pytest.mark.parametrize(
    "statement", ["UPDATE flows_version SET note = 'x'", "DELETE FROM flows_version"]
)
def test_a_version_never_changes(acme: UUID, db: DatabaseUrls, statement: str) -> None:
    flow(acme, {"type": "hangup"})
    for url in (db.app, db.operator):
        with psycopg.connect(url) as connection:
            connection.execute("SELECT set_config('ringfence.tenant', %s, true)", [str(acme)])
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    with psycopg.connect(db.owner, autocommit=True) as owner, psycopg.connect(db.app) as app:
        owner.execute("GRANT UPDATE, DELETE ON flows_version TO ringfence_app")  # by mistake
        try:
            app.execute("SELECT set_config('ringfence.tenant', %s, true)", [str(acme)])
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changes"):
                app.execute(statement)
        finally:
            owner.execute("REVOKE UPDATE, DELETE ON flows_version FROM ringfence_app")


class Counted:
    """Queries while the block runs, on every connection."""

    def __enter__(self) -> Counted:
        self._stack = ExitStack()
        self._seen = [
            self._stack.enter_context(CaptureQueriesContext(connections[alias]))
            for alias in ("default", "operator", "callplane")
        ]
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    @property
    def all(self) -> list[str]:
        return [query["sql"] for seen in self._seen for query in seen.captured_queries]

    @property
    def of_rows(self) -> list[str]:
        return [sql for sql in self.all if "flows_" in sql]


def load(tenant: UUID, flow_id: UUID) -> tuple[PublishedParts, Counted]:
    with Counted() as counted:
        parts = api.published_parts(tenant, flow_id)
    return parts, counted


def test_a_call_gets_everything_in_three_queries_and_then_in_one(acme: UUID) -> None:
    prompt = api.upload_prompt(acme, "Welcome", WAV).id
    target = api.create_target(acme, DESK).id
    play = {"type": "play", "prompt": public_id(Prefix.PROMPT, prompt)}
    ring = {"type": "dial", "targets": [{"target": public_id(Prefix.TARGET, target)}]}
    leaf = flow(acme, play, ring)
    middle = [flow(acme, play, enter(leaf)) for _ in range(8)]
    main = flow(acme, *map(enter, middle), ring)
    flow(acme, play)  # nothing leads to it
    parts, counted = load(acme, main)
    assert set(parts.flows) == {main, *middle, leaf}
    assert {item.version for item in parts.flows.values()} == {1}
    assert parts.flows[leaf].graph.start == "n0"
    assert parts.prompts == {
        prompt: str(settings.RINGFENCE.prompt_dir / acme.hex / f"{prompt.hex}.wav")
    }
    assert Path(parts.prompts[prompt]).read_bytes() == WAV
    assert parts.targets == {target: api.get_target(acme, target)}
    assert parts.devices == {}
    assert len(counted.of_rows) == 3, counted.of_rows
    again, counted = load(acme, main)
    assert again is parts
    assert len(counted.all) == 1, counted.all


def test_a_change_is_seen_by_the_next_call(acme: UUID) -> None:
    target = api.create_target(acme, DESK).id
    ring = {"type": "dial", "targets": [{"target": public_id(Prefix.TARGET, target)}]}
    leaf = flow(acme, ring)
    main = flow(acme, enter(leaf))
    first = api.published_parts(acme, main)
    api.save_draft(acme, leaf, name="Renamed", draft=HELLO)
    assert api.published_parts(acme, main) is first, "a draft is nothing to a call"
    bolt = accounts.create_tenant("Bolt").id
    flow(bolt, {"type": "hangup"})
    assert api.published_parts(acme, main) is first, "nor is another tenant"
    off = NewTarget("Desk", TargetKind.SIP, uri="sip:desk@pbx.example.net", enabled=False)
    api.change_target(acme, target, off)
    assert not api.published_parts(acme, main).targets[target].enabled
    api.publish(acme, leaf)
    parts = api.published_parts(acme, main)
    assert (parts.flows[leaf].version, parts.targets) == (2, {})
    api.rollback(acme, leaf, 1)
    parts = api.published_parts(acme, main)
    assert (parts.flows[leaf].version, set(parts.targets)) == (3, {target})
    api.archive_flow(acme, main)
    with pytest.raises(FlowNotFound):
        api.published_parts(acme, main)


def test_what_was_never_published_no_call_gets(acme: UUID) -> None:
    draft = api.create_flow(acme, "Draft", HELLO).id
    with pytest.raises(FlowNotPublished):
        api.published_parts(acme, draft)
    for owner, wanted in ((acme, new_id()), (accounts.create_tenant("Bolt").id, draft)):
        with pytest.raises(FlowNotFound):
            api.published_parts(owner, wanted)


def test_a_flow_that_others_lead_to_must_still_fit_them(acme: UUID) -> None:
    gather = {"type": "gather", "prompts": [{"say": "?"}], "save_as": "zip"}
    leaf = flow(acme, gather)
    main = flow(acme, enter(leaf), {"type": "say", "text": "It is {zip}"})
    api.save_draft(acme, leaf, name=None, draft=HELLO)
    with pytest.raises(FlowInvalid) as refused:
        api.publish(acme, leaf)
    problems = refused.value.details["problems"]
    assert {(problem["flow"], problem["node"]) for problem in problems} == {
        (public_id(Prefix.FLOW, main), "n1")
    }
