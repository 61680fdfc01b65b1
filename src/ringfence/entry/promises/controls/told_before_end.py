"""Before the data of a closed tenant ends, its people are told; without that it does not end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.site import Site

_CLAUSES = ("SIP-08.2-03",)
_CLOSED = "SELECT count(*) FROM accounts_tenant WHERE status = 'closed'"
_UNTOLD = """
    SELECT id FROM accounts_tenant WHERE status = 'closed' AND ended_at IS NULL
    AND warned_at IS NULL AND ends_at - make_interval(days => %(days)s) < now() - interval '3 hours'
"""
_TOO_SOON = """
    SELECT id FROM accounts_tenant WHERE ended_at IS NOT NULL
    AND (warned_at IS NULL OR ended_at < warned_at + make_interval(days => %(days)s))
    AND ended_at > (SELECT applied FROM django_migrations
        WHERE app = 'accounts' AND name = '0005_warned')
"""
"""Of those that ended before, nobody wrote down who was told."""


def _population(site: Site) -> int:
    row = site.database.execute(_CLOSED).fetchone()
    return row[0] if row else 0


def _check(site: Site) -> list[Finding]:
    days = {"days": site.profile.deletion.notice_days}
    return [
        Finding(code, f"accounts_tenant {id_}")
        for code, query in (("untold", _UNTOLD), ("ended_too_soon", _TOO_SOON))
        for (id_,) in site.database.execute(query, days).fetchall()
    ]


def _set(change: str) -> Callable[[Site], AbstractContextManager[str]]:
    """Of the examiner's closed tenant, whose time is over."""
    query = (
        f"UPDATE accounts_tenant SET {change}"  # noqa: S608 - constants, below
        " WHERE id = %s AND status = 'closed'"
    )

    def plant(site: Site) -> AbstractContextManager[str]:
        closed = site.canary.closed
        days = site.profile.deletion.notice_days
        return site.planted(f"accounts_tenant {closed}", query.replace("{days}", str(days)), closed)

    return plant


TOLD_BEFORE_END = Control(
    name="told-before-end",
    says="The people of a closed tenant are told of the end of its data as long before as is"
    " promised; it does not end untold.",
    limits="That a mail was ordered is seen, not that it arrived; who has no people is told"
    " nothing. Days of retention that end one by one are told by the policy alone.",
    population=_population,
    check=_check,
    violations=(
        Violation("untold", _CLAUSES, _set("warned_at = NULL, ended_at = NULL, ends_at = now()")),
        Violation("ended-untold", _CLAUSES, _set("warned_at = NULL, ended_at = now()")),
        Violation(
            "ended-a-day-early",
            _CLAUSES,
            _set("warned_at = now() - make_interval(days => {days} - 1), ended_at = now()"),
        ),
    ),
)
