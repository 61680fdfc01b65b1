"""The ``ringfence`` command. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import click

from ringfence.kernel.errors import RingfenceError
from ringfence.platform import logging as structured_logging
from ringfence.platform import process
from ringfence.platform.closed import refuse_closed
from ringfence.platform.settings import Settings, load_settings

_PROVISION = "ringfence.entry.provision"
_ELSEWHERE = {
    "data-map": ("ringfence.entry.data_map", "show_data_map"),
    "api": ("ringfence.entry.api.main", "api_command"),
    "audit": ("ringfence.entry.audit", "audit_command"),
    "backup": ("ringfence.entry.backup.commands", "backup_command"),
    "demo": ("ringfence.entry.demo.command", "demo_command"),
    "erase": ("ringfence.entry.privacy", "erase_command"),
    "expire": ("ringfence.entry.privacy", "expire_command"),
    "flow": ("ringfence.entry.flows", "flow_command"),
    "ledger": ("ringfence.entry.ledger", "ledger_command"),
    "member": ("ringfence.entry.people", "member"),
    "promises": ("ringfence.entry.promises.commands", "promises_command"),
    "recording": ("ringfence.entry.recordings", "recording_command"),
    "restore": ("ringfence.entry.backup.commands", "restore_command"),
    "sip": ("ringfence.entry.sip", "sip_command"),
    "staff": ("ringfence.entry.people", "staff"),
    "watch": ("ringfence.entry.watch", "watch_command"),
}
"""Module and name of commands that live in modules of their own."""
_RUN_WHEN_CLOSED = {"database", "prepare", "keys"}


class _Commands(click.Group):
    """Commands of this module, and those of other modules when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self._provision(), *_ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        if cmd_name in _ELSEWHERE:
            module, name = _ELSEWHERE[cmd_name]
            command: click.Command = getattr(importlib.import_module(module), name)
            return command
        return self._provision().get(cmd_name)

    @staticmethod
    def _provision() -> dict[str, click.Command]:
        groups = importlib.import_module(_PROVISION).groups
        return {group.name: group for group in groups}


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ringfence", prog_name="ringfence")
def cli() -> None:
    """Ringfence: a self-hosted communications platform.

    Settings come from ringfence.toml in the working directory (or $RINGFENCE_CONFIG) and from
    environment variables such as RINGFENCE_WEB__PORT; `ringfence config` shows them.
    """


def _start_process(name: str) -> Settings:
    """What each long-running command does first."""
    if process.supervised():
        process.die_with_parent()
    process.raise_descriptor_limit()
    settings = load_settings()
    structured_logging.configure(settings.log, name)
    if name not in _RUN_WHEN_CLOSED:
        refuse_closed(settings)
    return settings


def _entry(module: str) -> Callable[..., None]:
    main: Callable[..., None] = importlib.import_module(f"ringfence.entry.{module}").main
    return main


@cli.command()
@click.option("--demo", is_flag=True, help="Allow webhooks to the demo, and offer it here.")
def serve(demo: bool) -> None:
    """Start and supervise everything; stays in the foreground."""
    settings = load_settings()
    structured_logging.configure(settings.log, "supervisor")
    from ringfence.entry.serve import serve as run

    if demo:
        from ringfence.entry.demo.offer import allow_receiver

        settings = allow_receiver(settings)
    run(settings, offer_demo=demo)


@cli.command()
def prepare() -> None:
    """Make the database fit for this version: roles, schema, partitions."""
    settings = _start_process("prepare")
    from ringfence.entry.database import prepare as run

    run(settings)


@cli.command()
def database() -> None:
    """Run the embedded PostgreSQL server alone."""
    _entry("postgres")(_start_process("database"))


@cli.group(invoke_without_command=True)
@click.pass_context
def keys(context: click.Context) -> None:
    """Run the owner of the key store alone, or ask the running one."""
    if context.invoked_subcommand is None:
        _entry("keys")(_start_process("keys"))


@keys.command("status")
def keys_status() -> None:
    """Print how many keys live and died, as JSON. Exit status 1 on a contradiction."""
    import msgspec

    from ringfence.entry.keys import ask_status

    counts = ask_status(load_settings())
    print(msgspec.json.encode(counts).decode())
    if counts.contradictions:
        sys.exit(1)


@keys.command("rotate")
@click.option(
    "--root", type=click.File("r"), help="File of a new root key (- reads standard input)."
)
def keys_rotate(root: IO[str] | None) -> None:
    """Give every shard a new key, or have a new root key open the store too.

    After --root both root keys open everything: put the new one into the place of the old and start
    `ringfence keys` again. From then on only the one it was started with opens anything.
    """
    from ringfence.entry import keys as owner

    settings = load_settings()
    if root is not None:
        count = owner.add_root_key(settings, root.read())
        print(f"{count} keys are wrapped under both root keys")
        return
    owner.rotate(settings, lambda count: print(f"\r{count} of 64 shards", end="", flush=True))
    print(" have a new key")


