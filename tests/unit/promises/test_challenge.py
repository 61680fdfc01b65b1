"""The challenge's attack on bytes, its verdict, and what the tool that rechecks makes of that."""

from __future__ import annotations

import ast
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.promises.test_evidence import recheck

import ringfence.entry.promises.attack as attack
from ringfence.entry.promises import bundle, plaintext
from ringfence.entry.promises.challenge import subjects
from ringfence.entry.promises.challenge.command import FOLDER
from ringfence.entry.promises.challenge.loot import FolderTaken, Loot, NotEmbedded
from ringfence.entry.promises.challenge.verdict import Outcome, Seen, as_json
from ringfence.kernel.clock import ManualClock
from ringfence.kernel.fields import CALL_RECORDS, CONTENT, IDENTIFIER, RECORDINGS, SealedFieldNumber
from ringfence.kernel.ids import uuid7
from ringfence.platform.keys import crypto
from ringfence.platform.keys.names import Bucket, LeafRef
from ringfence.platform.keys.objects import Leaf, Sealer
from ringfence.platform.settings import DatabaseSettings, NodeSettings, Settings

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
TENANT, PERSON, ROW, TRACK = (uuid7(ManualClock(BEGAN)) for _ in range(4))
BUCKET = Bucket(IDENTIFIER, CALL_RECORDS, day=20_000)
SPOKEN = Bucket(CONTENT, RECORDINGS, day=20_000)
SAID = b'{"number":"+13035550142"}'
NEEDLE = b"3035550142"
ALL = Seen(
    copy=("a", "b"), files=("c",), objects=("d",), credentials=("a", "b"), key_store=("person",),
    today=("a",),
)  # fmt: skip


def sealed(key: bytes) -> bytes:
    place = crypto.Place(TENANT, SealedFieldNumber.CALL_CALLER, ROW, PERSON, BUCKET)
    return crypto.seal(key, place, SAID)


# --- the attack


def test_a_sealed_value_is_found_wherever_it_lies() -> None:
    """Nobody told where it begins; a piece of the file ends inside of it."""
    key, others = crypto.new_key(), [crypto.new_key() for _ in range(20)]
    one, two = sealed(key), sealed(key)
    before = secrets.token_bytes((4 << 20) - 20)
    content = before + one + bytes(5000) + two + secrets.token_bytes(100)
    found = attack.opened(content, [*others, key], [NEEDLE, b"2125550100"])
    places = [len(before), len(before) + len(one) + 5000]
    assert [(item.at, item.key, item.needle) for item in found] == [
        (at, key, NEEDLE) for at in places
    ]
    assert attack.opened(content, others, [NEEDLE]) == []
    assert attack.opened(one[:20], [key], [NEEDLE]) == []


def test_a_changed_tag_protects_nothing() -> None:
    key = crypto.new_key()
    assert attack.opened(sealed(key)[:-16] + bytes(16), [key], [NEEDLE])


def test_what_a_value_belongs_to_is_found_by_its_tag() -> None:
    key, ref = crypto.new_key(), LeafRef(BUCKET, PERSON)
    place = attack.place_of(sealed(key), key, ref, TENANT, [TRACK, ROW])
    assert place == crypto.Place(TENANT, SealedFieldNumber.CALL_CALLER, ROW, PERSON, BUCKET)
    assert attack.place_of(sealed(key), key, ref, TENANT, [TRACK]) is None


def test_a_track_opens_by_any_key_and_as_anybodys() -> None:
    key, ref = crypto.new_key(), LeafRef(SPOKEN, items=(TRACK,))
    place = crypto.Place(TENANT, SealedFieldNumber.RECORDING_TRACK, TRACK, PERSON, SPOKEN)
    said = secrets.token_bytes(200_000)
    sealer = Sealer(Leaf(key, place))
    body = sealer.header + sealer.update(said) + sealer.finish()
    keys: dict[bytes, LeafRef | None] = {crypto.new_key(): None, key: ref}
    assert attack.audio_of(body, TRACK, TENANT, keys, [ROW, PERSON]) == (said, ref, place)
    assert attack.audio_of(body, TRACK, TENANT, keys, [ROW]) is None
    assert attack.audio_of(body, TRACK, TENANT, {crypto.new_key(): ref}, [PERSON]) is None


def test_a_value_is_read_as_hex_and_base64_too() -> None:
    value = {"leg": ROW.hex, "b": "AQIDBAUGBwgJCgsM"}
    assert {ROW.bytes, bytes(range(1, 13))} <= set(attack.forms(value))


def test_the_attack_shares_derivations_and_formats_with_who_seals_and_no_more() -> None:
    assert attack.__file__ is not None
    tree = ast.parse(Path(attack.__file__).read_text())
    ours = {
        f"{node.module}.{name.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("ringfence")
        for name in node.names
    }
    keys = "ringfence.platform.keys"
    assert ours == {
        "ringfence.kernel.fields.SealedFieldNumber",
        f"{keys}.crypto",
        *(f"{keys}.errors.{name}" for name in ("CutOff", "Unreadable")),
        *(f"{keys}.names.{name}" for name in ("Bucket", "Kind", "LeafRef", "days_of", "unlabel")),
        *(f"{keys}.objects.{name}" for name in ("Leaf", "open_object")),
        f"{keys}.store.KeyStore",
    }


def test_files_are_read_in_pieces_that_overlap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plaintext, "_PIECE", 64)
    monkeypatch.setattr(plaintext, "_OVERLAP", 16)
    file = tmp_path / "file"
    for at in range(40, 90):
        file.write_bytes(bytes(at) + NEEDLE + bytes(50))
        assert any(NEEDLE in piece for piece in plaintext.pieces(file)), at


