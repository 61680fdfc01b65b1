"""A customer whose calls are asked for, and the operator's support that may tell them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tests.people import Browser, make_member, make_user, sign_in
from tests.population import record_call

from ringfence.domains.accounts import api as accounts
from ringfence.domains.identity.models import User
from ringfence.domains.numbers import api as numbers
from ringfence.domains.numbers.contracts import NewNumber, SipDial
from ringfence.kernel.clock import ManualClock
from ringfence.kernel.fields import INSTALLATION
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.clock import clock, new_id

CALLER = "+14155550100"


@dataclass
class World:
    """A customer with calls, two of the operator's support, and a clock."""

    tenant: UUID
    number: str
    number_id: UUID
    owner: User
    clock: ManualClock
    mails: list[tuple[str, str, str]]
    calls: list[UUID] = field(default_factory=list)
    staff: dict[str, User] = field(default_factory=dict)

    def _fresh(self, user: User, tenant: UUID) -> Browser:
        age = (datetime.now(UTC) - clock().now()).total_seconds()
        return sign_in(user, tenant, age_seconds=age)

    @property
    def customer(self) -> Browser:
        """The owner, just signed in."""
        return self._fresh(self.owner, self.tenant)

    def support(
        self, name: str = "ann", role: str = "operator-support", where: str = ""
    ) -> Browser:
        if name not in self.staff:
            self.staff[name] = make_user(f"{name}@operator.example")
            make_member(self.staff[name], None, role, work_location=where)
        return self._fresh(self.staff[name], INSTALLATION)

    def set(self, path: str, body: Any, verb: str = "post") -> Any:
        answer = self.customer(verb, f"/cpni/account{path}", body)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def contacts(self, email: str | None, number: str | None = None, address: Any = None) -> Any:
        return self.set("", {"email": email, "number": number, "address": address}, "put")

    def case(self, channel: str = "phone", tenant: UUID | None = None) -> str:
        body = {"tenant": public_id(Prefix.TENANT, tenant or self.tenant), "channel": channel}
        answer = self.support()("post", "/cpni/cases", body)
        assert answer.status_code == 201, answer.content
        assert answer.json()["may_tell_until"] is None
        return str(answer.json()["id"])

    def do(self, case: str, what: str, body: Any = None, name: str = "ann") -> Any:
        return self.support(name)("post", f"/cpni/cases/{case}/{what}", body)

    def state(self, case: str, what: str, body: Any = None, name: str = "ann") -> str:
        answer = self.do(case, what, body, name)
        assert answer.status_code == 200, answer.content
        return str(answer.json().get("case", answer.json())["state"])

    def listed(self, case: str, query: str = "") -> Any:
        return self.support()("get", f"/cpni/cases/{case}/calls{query}")

    def refused(self, case: str) -> bool:
        answer = self.listed(case)
        assert answer.status_code in (200, 403)
        if answer.status_code == 200:
            return False
        assert answer.json()["code"] == "cpni_not_authenticated"
        assert not any(call.hex in answer.content.decode() for call in self.calls)
        return True


def make_customer(name: str, number: str) -> tuple[UUID, UUID, User]:
    tenant = accounts.create_tenant(name).id
    made = numbers.create_number(
        NewNumber(tenant_id=tenant, e164=number, dial=(SipDial("sip:d@pbx.example.net"),))
    )
    owner = make_user(f"owner@{name.lower()}.example")
    make_member(owner, tenant, "owner")
    return tenant, made.id, owner


def call_at(world: World, caller: str = CALLER) -> UUID:
    call = new_id()
    record_call(
        call,
        new_id(),
        world.tenant,
        from_number=caller,
        to_number=world.number,
        number=world.number_id,
        started_at=clock().now(),
    )
    return call
