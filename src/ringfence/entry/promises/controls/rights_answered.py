"""Requests of data subjects are answered in time, and not before it is known who asks."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from uuid import uuid4

from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.site import Site
from ringfence.policies.profiles.period import Period, Unit

_TIME = ("CTX-05.C-05", "CCA-06.0-08")
_WHO = ("CTX-05.C-04",)
_WRONG = {
    "unanswered": "state IN ('received', 'verified', 'running')"
    " AND now() > coalesce(extended_until, due_at)",
    "answered_late": "state = 'done' AND completed_at > coalesce(extended_until, due_at)",
    "extended_without_reason": "extended_until IS NOT NULL AND extension_reason IS NULL",
    "extended_after_its_end": "extended_until IS NOT NULL AND extended_until <= due_at",
    "done_without_receipt": "state = 'done' AND (receipt IS NULL OR receipt->>'signature' IS NULL)",
    "done_unverified": "state IN ('verified', 'running', 'done')"
    " AND (verified_at IS NULL OR method IS NULL OR verified_by IS NULL)",
    "agent_without_authority": "method = 'authority'"
    " AND kind <> 'appeal' AND follows_appeal IS NULL"
    " AND (authority IS NULL OR coalesce(authority_hash, '') !~ '^[0-9a-f]{64}$'"
    " OR authority_expires_at <= verified_at"
    " OR authority = 'signed_permission' AND confirmed_at IS NULL)",
    "done_before_it_was_verified": "completed_at < verified_at AND state = 'done'",
}


def _population(site: Site) -> int:
    row = site.database.execute(
        "SELECT count(*) FROM privacy_rights_request WHERE verified_at IS NOT NULL"
    ).fetchone()
    return row[0] if row else 0


def _check(site: Site) -> list[Finding]:
    found: list[Finding] = []
    for code, wrong in _WRONG.items():
        rows = site.database.execute(
            f"SELECT id FROM privacy_rights_request WHERE {wrong} ORDER BY id"  # noqa: S608 - constants
        ).fetchall()
        found += [Finding(code, f"privacy_rights_request {id_}") for (id_,) in rows]
    for law, most in _promised(site).items():
        rows = site.database.execute(
            "SELECT id FROM privacy_rights_request WHERE tenant_id = %s AND jurisdiction = %s"
            " AND due_at - received_at > %s ORDER BY id",
            [site.canary.tenant, law, most],
        ).fetchall()
        found += [
            Finding("later_than_promised", f"privacy_rights_request {id_}") for (id_,) in rows
        ]
    return found


def _promised(site: Site) -> dict[str, timedelta]:
    """By law, the most that the profile leaves between asking and answer."""
    terms = site.profile.rights.deadline
    return {
        "us-ca": _most(terms.us_ca), "eu": _most(terms.eu), "us-other": _most(terms.other)
    }  # fmt: skip


def _most(period: Period) -> timedelta:
    """Of a length by the calendar, its longest."""
    days = {Unit.DAYS: 1, Unit.BUSINESS_DAYS: 3, Unit.MONTHS: 31}[period.unit]
    return timedelta(days=days * period.amount)


def _plant(site: Site, **changes: object) -> AbstractContextManager[str]:
    """A request as the product makes them, answered in time, but for what is changed."""
    most = _promised(site)["us-ca"]
    id_ = uuid4()
    values: dict[str, object] = {
        "age": timedelta(days=2), "due": most, "extended": None, "reason": None, "state": "done",
        "verified": timedelta(days=1), "method": "callback", "done": timedelta(hours=1),
        "receipt": '{"signature": "planted"}', "authority": None, "hash": None, **changes,
    }  # fmt: skip
    return site.planted(
        f"privacy_rights_request {id_}",
        "INSERT INTO privacy_rights_request (id, tenant_id, kind, jurisdiction, channel, state,"
        " received_at, acknowledge_by, due_at, extended_until, extension_reason, verified_at,"
        " verified_by, method, completed_at, package_id, receipt, authority, authority_hash)"
        " SELECT %s, %s, 'access', 'us-ca', 'note', %s, t.at, t.at + interval '10 days',"
        " t.at + %s, t.at + %s::interval, %s, now() - %s::interval, 'planted', %s,"
        " now() - %s::interval, %s, %s::jsonb, %s, %s FROM (SELECT now() - %s::interval AS at) t",
        *(id_, site.canary.tenant, values["state"], values["due"], values["extended"]),
        *(values["reason"], values["verified"], values["method"], values["done"], uuid4()),
        *(values["receipt"], values["authority"], values["hash"], values["age"]),
    )


def _late(site: Site, state: str, done: timedelta | None) -> AbstractContextManager[str]:
    age = _promised(site)["us-ca"] + timedelta(days=1)
    receipt = '{"signature": "planted"}' if state == "done" else None
    return _plant(site, age=age, state=state, done=done, receipt=receipt)


RIGHTS_ANSWERED = Control(
    name="rights-answered",
    says="Every request of a data subject is answered within the time promised, or was extended for"
    " a reason; none is worked before it is known who asks, and each that is done has a receipt.",
    limits="What was asked where nobody noted it. That officers are told is shown by a test.",
    population=_population,
    check=_check,
    violations=(
        Violation("unanswered-a-day-too-long", _TIME, lambda site: _late(site, "verified", None)),
        Violation(
            "answered-a-day-late", _TIME, lambda site: _late(site, "done", timedelta(minutes=1))
        ),
        Violation(
            "a-later-end-than-promised",
            _TIME,
            lambda site: _plant(site, due=_promised(site)["us-ca"] + timedelta(days=1)),
        ),
        Violation(
            "extended-without-a-reason",
            _TIME,
            lambda site: _plant(site, extended=_promised(site)["us-ca"] + timedelta(days=45)),
        ),
        Violation("done-without-a-receipt", _TIME, lambda site: _plant(site, receipt=None)),
        Violation("done-unverified", _WHO, lambda site: _plant(site, verified=None, method=None)),
        Violation("agent-without-a-document", _WHO, lambda site: _plant(site, method="authority")),
        Violation(
            "agent-whom-nobody-confirmed",
            _WHO,
            lambda site: _plant(
                site, method="authority", authority="signed_permission", hash="ab" * 32
            ),
        ),
        Violation(
            "worked-unverified",
            _WHO,
            lambda site: _plant(site, state="running", method=None, done=None, receipt=None),
        ),
        Violation(
            "verified-after-it-was-done",
            _WHO,
            lambda site: _plant(site, verified=timedelta(minutes=1)),
        ),
    ),
)