# --- subjects


def test_numbers_are_of_fiction_or_chosen() -> None:
    erased, control = subjects.subjects(None)
    for number in (erased.number, control.number):
        assert number[:2] == "+1" and number[5:10] == "55501" and len(number) == 12
    assert erased.number != control.number
    assert erased.voice != control.voice
    assert subjects.subjects("+13035550142")[0].needle == NEEDLE


@pytest.mark.parametrize("number", ["303", "+4930123456", "+12025550163", "+1303555014x"])
def test_what_is_no_number_is_refused(number: str) -> None:
    with pytest.raises(subjects.NoSubject):
        subjects.subjects(number)


# --- copies


def test_another_database_is_refused(tmp_path: Path) -> None:
    names = ("owner", "app", "operator", "callplane", "identity")
    urls = {f"{name}_url": f"postgresql://{name}@db.example/ringfence" for name in names}
    elsewhere = DatabaseSettings(**urls)
    settings = Settings(node=NodeSettings(data_dir=tmp_path / "var"), database=elsewhere)
    with pytest.raises(NotEmbedded) as refused:
        Loot(settings, tmp_path / "auditor", tmp_path)
    assert refused.value.code == "challenge_needs_embedded_database"
    assert not (tmp_path / "auditor").exists()


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    settings = Settings(node=NodeSettings(data_dir=tmp_path / "var"))
    folder = tmp_path / "auditor"
    folder.mkdir()
    (folder / "note").touch()
    with pytest.raises(FolderTaken):
        Loot(settings, folder, tmp_path)


# --- the verdict


def outcome(**changes: Any) -> Outcome:
    seen = {
        "before": {"erased": ALL, "control": ALL},
        "after": {"erased": Seen(), "control": ALL},
    }
    return Outcome(began_at=BEGAN, ended_at=BEGAN, build="1", steps=("told",), **(seen | changes))


def less(**changes: tuple[str, ...]) -> Seen:
    return Seen(**({name: getattr(ALL, name) for name in ALL.__struct_fields__} | changes))


DEAF = {who: less(objects=()) for who in ("erased", "control")}
SEALED = {
    "customer_keys": True,
    "before": DEAF,
    "after": {"erased": Seen(), "control": less(objects=())},
}
CASES: list[tuple[str, dict[str, Any]]] = [
    ("held", {}),
    ("held", {"after": {"erased": Seen(), "control": less(files=("c", "wal"))}}),
    *(
        ("broken", {"after": {"erased": Seen(**{where: ("x",)}), "control": ALL}})
        for where in ALL.__struct_fields__
    ),
    ("broken", {"clear": ("the erased's number, e164: serve.log",)}),
    ("broken", {"clear": ("somewhere",), "error": "the scan did not end"}),
    ("unknown", {"error": "keys did not answer"}),
    ("unknown", {"missed": ("planted hex in base",)}),
    ("unknown", {"before": {}, "after": {}}),
    ("unknown", {"after": {}}),
    ("unknown", {"before": {"erased": less(copy=("a",)), "control": ALL}}),
    ("unknown", {"before": {"erased": less(objects=()), "control": ALL}}),
    ("unknown", {"before": {"erased": ALL, "control": less(files=())}}),
    ("unknown", {"after": {"erased": Seen(), "control": less(copy=("a",))}}),
    ("unknown", {"after": {"erased": Seen(), "control": less(objects=())}}),
    ("unknown", {"after": {"erased": Seen(), "control": less(today=())}}),
    ("unknown", {"after": {"erased": Seen(), "control": less(files=())}}),
    ("held", SEALED),
    ("unknown", SEALED | {"customer_keys": False}),
    ("unknown", SEALED | {"before": DEAF | {"erased": less(objects=(), copy=("a",))}}),
    ("broken", SEALED | {"before": DEAF | {"control": ALL}}),
    ("broken", SEALED | {"after": {"erased": Seen(), "control": ALL}}),
]


@pytest.mark.parametrize(("verdict", "changes"), CASES)
def test_a_verdict_follows_from_what_was_seen(
    verdict: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    said = as_json(outcome(**changes))
    assert said["verdict"] == verdict
    assert bool(said["opened"]) == (verdict == "broken")
    assert verdict != "held" or not said["blind"]
    with bundle.alone(tmp_path):
        bundle.append(tmp_path, said, FOLDER)
    code, told = recheck(tmp_path / FOLDER)
    assert code == 0, told
    assert told.endswith(f"the last one says: {verdict}\n")


@pytest.mark.parametrize("claimed", ["held", "unknown", "broken"])
def test_a_verdict_that_does_not_follow_is_a_problem(claimed: str, tmp_path: Path) -> None:
    for verdict, changes in CASES:
        if verdict == claimed:
            continue
        folder = tmp_path / secrets.token_hex(4)
        folder.mkdir()
        with bundle.alone(folder):
            bundle.append(folder, as_json(outcome(**changes)) | {"verdict": claimed}, FOLDER)
        code, told = recheck(folder / FOLDER)
        assert code == 1
        assert "what was seen makes it" in told


def test_a_challenge_is_of_a_chain_of_its_own(tmp_path: Path) -> None:
    with bundle.alone(tmp_path):
        for _ in range(2):
            bundle.append(tmp_path, as_json(outcome()), FOLDER)
    assert not list((tmp_path / bundle.FOLDER).glob("*.json"))
    assert recheck(tmp_path / FOLDER)[0] == 0
    (tmp_path / FOLDER / "000001.json").unlink()
    assert recheck(tmp_path / FOLDER)[0] == 1
