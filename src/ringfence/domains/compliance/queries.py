"""Reading what is set, cases and notices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from ringfence.domains.compliance.contracts import (
    AccountInfo,
    CaseInfo,
    CaseNotFound,
    CasePage,
    ContactInfo,
    ContractInfo,
    DisclosureInfo,
    NoticeInfo,
    NoticePage,
)
from ringfence.domains.compliance.models import Account, Case, Contact, Disclosure, Notice
from ringfence.domains.compliance.rules import authentication as rules
from ringfence.domains.compliance.rules.records import Kind, OnFile, masked, of_record
from ringfence.platform_django.clock import clock
from ringfence.platform_django.sealed import open_fields
from ringfence.platform_django.tenancy import APP, across_tenants, tenant


def get_account(tenant_id: UUID) -> AccountInfo:
    """What a tenant has set. Opens its contacts: needs a use in force."""
    with tenant(tenant_id):
        return _account(APP, tenant_id)


def get_any_account(tenant_id: UUID) -> AccountInfo:
    """The same, for the operator."""
    with across_tenants("read cpni account") as db:
        return _account(db, tenant_id)


def get_unopened_account(tenant_id: UUID) -> AccountInfo:
    """The same without the values of contacts, for who opens none; needs no use in force."""
    with across_tenants("read cpni account") as db:
        rows = _contacts_in_force(db, tenant_id)
        return _account_info(db, tenant_id, [(row, None) for row in rows])


def _account(db: str, tenant_id: UUID) -> AccountInfo:
    rows = _contacts_in_force(db, tenant_id)
    opened = open_fields(rows, "value_sealed")
    values = [values["value_sealed"].value for values in opened]
    return _account_info(db, tenant_id, list(zip(rows, values, strict=True)))


def _contacts_in_force(db: str, tenant_id: UUID) -> list[Contact]:
    current = Contact.objects.using(db).filter(tenant_id=tenant_id, replaced_at=None)
    return list(current.order_by("kind"))


def _account_info(
    db: str, tenant_id: UUID, contacts: Sequence[tuple[Contact, str | None]]
) -> AccountInfo:
    now = clock().now()
    row = account_row(db, tenant_id)
    return AccountInfo(
        tenant_id=tenant_id,
        password_set_at=row.password_set_at,
        question=row.question or None,
        answer_set_at=row.answer_set_at,
        locked_until=_locked_until(row, now),
        contacts=tuple(
            ContactInfo(
                kind=one.kind,
                value=value,
                since=one.since,
                of_record=of_record(_on_file(one, ""), now),
            )
            for one, value in contacts
        ),
        contract=_contract(row),
    )


def account_row(db: str, tenant_id: UUID) -> Account:
    """Of a tenant, also before there is one."""
    found = Account.objects.using(db).filter(tenant_id=tenant_id).first()
    return Account(tenant_id=tenant_id) if found is None else found


def _locked_until(row: Account, now: datetime) -> datetime | None:
    return row.locked_until if rules.Attempts(0, row.locked_until).locked(now) else None


def _contract(row: Account) -> ContractInfo | None:
    if not row.contract_regime or row.contract_set_at is None:
        return None
    return ContractInfo(
        row.contract_regime, row.contract_reason, row.contract_set_by, row.contract_set_at
    )


def _on_file(row: Contact, value: str) -> OnFile:
    return OnFile(Kind(row.kind), value, row.since, row.with_account, row.replaced_at)


def contacts_of(db: str, tenant_id: UUID) -> list[tuple[Contact, OnFile]]:
    """All contacts that a tenant has and had, newest first, but for those that do not open."""
    rows = list(Contact.objects.using(db).filter(tenant_id=tenant_id).order_by("-id")[:100])
    opened = open_fields(rows, "value_sealed")
    values = [values["value_sealed"].value for values in opened]
    pairs = zip(rows, values, strict=True)
    return [(row, _on_file(row, value)) for row, value in pairs if value is not None]


def machine(row: Case) -> rules.Case:
    """What the state machine knows of a row."""
    return rules.Case(
        channel=rules.Channel(row.channel),
        opened_at=row.opened_at,
        state=rules.State(row.state),
        proved_at=row.proved_at,
        code_at=row.code_at,
        wrong_codes=row.wrong_codes,
    )


def case_info(row: Case, account: Account, disclosures: Sequence[Disclosure] = ()) -> CaseInfo:
    now = clock().now()
    case = rules.at(machine(row), now)
    tell = rules.may_tell(case, now) and case.proved_at is not None
    return CaseInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        channel=row.channel,
        state=case.state.value,
        opened_by=row.opened_by,
        opened_at=row.opened_at,
        proved_at=row.proved_at,
        may_tell_until=case.proved_at + rules.PROOF_LASTS if tell and case.proved_at else None,
        failures=row.failures,
        locked_until=_locked_until(account, now),
        closed_at=row.closed_at,
        contract=account.contract_regime or None,
        disclosures=tuple(
            DisclosureInfo(one.id, one.kind, one.basis, one.actor, one.at, tuple(one.calls))
            for one in disclosures
        ),
    )


def get_case(case_id: UUID) -> CaseInfo:
    """A case with what was told in it. For the operator. Raises CaseNotFound."""
    with across_tenants("read cpni case") as db:
        row = Case.objects.using(db).filter(id=case_id).first()
        if row is None:
            raise CaseNotFound("no such case")
        return _with_disclosures(db, [row])[0]


def _with_disclosures(db: str, rows: Sequence[Case]) -> list[CaseInfo]:
    told = Disclosure.objects.using(db).filter(case_id__in=[row.id for row in rows])
    accounts = Account.objects.using(db).in_bulk({row.tenant_id for row in rows})
    infos = []
    by_case: dict[UUID, list[Disclosure]] = {}
    for one in told.order_by("id"):
        by_case.setdefault(one.case_id, []).append(one)
    for row in rows:
        account = accounts.get(row.tenant_id) or Account(tenant_id=row.tenant_id)
        infos.append(case_info(row, account, by_case.get(row.id, ())))
    return infos


def list_cases(
    *, tenant_id: UUID | None = None, before: UUID | None = None, limit: int = 50
) -> CasePage:
    """Cases of a tenant, or of all, newest first, with what was told. For the operator."""
    with across_tenants("list cpni cases") as db:
        rows = Case.objects.using(db).order_by("-id")
        if tenant_id is not None:
            rows = rows.filter(tenant_id=tenant_id)
        if before is not None:
            rows = rows.filter(id__lt=before)
        found = list(rows[: limit + 1])
        infos = tuple(_with_disclosures(db, found[:limit]))
    return CasePage(infos, infos[-1].id if len(found) > limit else None)


def notice_info(row: Notice) -> NoticeInfo:
    return NoticeInfo(
        id=row.id,
        tenant_id=row.tenant_id,
        what=row.what,
        channel=row.channel,
        actor=row.actor,
        changed_at=row.changed_at,
        sent_at=row.sent_at,
    )


def list_notices(
    tenant_id: UUID | None, *, before: UUID | None = None, limit: int = 50
) -> NoticePage:
    """A tenant's notices, newest first; for the operator (None) those of all that somebody has to
    tell or to post."""
    if tenant_id is None:
        with across_tenants("list cpni notices") as db:
            rows = Notice.objects.using(db).filter(sent_at=None, channel__in=["number", "address"])
            if before is not None:
                rows = rows.filter(id__lt=before)
            found = list(rows.order_by("-id")[: limit + 1])
    else:
        with tenant(tenant_id):
            rows = Notice.objects.filter(tenant_id=tenant_id)
            if before is not None:
                rows = rows.filter(id__lt=before)
            found = list(rows.order_by("-id")[: limit + 1])
    page = tuple(map(notice_info, found[:limit]))
    return NoticePage(page, page[-1].id if len(found) > limit else None)


def without_values(info: AccountInfo) -> AccountInfo:
    """The account as others than its owner see it."""
    return replace(
        info,
        contacts=tuple(
            replace(one, value=None if one.value is None else masked(Kind(one.kind), one.value))
            for one in info.contacts
        ),
    )
