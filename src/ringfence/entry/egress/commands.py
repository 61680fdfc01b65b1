"""Commands about the egress process: its rules, and who receives data."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ringfence.entry.egress.rules import nftables, socket_settings, units
from ringfence.kernel.clock import SystemClock
from ringfence.platform.gate.rules import problem_of
from ringfence.platform.settings import config_path, load_settings


@click.command("rules")
@click.option("--nftables", "table", is_flag=True, help="Print the nftables table.")
@click.option("--systemd", is_flag=True, help="Print the systemd units.")
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), help="Write all into a folder."
)
def rules(table: bool, systemd: bool, output: Path | None) -> None:
    """Print what keeps everything but the egress process from sending to other machines."""
    settings, config = load_settings(), config_path()
    made = units(settings, Path.cwd(), config.resolve() if config is not None else None)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        files = {**made, "ringfence.nft": nftables(settings), "egress.toml": socket_settings()}
        for name, text in files.items():
            (output / name).write_text(text)
            click.echo(str(output / name))
        return
    if table or not systemd:
        click.echo(nftables(settings), nl=False)
    if systemd:
        for name, text in made.items():
            click.echo(f"# /etc/systemd/system/{name}\n{text}")


@click.command("processors")
def processors() -> None:
    """Print the registered processors, and whether anything may be sent to each today, as JSON."""
    settings, today = load_settings(), SystemClock().now().date()
    shown = {}
    for name, one in settings.processors.items():
        problem = problem_of(one, today, settings.egress.regions)
        state = "in_force" if problem is None else problem.value
        shown[name] = {**one.model_dump(mode="json"), "state": state}
    click.echo(json.dumps(shown, indent=2))
