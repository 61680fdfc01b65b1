"""Breaks the code that keeps promises, and sees whether tests notice: ``make mutants``.

.venv/bin/python tools/mutants.py [--changed] [--check] [--only NAME ...] [--jobs N]

Each mutant of tests/mutants/ is made in a copy of the sources, and its tests are run on that copy;
one of them must fail. What became of each is written to src/ringfence/entry/promises/mutants.json,
by which ``ringfence promises verify`` calls the clauses of a survivor unproven. ``--changed`` runs
those alone whose code, tests or text changed since; ``--check`` writes nothing. Exit status 1 when
one survives, or cannot be made.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.mutants.catalogue import MUTANTS  # noqa: E402
from tests.mutants.mutant import Mutant  # noqa: E402

from ringfence.entry.promises.mutants import RECORD, Kept, Mutated, kept_mutants  # noqa: E402

_SOURCE = Path("src") / "ringfence"
_SECONDS = 900
_RED = 1
"""Exit status of pytest when tests failed."""


class Unfit(Exception):
    """A mutant that cannot be made, or whose tests fail for another reason."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--changed", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", nargs="*", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    kept = kept_mutants() if RECORD.exists() else {}
    wanted = [
        one
        for one in MUTANTS
        if (not arguments.only or one.name in arguments.only)
        and not (arguments.changed and _is_known(one, kept))
    ]
    bad = 0
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for one, said in zip(wanted, pool.map(_tried, wanted), strict=True):
            killed = said == "killed"
            print(f"{said:9} {one.name} ({', '.join(one.clauses)})", flush=True)
            bad += not killed
            result = Mutated(one.name, one.control, one.clauses, killed)
            kept[one.name] = Kept(digest(one), result)
            if not arguments.check:  # a run that is stopped has not run for nothing
                _write(kept)
    print(f"{len(wanted)} of {len(MUTANTS)} mutants made, {bad} not killed")
    return 1 if bad else 0


def _write(kept: dict[str, Kept]) -> None:
    known = {one.name: kept[one.name] for one in MUTANTS if one.name in kept}
    RECORD.write_bytes(msgspec.json.format(msgspec.json.encode(known), indent=1) + b"\n")


def _is_known(one: Mutant, kept: dict[str, Kept]) -> bool:
    known = kept.get(one.name)
    return known is not None and known.digest == digest(one) and known.result.killed


def digest(one: Mutant) -> str:
    """Over all that decides what becomes of a mutant, as far as it is near: the code that it
    changes, and its tests with what stands beside other tests in their files."""
    total = hashlib.sha256(repr(one).encode())
    total.update((ROOT / _SOURCE / one.file).read_bytes())
    for test in sorted(one.tests):
        name, _, wanted = test.partition("::")
        total.update(_told(ROOT / name, wanted).encode())
    return total.hexdigest()


def _told(path: Path, wanted: str) -> str:
    """A file of tests; with a name, without the other tests."""
    text = path.read_text()
    if not wanted:
        return text
    tree = ast.parse(text)
    tree.body = [
        one
        for one in tree.body
        if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
        or not one.name.startswith("test_")
        or one.name == wanted
    ]
    return ast.unparse(tree)


def _tried(one: Mutant) -> str:
    """``killed``, ``survived``, or why it is none."""
    with tempfile.TemporaryDirectory(prefix="rf-mutant-") as folder:
        try:
            _make(one, Path(folder))
            return _run(one, Path(folder))
        except (Unfit, subprocess.TimeoutExpired) as error:
            return f"unfit: {error}"


def _make(one: Mutant, folder: Path) -> None:
    shutil.copytree(
        ROOT / _SOURCE, folder / "ringfence", ignore=shutil.ignore_patterns("__pycache__")
    )
    path = folder / "ringfence" / one.file
    text = path.read_text()
    if text.count(one.old) != 1:
        raise Unfit(f"its text stands {text.count(one.old)} times in {one.file}")
    path.write_text(text.replace(one.old, one.new))


def _run(one: Mutant, folder: Path) -> str:
    """A test of the mutant's must fail by what it asserts, not because nothing starts."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-x", "-rfE", "-n", "0"),
            *("-p", "no:cacheprovider", "-p", "no:rerunfailures", "--tb=line", *one.tests),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    if done.returncode == 0:
        return "survived"
    if done.returncode != _RED or "\nFAILED " not in done.stdout:
        raise Unfit(done.stdout[-2000:] + done.stderr[-1000:])
    return "killed"


if __name__ == "__main__":
    sys.exit(main())
