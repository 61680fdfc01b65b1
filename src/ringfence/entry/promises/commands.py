"""``ringfence promises``: what the policy says, and whether it is so."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import psycopg

from ringfence.entry.database import setup_django
from ringfence.entry.promises import bundle, policy
from ringfence.entry.promises.canary import bring_to_life
from ringfence.entry.promises.challenge.command import challenge_command
from ringfence.entry.promises.controls import CONTROLS
from ringfence.entry.promises.controls.audit_trail import await_sealed
from ringfence.entry.promises.mutants import known_mutants
from ringfence.entry.promises.site import Site
from ringfence.entry.promises.states import State
from ringfence.entry.promises.verify import DONE, Report, as_json, run, this_build
from ringfence.entry.supervisor.messages import ProcessStatus, ask
from ringfence.kernel.clock import SystemClock
from ringfence.kernel.fields import CALL_RECORDS, IDENTIFIER
from ringfence.platform.database import database_urls
from ringfence.platform.process import die_with_parent, supervised
from ringfence.platform.settings import load_settings
from ringfence.policies.catalogue import load_catalogue
from ringfence.policies.profiles import DEFAULT, NAMES, Profile, claims, load_profile, profile_hash

_LONG_AGO = 10_000
"""A day in 1997."""
promises_command = click.Group("promises", help="The clauses of the policy, held against reality.")
promises_command.add_command(challenge_command)


@promises_command.command("verify")
@click.option("--profile", type=click.Choice(NAMES), default=DEFAULT, show_default=True)
@click.option("--seed", type=click.IntRange(0), help="Repeat the order of an earlier run.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@click.option("--steps", is_flag=True, help="Tell each step as a line of JSON on standard error.")
def verify_command(profile: str, seed: int | None, json_: bool, steps: bool) -> None:
    """Examine the running installation. Exit status 1 when a clause is broken or unknown.

    A tenant of the examiner's own is called by a real phone. Then each control looks, each of its
    violations is planted, must be found by name, and is undone. The report is signed and added to
    the chain in the data directory.
    """
    if supervised():
        die_with_parent()
    settings, tell = load_settings(), _teller(steps)
    ask(settings, "status", None, list[ProcessStatus], 5.0)
    chosen, catalogue = load_profile(profile), load_catalogue()
    claimed = set(claims(chosen, catalogue).claimed)
    setup_django("cli")
    clock = SystemClock()
    with (
        bundle.alone(settings.data_dir),
        psycopg.connect(database_urls(settings).owner) as database,
    ):
        database.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        tell("calling the examiner's tenants")
        canary = bring_to_life(settings, database, chosen)
        _expire_a_day(canary.tenant)
        _end(database, canary.closed)
        site = Site(settings, database, canary, chosen)
        site.mend()
        await_sealed(site)
        report = run(
            site,
            CONTROLS,
            {clause: clause in claimed for clause in catalogue.clauses},
            build=this_build(),
            profile=profile,
            profile_hash=profile_hash(chosen),
            clock=clock,
            mutants=known_mutants(),
            seed=secrets.randbelow(2**32) if seed is None else seed,
            tell=tell,
        )
        path = bundle.append(settings.data_dir, as_json(report))
        _record(int(path.stem), as_json(report), chosen)
    tell(DONE)
    click.echo(json.dumps(as_json(report), indent=2) if json_ else _told(report, str(path)))
    if not report.ok:
        sys.exit(1)


@promises_command.command("policy")
@click.option("--profile", type=click.Choice(NAMES), default=DEFAULT, show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Default: stdout.")
def policy_command(profile: str, output: Path | None) -> None:
    """The policy's text as HTML, from the last examination. It says nothing that was not seen.

    Refused when that was of another profile or build, is older than a day, or found a clause
    broken or unknown.
    """
    settings, chosen = load_settings(), load_profile(profile)
    report, _ = policy.last_report(settings.data_dir / bundle.FOLDER)
    policy.sayable(report, chosen, this_build(), SystemClock().now())
    page = policy.render(report, chosen, load_catalogue(), settings.policy)
    if output is None:
        click.echo(page, nl=False)
    else:
        output.write_text(page)


@promises_command.command("publish")
@click.option("--profile", type=click.Choice(NAMES), default=DEFAULT, show_default=True)
@click.option(
    "--effective",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day, in UTC, from which on it holds; default: as early as its notice allows.",
)
def publish_command(profile: str, effective: datetime | None) -> None:
    """Publish the policy as a new version, at /policy/ once it holds. Prints it as JSON.

    Refused as `policy` is, and when it would hold before the notice is over that is promised. What
    is the same as the last version is not published again.
    """
    settings, chosen = load_settings(), load_profile(profile)
    report, number = policy.last_report(settings.data_dir / bundle.FOLDER)
    clauses = policy.sayable(report, chosen, this_build(), SystemClock().now())
    setup_django("cli")
    from ringfence.domains.policy import api
    from ringfence.domains.policy.contracts import Draft

    version = api.publish(
        Draft(clauses=clauses, build=report["build"], report=number),
        chosen,
        lambda head: policy.render(report, chosen, load_catalogue(), settings.policy, head),
        effective_at=None if effective is None else effective.replace(tzinfo=UTC),
        actor="cli",
    )
    click.echo(json.dumps(asdict(version), default=str, indent=2))


def _record(number: int, report: dict[str, Any], profile: Profile) -> None:
    """Keep it for the board. An incident is to be over when the authority would be told."""
    from ringfence.domains.policy import api

    api.record_examination(
        number, report, timedelta(minutes=profile.breach.authority.not_after.minutes)
    )


def _teller(steps: bool) -> Callable[[str], None]:
    """What tells each step: to a program, to who watches, or to nobody."""
    if steps:
        return lambda step: click.echo(json.dumps({"step": step}), err=True)
    if sys.stderr.isatty():
        return lambda step: click.echo(
            f"\r\x1b[K{'' if step == DONE else step}", nl=False, err=True
        )
    return lambda step: None


def _told(report: Report, path: str) -> str:
    lines = [f"{report.profile}, build {report.build}, {report.ended_at:%Y-%m-%d %H:%M:%S} UTC", ""]
    for clause in report.clauses:
        if clause.state in (State.PLANNED, State.NOT_CLAIMED):
            continue
        caught = sum(moment is not None for moment in clause.caught_at)
        tried = f"; {caught} of {len(clause.violation)} violations caught" * bool(clause.violation)
        lines.append(
            f"{clause.state.value:12} {clause.id:12} {', '.join(clause.control)}: "
            f"{clause.population} looked at{tried}"
        )
        survived = [f"no test notices {name}" for name in clause.survivors]
        lines += [f"{'':13}{text}" for text in (*clause.findings, *clause.error, *survived)]
    totals = ", ".join(f"{count} {state}" for state, count in report.totals.items() if count)
    return "\n".join([*lines, "", totals, f"seed {report.seed}, signed: {path}"])


def _expire_a_day(tenant: UUID) -> None:
    """A day long ago ends for the canary; another time nothing happens."""
    from ringfence.domains.privacy import api

    api.expire(tenant, IDENTIFIER, CALL_RECORDS, _LONG_AGO, actor="examination")


def _end(database: psycopg.Connection, closed: UUID) -> None:
    """The time of the closed canary is over, and as it has no people it counts as told of that in
    time; another time nothing happens."""
    from ringfence.domains.accounts.api import end_closed_tenant

    database.execute(
        "UPDATE accounts_tenant SET closed_at = now() - interval '60 days', warned_at = now()"
        " - interval '8 days', ends_at = now() - interval '1 day' WHERE id = %s"
        " AND status = 'closed' AND ended_at IS NULL",
        [closed],
    )
    database.commit()
    end_closed_tenant(closed)
