"""The published policy: dated, with a contact, told before it changes, never rewritten."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.site import Site

_READ = (
    "SELECT number, profile, profile_hash, values, clauses, changes, notice_days, needs_consent,"
    " published_at, effective_at, published_by, build, report, html, digest"
    " FROM policy_version ORDER BY number"
)
_INSERT = "INSERT INTO policy_version SELECT (jsonb_populate_record(NULL::policy_version, %s)).*"
_SAID = re.compile(r'<li id="([^"]+)">')
_DATED = re.compile(r'<time datetime="([^"]+)">')
_CONTACT = re.compile(r'<address id="contact">(.*?)</address>')
_PART = re.compile(r'<span class="(\w+)">[^<]*\w[^<]*</span>')
_PARTS = {"operator", "email", "phone", "address"}
_ABOUT = ("name", "text_of", "not_claimed", "notes")
_SECONDS = 20


class _Version(NamedTuple):
    number: int
    profile: str
    profile_hash: str
    values: dict[str, Any]
    clauses: list[str]
    changes: list[dict[str, Any]]
    notice_days: int
    needs_consent: bool
    published_at: datetime
    effective_at: datetime
    published_by: str
    build: str
    report: int
    html: str
    digest: str


def _versions(site: Site) -> list[_Version]:
    return [_Version(*row) for row in site.database.execute(_READ).fetchall()]


def _check(site: Site) -> list[Finding]:
    found = _versions(site)
    missing = sorted(set(range(1, found[-1].number + 1)) - {one.number for one in found})
    findings = [Finding("version_missing", f"version {number}") for number in missing]
    before: _Version | None = None
    for one in found:
        findings += _of_one(site, one, before)
        before = one
    return findings + _served_now(site, found)


def _of_one(site: Site, one: _Version, before: _Version | None) -> Iterator[Finding]:
    name = f"version {one.number}"
    if one.digest != _digest(before.digest if before else "", one):
        yield Finding("text_changed", f"text of {name}")
    if set(_SAID.findall(one.html)) != set(one.clauses):
        yield Finding("other_clauses", f"clauses of {name}")
    if [datetime.fromisoformat(at) for at in _DATED.findall(one.html)] != [
        one.published_at,
        one.effective_at,
    ]:
        yield Finding("no_dates", f"dates of {name}")
    contact = _CONTACT.search(one.html)
    for part in sorted(_PARTS - set(_PART.findall(contact[1] if contact else ""))):
        yield Finding("no_contact", f"{part} of {name}")
    if '<a href="/policy/versions/">' not in one.html or one.profile_hash not in one.html:
        yield Finding("no_archive", f"archive of {name}")
    if before is not None:
        days = max(before.notice_days, one.values["change"]["notice_days"])
        if one.effective_at < one.published_at + timedelta(days=days):
            yield Finding("notice_too_short", f"notice of {name}", f"promised: {days} days")
        unsaid = sorted(_differences(before, one) - {change["what"] for change in one.changes})
        if unsaid:
            yield Finding("unsaid", f"summary of {name}", ", ".join(unsaid[:5]))
    if one.digest == _digest(before.digest if before else "", one):  # what was read is the row
        answer = _get(site, f"/policy/versions/{one.number}/")
        if answer is not None and answer != one.html:
            yield Finding("other_page", f"page of {name}")


def _served_now(site: Site, found: list[_Version]) -> list[Finding]:
    """``/policy/`` is the newest that is in force."""
    now = datetime.now(UTC)
    in_force = [one for one in found if one.effective_at <= now]
    page = _get(site, "/policy/")
    shown = page is None if not in_force else page == in_force[-1].html
    return [] if shown else [Finding("other_page", "page in force")]


def _differences(before: _Version, after: _Version) -> set[str]:
    clauses = set(before.clauses) ^ set(after.clauses)
    was, now = dict(_flat(before.values)), dict(_flat(after.values))
    return clauses | {path for path in was.keys() | now.keys() if was.get(path) != now.get(path)}


def _flat(tree: dict[str, Any], dotted: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{dotted}{name}.")
        elif f"{dotted}{name}" not in _ABOUT:
            yield f"{dotted}{name}", value


def _digest(previous: str, one: _Version) -> str:
    facts = {
        "number": one.number,
        "profile_hash": one.profile_hash,
        "clauses": one.clauses,
        "changes": one.changes,
        "needs_consent": one.needs_consent,
        "published_at": one.published_at.astimezone(UTC).isoformat(),
        "effective_at": one.effective_at.astimezone(UTC).isoformat(),
        "build": one.build,
        "report": one.report,
    }
    spelled = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{previous}\n{spelled}\n{one.html}".encode()).hexdigest()


def _get(site: Site, path: str) -> str | None:
    """What a visitor gets; None: 404."""
    base = site.canary.api.base.removesuffix("/api/v1")
    try:
        with urllib.request.urlopen(base + path, timeout=_SECONDS) as answer:  # noqa: S310 - ours
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return None


def _changed(what: str, statement: str) -> Callable[[Site], AbstractContextManager[str]]:
    """Of the newest version."""

    def plant(site: Site) -> AbstractContextManager[str]:
        number = _versions(site)[-1].number
        return site.planted(f"{what}version {number}", statement, number)

    return plant


def _next(
    what: str, *, days: int = 0, told: bool = True
) -> Callable[[Site], AbstractContextManager[str]]:
    """One more version after the newest, which drops a clause: so many days off what its notice
    allows, and with or without telling so."""

    @contextlib.contextmanager
    def plant(site: Site) -> Iterator[str]:
        last = _versions(site)[-1]
        gone = {"kind": "removed", "what": last.clauses[0], "reduces": True}
        lead = timedelta(days=max(last.notice_days, last.values["change"]["notice_days"]))
        made = last._replace(
            number=last.number + 1,
            clauses=last.clauses[1:],
            changes=[gone] * told,
            published_at=last.effective_at,
            effective_at=last.effective_at + lead + timedelta(days=days),
        )
        made = made._replace(digest=_digest(last.digest, made))
        row = made._asdict() | {
            name: getattr(made, name).isoformat() for name in ("published_at", "effective_at")
        }
        with site.planted(f"{what} of version {made.number}", _INSERT, Jsonb(row)) as subject:
            yield subject

    return plant


def _without(part: str) -> Callable[[Site], AbstractContextManager[str]]:
    def plant(site: Site) -> AbstractContextManager[str]:
        number = _versions(site)[-1].number
        return site.planted(
            f"{part} of version {number}",
            "UPDATE policy_version SET html = regexp_replace(html, %s, '') WHERE number = %s",
            f'<span class="{part}">[^<]*</span>',
            number,
        )

    return plant


_STATED = ("CMX-14.0-02", "SIP-13.0-02", "CCA-10.0-01", "CLX-12.0-01")
POLICY_PUBLISHED = Control(
    name="policy-published",
    says="Each version of the policy is dated, names a contact, tells what it changes, holds no"
    " earlier than its notice allows, and stays as it was published.",
    limits="That people got the mail of a notice is not seen, only how long before it was sent.",
    population=lambda site: len(_versions(site)),
    check=lambda site: _check(site) if _versions(site) else [],
    violations=(
        Violation(
            "text-rewritten",
            ("SIP-13.0-05", "CCA-09.0-01"),
            _changed("text of ", "UPDATE policy_version SET html = html || ' ' WHERE number = %s"),
        ),
        Violation(
            "version-taken-away",
            ("SIP-13.0-05", "CCA-09.0-01"),
            _changed("", "UPDATE policy_version SET number = number + 1 WHERE number = %s"),
        ),
        Violation(
            "dates-left-out",
            ("CMX-14.0-02", "SIP-13.0-02", "CCA-09.0-01"),
            _changed(
                "dates of ",
                "UPDATE policy_version SET html = replace(html, '<time', '<i') WHERE number = %s",
            ),
        ),
        Violation("operator-left-out", _STATED, _without("operator")),
        Violation("email-left-out", _STATED, _without("email")),
        Violation("phone-left-out", ("CLX-12.0-01",), _without("phone")),
        Violation("address-left-out", ("CCA-10.0-01", "CLX-12.0-01"), _without("address")),
        Violation(
            "archive-left-out",
            _STATED,
            _changed(
                "archive of ",
                "UPDATE policy_version SET html = replace(html, '/policy/versions/\">', '/\">')"
                " WHERE number = %s",
            ),
        ),
        Violation("notice-a-day-short", ("CMX-14.0-01",), _next("notice", days=-1)),
        Violation("change-not-told", ("SIP-13.0-03",), _next("summary", told=False)),
    ),
)
