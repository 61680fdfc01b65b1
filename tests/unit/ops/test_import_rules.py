"""The import rules in pyproject.toml hold, and each of them can fail."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src" / "ringfence"

VIOLATIONS = {
    "1 Layers": ("domains/accounts/api.py", "ringfence.engine.ports"),
    "1 The call plane": ("engine/media/errors.py", "django"),
    "1 Only entry.control": ("entry/database.py", "ringfence.engine.ports"),
    "2 Kernel": ("protocols/g711.py", "socket"),
    "2 Rules": ("domains/numbers/rules/planted.py", "asyncio"),
    "3 A domain": ("domains/calls/queries.py", "ringfence.domains.trunks.models"),
    "3 Domains form no cycle": (
        "domains/trunks/api.py",
        "ringfence.domains.calls.api, ringfence.domains.accounts.api",
    ),
    "4 Entrances": ("domains/calls/http.py", "ringfence.domains.calls.models"),
    "5 Privacy": ("domains/privacy/planted.py", "ringfence.domains.calls.contracts"),
    "The client": ("client/errors.py", "ringfence.kernel.ids"),
    "The demo phone": ("entry/phone/wire.py", "ringfence.protocols.g711"),
}


def lint(folder: Path) -> dict[str, str]:
    """Contract name -> KEPT or BROKEN."""
    result = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )
    found = re.findall(r"^(.+?) (KEPT|BROKEN)\b", result.stdout, re.M)
    assert found, result.stdout + result.stderr
    return dict(found)


def test_the_rules_hold() -> None:
    verdicts = lint(ROOT)
    assert set(verdicts.values()) == {"KEPT"}, verdicts


def test_each_rule_breaks_on_a_planted_violation(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    copy = tmp_path / "src" / "ringfence"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for path, module in VIOLATIONS.values():
        planted = copy / path
        if "planted" in path:
            planted.parent.mkdir(exist_ok=True)
            (planted.parent / "__init__.py").touch()
        with planted.open("a") as file:
            file.write(f"\nimport {module}\n")
    verdicts = lint(tmp_path)
    for name in VIOLATIONS:
        matching = [verdict for title, verdict in verdicts.items() if title.startswith(name)]
        assert matching == ["BROKEN"], (name, verdicts)
    assert len(verdicts) == len(VIOLATIONS)


def test_every_domain_is_forbidden_to_privacy() -> None:
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = configuration["tool"]["importlinter"]["contracts"]
    privacy = next(item for item in contracts if item["name"].startswith("5 "))
    domains = {
        f"ringfence.domains.{folder.name}"
        for folder in (SOURCE / "domains").iterdir()
        if (folder / "__init__.py").exists() and folder.name != "privacy"
    }
    assert set(privacy["forbidden_modules"]) == domains
