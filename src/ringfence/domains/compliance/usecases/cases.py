"""A case, held while something happens to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from ringfence.domains.accounts.api import get_any_tenant, get_settings
from ringfence.domains.compliance.contracts import CaseInfo, CaseNotFound, CaseStateConflict
from ringfence.domains.compliance.models import Account, Case
from ringfence.domains.compliance.queries import account_row, case_info, machine
from ringfence.domains.compliance.rules.authentication import Case as MachineCase
from ringfence.domains.compliance.rules.authentication import Channel, Event, advance, at
from ringfence.domains.identity.api import work_location_of
from ringfence.domains.identity.contracts import LocationRefused
from ringfence.platform_django.clock import clock
from ringfence.platform_django.http import Caller
from ringfence.platform_django.tenancy import across_tenants

HOME = "US"


@dataclass
class Held:
    """A case and its tenant's account, which nobody else changes before the transaction ends."""

    db: str
    row: Case
    account: Account

    def after(self, event: Event) -> MachineCase:
        """What the case would become. Raises CaseStateConflict when that cannot happen now."""
        now = clock().now()
        case = advance(machine(self.row), event, now)
        if case is None:
            state = at(machine(self.row), now).state.value
            raise CaseStateConflict("not in this state", details={"state": state})
        return case

    def happen(self, event: Event) -> None:
        """Take the case on. Raises CaseStateConflict."""
        case = self.after(event)
        self.row.state, self.row.proved_at = case.state.value, case.proved_at
        self.row.code_at, self.row.wrong_codes = case.code_at, case.wrong_codes

    def save(self) -> CaseInfo:
        self.row.save(using=self.db)
        return case_info(self.row, self.account)


@contextmanager
def held(staff: Caller, case_id: UUID) -> Iterator[Held]:
    """Raises CaseNotFound, LocationRefused."""
    with across_tenants("work on cpni case") as db:
        row = Case.objects.using(db).select_for_update().filter(id=case_id).first()
        if row is None:
            raise CaseNotFound("no such case")
        check_location(staff, row.tenant_id)
        Account.objects.using(db).get_or_create(tenant_id=row.tenant_id)
        account = Account.objects.using(db).select_for_update().get(tenant_id=row.tenant_id)
        yield Held(db, row, account)


def open_case(staff: Caller, tenant_id: UUID, channel: Channel) -> CaseInfo:
    """Somebody asks for a tenant's call detail. Raises TenantNotFound, LocationRefused."""
    get_any_tenant(tenant_id)
    check_location(staff, tenant_id)
    with across_tenants("open cpni case") as db:
        row = Case.objects.using(db).create(
            tenant_id=tenant_id,
            channel=channel.value,
            opened_by=staff.actor,
            opened_at=clock().now(),
        )
        return case_info(row, account_row(db, tenant_id))


def close_case(staff: Caller, case_id: UUID) -> CaseInfo:
    """Nothing happens to it any more. Raises CaseNotFound, CaseStateConflict, LocationRefused."""
    with held(staff, case_id) as case:
        case.happen(Event.CLOSE)
        case.row.closed_at = clock().now()
        return case.save()


def actor_in(staff: Caller, case_id: UUID) -> str:
    """Who opens something, for the audit trail: the staff and the case."""
    return f"{staff.actor}/case:{case_id.hex}"


def check_location(staff: Caller, tenant_id: UUID) -> None:
    """Raises LocationRefused where the tenant lets in staff who work in the United States alone."""
    if get_settings(tenant_id).us_staff_only and work_location_of(staff.credential_id) != HOME:
        raise LocationRefused("this tenant lets in staff who work in the United States alone")
