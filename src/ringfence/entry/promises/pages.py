"""The published policy, its history, and the board: what each sentence rests on today.

Everybody may look: a page names controls, times and numbers of findings, never what was found. The
operator's people whose role lets them may have an examination run from here.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from ringfence.domains.consent.pages import banner_of
from ringfence.domains.identity.api import principal_of
from ringfence.domains.identity.sign_in.session import session_of
from ringfence.domains.policy import api
from ringfence.domains.policy.contracts import VersionNotFound
from ringfence.entry.promises.states import BAD, State
from ringfence.entry.promises.tasks import usual_profile
from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.fields import INSTALLATION
from ringfence.platform_django.admission import Admission
from ringfence.platform_django.clock import clock
from ringfence.policies.catalogue import Kind, load_catalogue
from ringfence.policies.profiles import NAMES

_EXAMINE = Admission("promises:verify")
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_CSP = (
    "default-src 'none'; style-src {}; img-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
HEADINGS = {
    Kind.PROMISE: "Promises",
    Kind.SECURITY: "Protection",
    Kind.RETENTION: "Retention",
    Kind.RIGHT: "Rights",
    Kind.SHARING: "Sharing",
    Kind.COLLECTS: "Collection",
    Kind.FEATURE: "Service",
    Kind.ORG: "Organisation",
}
_SHOWN = tuple(state.value for state in State if state is not State.NOT_CLAIMED)


@require_safe
def current(request: HttpRequest) -> HttpResponse:
    """The version in force."""
    found = api.current_version(clock().now())
    if found is None:
        return _page(request, "nothing", {"coming": bool(api.list_versions())}, status=404)
    return _published(found.number)


@require_safe
def version(request: HttpRequest, number: int) -> HttpResponse:
    """A version, byte for byte as it was published."""
    try:
        return _published(number)
    except VersionNotFound:
        raise Http404 from None


@require_safe
def versions(request: HttpRequest) -> HttpResponse:
    """All versions, the newest first."""
    now, found = clock().now(), api.list_versions()
    in_force = api.current_version(now)
    shown = [
        {
            "version": one,
            "current": in_force is not None and one.number == in_force.number,
            "coming": one.effective_at > now,
            "reduces": sum(bool(change["reduces"]) for change in one.changes),
        }
        for one in reversed(found)
    ]
    return _page(request, "versions", {"versions": shown})


@require_safe
def board(request: HttpRequest) -> HttpResponse:
    """Every clause that the profile claims, by its state, with the incidents that are open."""
    now = clock().now()
    profile = _profile(request)
    examined = api.last_examined(profile)
    incidents = api.list_incidents(profile)
    context: dict[str, Any] = {
        **_live(request, profile),
        "profiles": NAMES,
        "examined": examined,
        "open": [_incident(one, now) for one in incidents if one.closed_at is None],
        "over": [one for one in incidents if one.closed_at is not None][:10],
    }
    if examined is not None:
        states = _states(examined.report, now)
        catalogue = load_catalogue()
        wanted = request.GET.get("state", "")
        totals = {state: sum(one == state for one in states.values()) for state in _SHOWN}
        claimed = sum(totals.values())
        context |= {
            "stale": _good_until(examined.report) < now,
            "good_until": _good_until(examined.report),
            "claimed": claimed,
            "wanted": wanted if wanted in _SHOWN else "",
            "bars": _bars(totals),
            "groups": [
                (heading, shown)
                for kind, heading in HEADINGS.items()
                if (
                    shown := [
                        (clause, states[clause.id])
                        for clause in catalogue.clauses.values()
                        if clause.kind is kind
                        and states.get(clause.id) in ((wanted,) if wanted in _SHOWN else _SHOWN)
                    ]
                )
            ],
        }
    return _page(request, "board", context)


@require_safe
def clause(request: HttpRequest, clause_id: str) -> HttpResponse:
    """One sentence: its control, and what was seen of it."""
    now = clock().now()
    found = load_catalogue().clauses.get(clause_id)
    if found is None:
        raise Http404
    profile = _profile(request)
    examined = api.last_examined(profile)
    seen = None
    if examined is not None:
        seen = next((one for one in examined.report["clauses"] if one["id"] == clause_id), None)
    context: dict[str, Any] = {
        **_live(request, profile),
        "clause": found,
        "examined": examined,
    }
    if examined is not None and seen is not None:
        context |= {
            "state": _states(examined.report, now)[clause_id],
            "seen": seen,
            "controls": [
                _control(one, clause_id)
                for one in examined.report["examinations"]
                if one["control"] in seen["control"]
            ],
            "incidents": [
                _incident(one, now)
                for one in api.list_incidents(profile)
                if clause_id in one.clauses
            ],
            "said_in": [one.number for one in api.list_versions() if clause_id in one.clauses],
        }
    return _page(request, "clause", context)


@require_POST
def examine(request: HttpRequest) -> HttpResponse:
    """Have the installation examined now, and go back to where that was asked."""
    profile, clause_id = request.POST.get("profile", ""), request.POST.get("clause", "")
    if profile not in NAMES:
        raise Http404
    who = _examiner(request)
    if who is None:
        return _headed(render(request, "403.html", status=403), "'self'")
    api.order_examination(profile, actor=who)
    page = f"{clause_id}/" if clause_id in load_catalogue().clauses else ""
    return HttpResponseRedirect(f"/policy/board/{page}?{urlencode({'profile': profile})}")


def _live(request: HttpRequest, profile: str) -> dict[str, Any]:
    """The examination that runs or ran last, and whether who looks may start one."""
    return {"profile": profile, "order": api.last_order(profile), "may": _examiner(request)}


def _examiner(request: HttpRequest) -> str | None:
    """Who asks, where their role lets them have an examination run."""
    session = session_of(request)
    if session is None:
        return None
    try:
        principal = principal_of(session, INSTALLATION)
        principal.admit(_EXAMINE)
    except RingfenceError:
        return None
    return principal.actor


def _states(report: Mapping[str, Any], now: datetime) -> dict[str, str]:
    """The state of each clause today: what rests on an examination that is too old is unknown."""
    old = {
        one["control"]
        for one in report["examinations"]
        if datetime.fromisoformat(one["good_until"]) < now
    }
    return {
        one["id"]: State.UNKNOWN.value if old.intersection(one["control"]) else one["state"]
        for one in report["clauses"]
    }


def _good_until(report: Mapping[str, Any]) -> datetime:
    return min(datetime.fromisoformat(one["good_until"]) for one in report["examinations"])


def _bars(totals: Mapping[str, int]) -> list[dict[str, Any]]:
    """Lengths of a drawn bar, in thousandths, that leave out nothing however small."""
    whole, left = max(1, sum(totals.values())), 0.0
    bars = []
    for state, count in totals.items():
        width = 1000 * count / whole
        bars.append({"state": state, "count": count, "x": f"{left:.1f}", "width": f"{width:.1f}"})
        left += width
    return bars


def _control(seen: Mapping[str, Any], clause_id: str) -> dict[str, Any]:
    return {
        "name": seen["control"],
        "says": seen.get("says", ""),
        "observed_at": datetime.fromisoformat(seen["observed_at"]),
        "good_until": datetime.fromisoformat(seen["good_until"]),
        "population": seen["population"],
        "findings": seen["finding_count"],
        "could_look": not seen["error"],
        "limits": seen["limits"],
        "attempts": [
            {"name": one["name"], "caught": bool(one["caught_at"]) and one["undone"]}
            for one in seen["attempts"]
            if clause_id in one["clauses"]
        ],
    }


def _incident(info: Any, now: datetime) -> dict[str, Any]:
    end = info.closed_at or now
    return {"info": info, "hours": int((end - info.opened_at).total_seconds() // 3600),
            "late": info.closed_at is None and now > info.due_at}  # fmt: skip


def _profile(request: HttpRequest) -> str:
    """The one that is asked for, else that of the version in force."""
    wanted = request.GET.get("profile", "")
    return wanted if wanted in NAMES else usual_profile()


def _published(number: int) -> HttpResponse:
    html = api.page_of(number)
    styles = " ".join(f"'sha256-{_sha256(style)}'" for style in _STYLE.findall(html))
    return _headed(HttpResponse(html), styles or "'none'")


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _page(
    request: HttpRequest, name: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    context |= {"page": name, "bad": [state.value for state in BAD], "banner": banner_of(request)}
    answer = render(request, f"policy/{name}.html", context, status=status)
    return _headed(answer, "'self'")


def _headed(answer: HttpResponse, styles: str) -> HttpResponse:
    answer.headers["Content-Security-Policy"] = _CSP.format(styles)
    # with no-referrer browsers send `Origin: null` with forms, which Django refuses
    answer.headers["Referrer-Policy"] = "same-origin"
    return answer