@keys.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
def keys_backup(file: Path) -> None:
    """Copy the key store to a new file, while it is in use.

    Neither slot file nor root key are in it: without them it is worth nothing.
    """
    from ringfence.entry.keys import back_up

    print(f"{back_up(load_settings(), file)} bytes")


class _EgressCommands(click.Group):
    """Those of entry.egress.commands, when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return ["processors", "rules"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        commands = importlib.import_module("ringfence.entry.egress.commands")
        command: click.Command = getattr(commands, cmd_name)
        return command


@cli.group(cls=_EgressCommands, invoke_without_command=True)
@click.pass_context
def egress(context: click.Context) -> None:
    """Run the one process that sends to third parties alone, or see what it may send."""
    if context.invoked_subcommand is None:
        _entry("egress.main")(_start_process("egress"))


@cli.command()
def control() -> None:
    """Run the call plane's decisions and the journal's projectors alone."""
    _entry("control.main")(_start_process("control"))


@cli.command()
@click.option("--index", type=click.IntRange(min=0), required=True, help="Which worker, from 0.")
def media(index: int) -> None:
    """Run one media worker alone."""
    _entry("media")(_start_process(f"media-{index}"), index)


@cli.command()
def speech() -> None:
    """Run text to speech alone."""
    _entry("speech")(_start_process("speech"))


@cli.command()
def signalling() -> None:
    """Run SIP signalling alone."""
    _entry("signalling")(_start_process("signalling"))


@cli.command()
def live() -> None:
    """Run the live event fan-out alone."""
    _entry("live")(_start_process("live"))


@cli.command()
def web() -> None:
    """Run the REST API alone."""
    _entry("web")(_start_process("web"))


@cli.command()
def worker() -> None:
    """Run background jobs alone."""
    _entry("worker")(_start_process("worker"))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Show the processes of the running installation."""
    from ringfence.entry.supervisor.messages import ProcessStatus, ask

    _print_status(ask(load_settings(), "status", None, list[ProcessStatus], 5.0), as_json)


@cli.command()
@click.argument("name", metavar="PROCESS")
@click.option("--drain", is_flag=True, help="Let calls in progress end first (signalling).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def restart(name: str, drain: bool, as_json: bool) -> None:
    """Restart one process, as named by `ringfence status`."""
    from ringfence.entry.supervisor.messages import ProcessStatus, RestartRequest, ask

    settings = load_settings()
    seconds = 180.0 + settings.node.drain_seconds
    request = RestartRequest(name, drain)
    _print_status(ask(settings, "restart", request, list[ProcessStatus], seconds), as_json)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def upgrade(as_json: bool) -> None:
    """Drain calls, migrate, and restart all but the database from the installed files."""
    from ringfence.entry.supervisor.messages import ProcessStatus, ask

    settings = load_settings()
    seconds = 600.0 + settings.node.drain_seconds
    _print_status(ask(settings, "upgrade", None, list[ProcessStatus], seconds), as_json)


def _print_status(processes: list[Any], as_json: bool) -> None:
    if as_json:
        import msgspec

        print(msgspec.json.encode(processes).decode())
        return
    print(f"{'PROCESS':<12} {'PID':>8} {'STATE':<9} {'RESTARTS':>8} {'FOR':>10}")
    for item in processes:
        print(
            f"{item.name:<12} {item.pid or '-':>8} {item.state:<9} {item.restarts:>8} "
            f"{item.seconds:>8.0f} s"
        )


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """Check this installation and name what is wrong. Exit status 1 when something is."""
    from ringfence.entry.doctor import examine, print_report

    findings = examine()
    print_report(findings, as_json)
    if not all(finding.ok for finding in findings):
        sys.exit(1)


@cli.command()
def config() -> None:
    """Print the settings in force, secrets masked."""
    settings = load_settings()
    shown = structured_logging.redact(settings.model_dump(mode="json"))
    print(json.dumps(shown, indent=2))


def main() -> None:
    """Entry point: a business error is one line on standard error and exit status 2."""
    try:
        cli(prog_name="ringfence")
    except RingfenceError as error:
        text = structured_logging.redact_text(error.message)
        print(f"ringfence: {error.code}: {text}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if type(error).__name__ == "OperationalError":
            print(
                "ringfence: database_unavailable: the database refuses or does not answer; "
                "is the installation running? `ringfence doctor` says more",
                file=sys.stderr,
            )
            sys.exit(2)
        # a raw traceback would end with the error's text, and that may quote personal values
        print(structured_logging.format_error(error), file=sys.stderr)
        print("ringfence: internal_error: see the stack above", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
