"""The client is what the document of this code makes it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.test import Client as Web
from tools import generate_client

from ringfence.client import models


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = Web().get("/api/v1/openapi.json").json()
    return found


def test_the_files_are_those_of_the_document(document: dict[str, Any]) -> None:
    for name, text in generate_client.generate(document).items():
        path = generate_client.TARGET / name
        if path.read_text(encoding="utf-8") != text:
            pytest.fail(f"{path} is of another API: run {generate_client.COMMAND}", pytrace=False)


def test_each_operation_has_one_name(document: dict[str, Any]) -> None:
    names = [f"{one.resource}.{one.method}" for one in generate_client.operations(document)]
    every = [verb for verbs in document["paths"].values() for verb in verbs.values()]
    total = sum(not verb.get("x-person-only") for verb in every)
    assert len(set(names)) == len(names) == total > 80
    unknown = set(generate_client.NAMES) - {
        verb["operationId"] for verbs in document["paths"].values() for verb in verbs.values()
    }
    assert not unknown, "names of operations that are gone"


def test_two_operations_of_one_name_are_refused(document: dict[str, Any]) -> None:
    (path, verbs), *_ = document["paths"].items()
    twice = {**document, "paths": {**document["paths"], f"{path}/again": verbs}}
    with pytest.raises(ValueError, match=r"health\.get"):
        generate_client.operations(twice)


def test_later_fields_and_values_are_taken() -> None:
    page = msgspec.json.decode(
        b'{"tenant": "AC1", "decks": [{"id": "RD1", "name": "n", "kind": "barter", "direction": '
        b'"sideways", "currency": "USD", "effective_from": "2026-01-01T00:00:00Z", "created_at": '
        b'"2026-01-01T00:00:00Z", "rates": 1, "later": {}}], "further": 1}',
        type=models.DeckList,
    )
    assert page.decks[0].kind == "barter"


def test_models_are_frozen() -> None:
    for name, value in vars(models).items():
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and name != "Struct":
            assert value.__struct_config__.frozen, name
            assert value.__doc__, name


def test_it_imports_nothing_of_the_product() -> None:
    for path in generate_client.TARGET.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 1 or not (node.module or "").startswith("ringfence"), path
            if isinstance(node, ast.Import):
                assert not any(one.name.startswith("ringfence") for one in node.names), path
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, ringfence.client; print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    own = {name for name in loaded if name.startswith("ringfence.")}
    assert own and all(name.startswith("ringfence.client") for name in own)
    assert not {"django", "pydantic", "aiohttp", "click"} & set(loaded)


def test_types_are_strict(tmp_path: Path) -> None:
    """mypy accepts right use, and finds each line that says it is wrong."""
    sample = Path(__file__).parent / "typed_sample.py"
    wrong = [
        number
        for number, line in enumerate(sample.read_text().splitlines(), 1)
        if line.endswith("# wrong")
    ]
    done = subprocess.run(
        [
            sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary",
            "--cache-dir", str(tmp_path), str(sample),
        ],
        capture_output=True, text=True, cwd=tmp_path,
        env={"MYPYPATH": str(generate_client.TARGET.parent.parent), "PATH": ""},
    )  # fmt: skip
    found = [int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line]
    assert sorted(set(found)) == wrong, done.stdout + done.stderr
