"""The policy's text, made from the last examination: it says nothing that was not seen to hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ringfence.entry.promises.states import BAD, State
from ringfence.kernel.errors import RingfenceError
from ringfence.platform.settings import PolicySettings
from ringfence.policies.catalogue import Catalogue, Kind
from ringfence.policies.profiles import Profile, parameters_of, profile_hash

if TYPE_CHECKING:
    from ringfence.domains.policy.api import Head

_ARCHIVE = (
    '<a href="/policy/versions/">All versions</a> \N{MIDDLE DOT} '
    '<a href="/policy/board/">What each sentence rests on</a><br>'
)
SAYABLE = (State.ENFORCED, State.DEMONSTRATED)
_HEADINGS = {
    Kind.PROMISE: "What we promise",
    Kind.SECURITY: "How data is protected",
    Kind.RETENTION: "How long data is kept",
    Kind.RIGHT: "Your rights",
    Kind.COLLECTS: "What we collect",
    Kind.FEATURE: "What the service does",
    Kind.SHARING: "Who else gets data",
    Kind.ORG: "How we are organised",
}
_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; }
h1 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
li { margin: .8rem 0; } small { display: block; opacity: .75; }
h1 + p, summary { margin-bottom: 1rem; } address { font-style: normal; }
footer { margin-top: 3rem; border-top: 1px solid; padding-top: 1rem; font-size: .875rem;
  overflow-wrap: anywhere; }
@media print { body { margin: 0; max-width: none; } }
"""


class PolicyRefused(RingfenceError):
    """There is no examination that would bear this policy."""

    code = "policy_refused"
    http_status = 409


def last_report(folder: Path) -> tuple[dict[str, Any], int]:
    """The newest signed report and its number. Raises PolicyRefused when there is none."""
    paths = sorted(folder.glob("[0-9]*.json"))
    if not paths:
        raise PolicyRefused("nothing was examined yet: run ringfence promises verify")
    report: dict[str, Any] = json.loads(paths[-1].read_bytes())["report"]
    return report, int(paths[-1].stem)


class ContactMissing(RingfenceError):
    """A policy says who answers for it and where they are reached: ``[policy]`` of the settings."""

    code = "policy_contact_missing"
    http_status = 409


def sayable(
    report: Mapping[str, Any], profile: Profile, build: str, now: datetime
) -> frozenset[str]:
    """The clauses that a policy may say by this report.

    Raises PolicyRefused when it is of another profile, build or time, or when a clause is broken
    or unknown.
    """
    _check(report, profile, build, now)
    return frozenset(one["id"] for one in report["clauses"] if one["state"] in SAYABLE)


def render(
    report: Mapping[str, Any],
    profile: Profile,
    catalogue: Catalogue,
    who: PolicySettings,
    head: Head | None = None,
) -> str:
    """A page of HTML for printing or publishing, without scripts or anything from elsewhere: the
    clauses that hold, and the profile's notes on the values that they state. Without ``head`` it is
    a draft.

    Raises ContactMissing, but for a draft.
    """
    if head is not None and who.missing:
        raise ContactMissing(f"set {', '.join(who.missing)} in [policy]: the policy says it")
    seen = {one["id"]: one for one in report["clauses"] if one["state"] in SAYABLE}
    sections = [] if head is None else [_changes(head, catalogue)]
    for kind, heading in _HEADINGS.items():
        items = [
            _item(clause.id, clause.statement, seen[clause.id], linked=head is not None)
            for clause in catalogue.clauses.values()
            if clause.kind is kind and clause.id in seen
        ]
        if items:
            sections.append(f"<h2>{heading}</h2>\n<ul>\n" + "\n".join(items) + "\n</ul>")
    stated = {path for id_ in seen for path in parameters_of(id_)}
    notes = [
        f"<li>{escape(text)}<small>{escape(path)}</small></li>"
        for path, text in sorted(profile.notes)
        if path in stated
    ]
    if notes:
        sections.append("<h2>How we read it</h2>\n<ul>\n" + "\n".join(notes) + "\n</ul>")
    title = "Privacy policy" + (f" of {escape(who.operator)}" if who.operator else "")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{title}</h1>\n{_dates(head)}\n<p>Each sentence is backed by a control of the"
        f" software, examined on {_day(report['ended_at'])}. <em>Enforced</em>: it was broken on"
        " purpose, and that was noticed. <em>Seen to work</em>: it did. What is not below is not"
        " promised.</p>\n"
        + "\n".join(sections)
        + f"\n{_contact(who)}\n</main>\n<footer>{_ARCHIVE if head else ''}Profile"
        f" {escape(profile.name)} {escape(report['hash'])}<br>"
        f"Build {escape(report['build'])}</footer>\n</body>\n</html>\n"
    )


def _dates(head: Head | None) -> str:
    if head is None:
        return "<p><strong>Draft; not published.</strong></p>"
    return (
        f'<p>Version {head.number}. Last updated <time datetime="{head.published_at.isoformat()}">'
        f"{head.published_at:%Y-%m-%d}</time>; effective from"
        f' <time datetime="{head.effective_at.isoformat()}">{head.effective_at:%Y-%m-%d}</time>.'
        "</p>"
    )


def _changes(head: Head, catalogue: Catalogue) -> str:
    items = []
    for one in head.changes:
        clause = catalogue.clauses.get(one.what)
        text = f"{one.what}: {clause.statement}" if clause else one.what
        if one.kind == "changed":
            text += f": {_value(one.before)} \N{RIGHTWARDS ARROW} {_value(one.after)}"
        worse = " <strong>Less than before.</strong>" if one.reduces else ""
        items.append(f"<li>{one.kind.capitalize()}: {escape(text)}.{worse}</li>")
    if not items:
        return ""
    before = f'<a href="/policy/versions/{head.number - 1}/">the version before</a>'
    listed = "\n".join(items)
    return (
        f'<details open id="changes"><summary>What changes from {before}</summary>\n<ul>\n{listed}'
        "\n</ul></details>"
    )


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _contact(who: PolicySettings) -> str:
    lines = [f'<span class="{name}">{escape(value)}</span>' for name, value in who if value.strip()]
    return (
        f'<h2>Contact</h2>\n<address id="contact">{"<br>".join(lines)}</address>' if lines else ""
    )


def _check(report: Mapping[str, Any], profile: Profile, build: str, now: datetime) -> None:
    if report["hash"] != profile_hash(profile):
        raise PolicyRefused(f"the last examination was of another profile than {profile.name}")
    if report["build"] != build:
        raise PolicyRefused("the last examination was of another build of the software")
    until = min(datetime.fromisoformat(one["good_until"]) for one in report["examinations"])
    if not datetime.fromisoformat(report["ended_at"]) <= now <= until:
        raise PolicyRefused("the last examination is too old: run ringfence promises verify")
    bad = [one["id"] for one in report["clauses"] if one["state"] in BAD]
    if bad:
        raise PolicyRefused(f"broken or unknown: {', '.join(bad)}")


def _item(id_: str, statement: str, seen: Mapping[str, Any], *, linked: bool) -> str:
    how = "seen to work" if seen["state"] == State.DEMONSTRATED else "enforced"
    name = f'<a href="/policy/board/{escape(id_)}/">{escape(id_)}</a>' if linked else escape(id_)
    controls = escape(", ".join(seen["control"]))
    return (
        f'<li id="{escape(id_)}">{escape(statement)}.<small>{name}: {how} ({controls})</small></li>'
    )


def _day(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d}"
