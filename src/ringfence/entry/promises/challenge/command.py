"""``ringfence promises challenge``."""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from ringfence.entry.database import setup_django
from ringfence.entry.promises import bundle, plaintext
from ringfence.entry.promises.challenge.loot import ATTACKER, OBJECTS, Loot
from ringfence.entry.promises.challenge.portal import code_of
from ringfence.entry.promises.challenge.siege import Siege
from ringfence.entry.promises.challenge.subjects import Stage, Subject, subjects
from ringfence.entry.promises.challenge.verdict import HELD, Outcome, Seen, as_json
from ringfence.entry.promises.site import objects_folder
from ringfence.entry.promises.verify import this_build
from ringfence.entry.supervisor.messages import ProcessStatus, ask
from ringfence.kernel.clock import SystemClock
from ringfence.platform.database import database_urls
from ringfence.platform.logging import describe_error
from ringfence.platform.settings import Settings, load_settings

FOLDER = "challenges"
"""In the data directory."""


class _Story:
    """What happens, told as it happens."""

    def __init__(self, *, aside: bool) -> None:
        self.told: list[str] = []
        self._aside = aside
        self._began = time.monotonic()

    def tell(self, text: str, private: str = "") -> None:
        """``private`` is shown and not kept."""
        self.told.append(text)
        click.echo(f"{time.monotonic() - self._began:5.1f} s  {text}{private}", err=self._aside)


@click.command("challenge")
@click.option("--number", help="E.164, of North America: who is erased. Default: a fictional one.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the auditor's copies there. Default: they are removed.",
)
@click.option("--json", "json_", is_flag=True, help="Print JSON; the steps go to standard error.")
def challenge_command(number: str | None, folder: Path | None, json_: bool) -> None:
    """Erase a subject of your own through the privacy portal, and attack what is left.

    Two subjects call and are recorded. Their database, log and objects are copied, and the copies
    open. One is erased, and the same attack is made with the keys of then: nothing of the erased
    may open, and everything of the other must. Exit status 1 unless the promise held.
    """
    settings = load_settings()
    erased, control = subjects(number)
    ask(settings, "status", None, list[ProcessStatus], 5.0)
    objects = objects_folder(settings)
    setup_django("cli")
    with bundle.alone(settings.data_dir), _scratch() as scratch:
        loot = Loot(settings, folder or scratch / "auditor", scratch)
        story = _Story(aside=json_)
        try:
            outcome = _run(settings, loot, objects, (erased, control), story)
        finally:
            loot.close()
        said = as_json(outcome)
        path = bundle.append(settings.data_dir, said, FOLDER)
    click.echo(json.dumps(said, indent=2) if json_ else _told(said, path))
    if outcome.verdict != HELD:
        sys.exit(1)


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """A short path, for the socket of the restored server, that its user may pass."""
    with tempfile.TemporaryDirectory(prefix="rf-challenge-", dir="/tmp") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def _run(
    settings: Settings, loot: Loot, objects: Path, both: tuple[Subject, Subject], story: _Story
) -> Outcome:
    """What keeps it from going on is part of the outcome; it raises nothing."""
    began = SystemClock().now()
    seen: dict[str, Any] = {}
    try:
        for part in _steps(settings, loot, objects, both, story):
            seen |= part
    except Exception as error:
        seen["error"] = describe_error(error)
        story.tell(f"it cannot go on: {seen['error']}")
    return _outcome(began, story, seen)


def _outcome(began: datetime, story: _Story, seen: dict[str, Any]) -> Outcome:
    ended = SystemClock().now()
    return Outcome(
        began_at=began, ended_at=ended, build=this_build(), steps=tuple(story.told), **seen
    )


def _steps(
    settings: Settings, loot: Loot, objects: Path, both: tuple[Subject, Subject], story: _Story
) -> Iterator[dict[str, Any]]:
    erased, control = both
    story.tell(f"the attacker has: {ATTACKER}")
    stage = Stage(settings)
    if stage.key is not None:
        yield {"customer_keys": True}
        story.tell("the customer alone holds the key of recordings: no attack may open a track")
    calls = []
    for subject in both:
        calls.append(stage.place_call(subject))
        story.tell(f"{subject.name} called and was recorded", f", from {subject.number}")
    owner = database_urls(settings).owner
    with contextlib.ExitStack() as ends:
        ends.callback(stage.close_portal)
        visitor = stage.open_portal()
        seconds = stage.ask(visitor, erased)
        story.tell(f"the portal called the erased back and spoke for {seconds:.0f} s")
        visitor.prove(code_of(settings, owner, stage.tenant))
        story.tell("the code opened the portal; nothing is confirmed yet")
        loot.take(objects / stage.tenant.hex)
        story.tell("base backup and objects are taken, the log is followed", f": {loot.folder}")
        siege = Siege(
            settings, stage.tenant, calls, {"erased": erased, "control": control}, loot,
            loot.restore(), owner,
        )  # fmt: skip
        ends.callback(siege.close)
        before = siege.attack()
        yield {"before": before, "keys": siege.keys}
        story.tell(f"before the erasure the attack opens {_counted(before)}")
        receipt = visitor.confirm()
        story.tell(f"erased through the portal: {receipt.get('result', {}).get('erasure')}")
        size = loot.end_log()
        story.tell(f"the log since the backup is whole: {size} bytes")
        after = siege.attack()
        yield {"after": after}
        story.tell(f"after it the same attack opens {_counted(after)}")
    yield _scan(settings, loot, siege.restored, owner, both)
    story.tell("every copy, and what is there today, is scanned for numbers and voices in clear")


def _counted(seen: dict[str, Seen]) -> str:
    return ", ".join(
        f"{len(one.copy)} values, {len(one.objects)} tracks of the {who}"
        for who, one in seen.items()
    )


def _scan(
    settings: Settings, loot: Loot, restored: str, owner: str, both: tuple[Subject, Subject]
) -> dict[str, Any]:
    """The copies are planted with clear text that must be found; what lives is left as it is."""
    markers = [marker for subject in both for marker in subject.markers()]
    planted = [
        plaintext.Marker("planted", f"+1646{secrets.randbelow(10**7):07}"),
        plaintext.Marker("planted voice", ulaw=secrets.token_bytes(160)),
    ]
    copies = plaintext.check(loot.folder, loot.folder / OBJECTS, restored, markers, planted)
    living = plaintext.scan(settings.data_dir, settings.keys_dir, owner, markers)
    hits = [*copies.hits, *living]
    return {
        "clear": tuple(sorted({f"{one.marker}, {one.encoding}: {one.place}" for one in hits})),
        "missed": tuple(f"{what} in {store}" for store, what in copies.missed),
    }


def _told(said: dict[str, Any], path: Path) -> str:
    lines = ["", said["verdict"]]
    lines += [f"  opened: {one}" for one in said["opened"]]
    lines += [f"  {one}" for one in said["blind"]]
    return "\n".join([*lines, f"signed: {path}"])
