"""The customer's script, run as a customer runs it: where there is no Ringfence."""

from __future__ import annotations

import ast
import os
import pty
import random
import resource
import shutil
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.errors import CutOff, Unreadable
from ringfence.platform.keys.names import Bucket
from ringfence.platform.keys.objects import CHUNK_BYTES, Leaf, Sealer, customer_key_id, open_object
from ringfence.protocols import wav

SCRIPT = Path(__file__).parents[3] / "tools" / "ringfence_open.py"
LEAF = Leaf(bytes(32), Place(UUID(int=1), 30, UUID(int=2), UUID(int=3), Bucket("content", "r", 9)))
CHUNK = 4 + CHUNK_BYTES + 16
WHOLE, WRONG_USE, DAMAGED, CUT_OFF, NOT_OURS = range(5)

PRIVATE = {bits: rsa.generate_private_key(65537, bits) for bits in (3072, 4096)}


def pem(key: rsa.RSAPrivateKey, password: bytes | None = None) -> bytes:
    how: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        how = serialization.BestAvailableEncryption(password)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


def sealed(data: bytes, *keys: rsa.RSAPrivateKey) -> bytes:
    sealer = Sealer(LEAF, [key.public_key() for key in keys])
    return sealer.header + sealer.update(data) + sealer.finish()


@dataclass
class Desk:
    """A customer's folder, and a Python that has ``cryptography`` and no Ringfence."""

    path: Path
    libraries: Path

    def python(self, *arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        environment = {"PYTHONPATH": str(self.libraries), "PATH": os.environ["PATH"]}
        return subprocess.run(
            [sys.executable, "-S", *arguments],
            cwd=self.path,
            env=environment,
            input=data,
            capture_output=True,
            timeout=60,
        )

    def run(self, *arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return self.python(str(SCRIPT), *arguments, data=data)

    def write(self, name: str, data: bytes) -> str:
        (self.path / name).write_bytes(data)
        return name

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("libraries")
    site = Path(sysconfig.get_paths()["purelib"])
    for name in ("cryptography", "cffi"):
        (folder / name).symlink_to(site / name)
    for library in site.glob("_cffi_backend*"):
        (folder / library.name).symlink_to(library)
    return folder


@pytest.fixture
def desk(tmp_path: Path, libraries: Path) -> Iterator[Desk]:
    place = Desk(tmp_path, libraries)
    for bits, key in PRIVATE.items():
        place.write(f"{bits}.pem", pem(key))
    yield place


def test_it_runs_alone(desk: Desk) -> None:
    """Nothing of Ringfence can be imported where these tests run it; nothing of it is asked for."""
    assert b"No module named 'ringfence'" in desk.python("-c", "import ringfence").stderr
    assert desk.python("-c", "import cryptography").returncode == 0
    names = set()
    for node in ast.walk(ast.parse(SCRIPT.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add(str(node.module).split(".")[0])
    assert names - set(sys.stdlib_module_names) == {"cryptography"}
    assert os.access(SCRIPT, os.X_OK)
    assert SCRIPT.read_text().startswith("#!/usr/bin/env python3\n")


@pytest.mark.parametrize("bits", [3072, 4096])
def test_whole_objects(desk: Desk, bits: int) -> None:
    """Of every interesting length, sealed for both keys, opened with each."""
    lengths = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 5]
    contents = {str(length): random.Random(length).randbytes(length) for length in lengths}
    for name, content in contents.items():
        desk.write(name, sealed(content, PRIVATE[3072], PRIVATE[4096]))
    result = desk.run("--key", f"{bits}.pem", *contents)
    assert result.returncode == WHOLE, result.stderr
    for name, content in contents.items():
        assert desk.read(f"{name}.bin") == content
        assert f"{name}: whole, {len(content)} bytes".encode() in result.stderr


def verdict_of_platform(data: bytes, key: rsa.RSAPrivateKey) -> tuple[int, bytes]:
    """What the product's own reader says, and how far it comes."""
    plaintext = bytearray()
    try:
        for piece in open_object([data], key):
            plaintext += piece
    except CutOff:
        return CUT_OFF, bytes(plaintext)
    except Unreadable as error:
        ours = "not wrapped for this key" not in error.message
        return DAMAGED if ours else NOT_OURS, bytes(plaintext)
    return WHOLE, bytes(plaintext)


def check_each(desk: Desk, changed: dict[str, bytes], content: bytes) -> dict[str, int]:
    """Exit codes by name. Each verdict is the platform's; what is written is authentic."""
    key = PRIVATE[3072]
    codes = {}
    out = desk.path / "out"
    out.mkdir()
    for name, data in changed.items():
        desk.write(name, data)
    result = desk.run("--key", "3072.pem", "-o", "out", *changed)
    told = dict(line.split(": ", 1) for line in result.stderr.decode().splitlines())
    words = {"whole": WHOLE, "damaged": DAMAGED, "cut off": CUT_OFF, "not for this key": NOT_OURS}
    for name, data in changed.items():
        (codes[name],) = [code for word, code in words.items() if told[name].startswith(word)]
        expected, plaintext = verdict_of_platform(data, key)
        assert codes[name] == expected, name
        written = out / f"{name}.bin"
        if written.exists():
            assert written.read_bytes().startswith(plaintext)
            assert content.startswith(written.read_bytes())
        else:
            assert plaintext == b""
    assert result.returncode == max(codes.values())
    return codes


CONTENT = random.Random(1).randbytes(2 * CHUNK_BYTES + 1000)


@pytest.fixture(scope="module")
def object_() -> bytes:
    return sealed(CONTENT, PRIVATE[3072])


HEADER = 2 + (35 + 61) + (35 + 384) + 7


def test_cut_off(desk: Desk, object_: bytes) -> None:
    wrap = 2 + 35 + 61
    assert len(object_) == HEADER + 2 * CHUNK + 4 + 1000 + 16
    second, third = HEADER + CHUNK, HEADER + 2 * CHUNK
    places = [0, 1, 2, 3, 36, wrap - 1, wrap, wrap + 34, wrap + 35, HEADER - 7, HEADER - 1, HEADER]
    places += [HEADER + 3, HEADER + 4, HEADER + 9000, second - 1, second, second + 2, second + 4]
    places += [third - 16, third - 1, third, third + 4, third + 500, len(object_) - 16]
    places += [len(object_) - 1]
    codes = check_each(desk, {f"at{place}": object_[:place] for place in places}, CONTENT)
    assert set(codes.values()) == {CUT_OFF}
    assert desk.read(f"out/at{third - 1}.bin") == CONTENT[:CHUNK_BYTES]
    assert desk.read(f"out/at{third}.bin") == CONTENT[: 2 * CHUNK_BYTES]
    assert desk.read(f"out/at{len(object_) - 1}.bin") == CONTENT[: 2 * CHUNK_BYTES]
    assert not (desk.path / f"out/at{HEADER}.bin").exists()


def flipped(data: bytes, place: int, bit: int) -> bytes:
    return data[:place] + bytes((data[place] ^ 1 << bit,)) + data[place + 1 :]


def test_flipped_bits(desk: Desk, object_: bytes) -> None:
    """Anywhere but in the wrap of somebody else, and the verdict is never "whole"."""
    wrap, second, third = 2 + 35 + 61, HEADER + CHUNK, HEADER + 2 * CHUNK
    places = {
        "version": (0, 1, DAMAGED),
        "kind": (wrap, 0, NOT_OURS),
        "key-id": (wrap + 1, 3, NOT_OURS),
        "wrapped-first": (wrap + 35, 7, DAMAGED),
        "wrapped-last": (HEADER - 8, 0, DAMAGED),
        "prefix": (HEADER - 1, 0, DAMAGED),
        "first-last-flag": (HEADER, 7, DAMAGED),
        "first-length": (HEADER + 3, 0, DAMAGED),
        "first-body": (HEADER + 100, 2, DAMAGED),
        "first-tag": (second - 1, 2, DAMAGED),
        "second-body": (second + 100, 2, DAMAGED),
        "end-last-flag": (third, 7, DAMAGED),
        "end-body": (third + 100, 5, DAMAGED),
        "end-tag": (len(object_) - 1, 0, DAMAGED),
        "end-shorter": (third + 3, 3, DAMAGED),
        "end-longer": (third + 2, 2, CUT_OFF),
        "others-wrap": (2 + 35 + 20, 0, WHOLE),
    }
    changed = {name: flipped(object_, at, bit) for name, (at, bit, _) in places.items()}
    codes = check_each(desk, changed, CONTENT)
    assert codes == {name: code for name, (_, _, code) in places.items()}
    assert desk.read("out/second-body.bin") == CONTENT[:CHUNK_BYTES]
    assert desk.read("out/others-wrap.bin") == CONTENT


def test_moved_repeated_and_added_chunks(desk: Desk, object_: bytes) -> None:
    header, first = object_[:HEADER], object_[HEADER : HEADER + CHUNK]
    second, third = object_[HEADER + CHUNK : HEADER + 2 * CHUNK], object_[HEADER + 2 * CHUNK :]
    other = sealed(CONTENT, PRIVATE[3072])
    changed = {
        "swapped": header + second + first + third,
        "repeated": header + first + first + second + third,
        "left-out": header + first + third,
        "first-left-out": header + second + third,
        "appended-byte": object_ + b"\0",
        "appended-chunk": object_ + third,
        "of-another": header + first + other[HEADER + CHUNK :],
        "under-another-header": other[:HEADER] + object_[HEADER:],
    }
    codes = check_each(desk, changed, CONTENT)
    assert set(codes.values()) == {DAMAGED}


def test_another_customers_key(desk: Desk) -> None:
    data = desk.write("object", sealed(b"not yours", PRIVATE[4096]))
    result = desk.run("--key", "3072.pem", data)
    assert result.returncode == NOT_OURS
    named = customer_key_id(PRIVATE[4096].public_key()).hex()
    assert f"not for this key: it is sealed for key {named}" in result.stderr.decode()
    desk.write("platform-only", sealed(b"not yours"))
    result = desk.run("--key", "3072.pem", "platform-only")
    assert result.returncode == NOT_OURS
    assert b"no customer key" in result.stderr
    assert {path.name for path in desk.path.iterdir()} == {
        "object", "platform-only", "3072.pem", "4096.pem",
    }  # fmt: skip


def test_standard_input_and_output(desk: Desk, object_: bytes) -> None:
    result = desk.run("--key", "3072.pem", "-", data=object_)
    assert (result.returncode, result.stdout) == (WHOLE, CONTENT)
    result = desk.run("--key", "3072.pem", "-", "-o", "-", data=object_[:-1])
    assert (result.returncode, result.stdout) == (CUT_OFF, CONTENT[: 2 * CHUNK_BYTES])
    assert desk.run("--key", "3072.pem", "-", "-o", "named", data=object_).returncode == WHOLE
    assert desk.read("named") == CONTENT


def test_made_up_names_replace_nothing(desk: Desk, object_: bytes) -> None:
    desk.write("x", object_)
    desk.write("x.bin", b"precious")
    result = desk.run("--key", "3072.pem", "x")
    assert (result.returncode, desk.read("x.bin")) == (WRONG_USE, b"precious")
    assert desk.run("--key", "3072.pem", "x", "-o", "x.bin").returncode == WHOLE
    assert desk.read("x.bin") == CONTENT


def test_wrong_use(desk: Desk, object_: bytes) -> None:
    desk.write("x", object_)
    desk.write("nonsense.pem", b"nonsense")
    for arguments in (
        [],
        ["x"],
        ["--key", "3072.pem", "missing"],
        ["--key", "missing.pem", "x"],
        ["--key", "nonsense.pem", "x"],
        ["--key", "3072.pem", "x", "x", "-o", "file"],
    ):
        result = desk.run(*arguments)
        assert result.returncode == WRONG_USE, arguments
        assert b"Traceback" not in result.stderr
        assert result.stderr
    assert not (desk.path / "x.bin").exists()


def test_keys_with_a_password(desk: Desk, object_: bytes) -> None:
    desk.write("x", object_)
    desk.write("locked.pem", pem(PRIVATE[3072], "pässword".encode()))
    desk.write("password", "pässword\n".encode())
    desk.write("wrong", b"guess\n")
    use = ["--key", "locked.pem", "x", "-o", "out"]
    assert desk.run(*use, "--password-file", "wrong").returncode == WRONG_USE
    assert not (desk.path / "out").exists()
    assert desk.run(*use, "--password-file", "password").returncode == WHOLE
    assert desk.read("out") == CONTENT


def test_the_password_is_asked_for(desk: Desk, object_: bytes) -> None:
    """On the terminal, without showing it."""
    desk.write("x", object_)
    desk.write("locked.pem", pem(PRIVATE[3072], b"swordfish"))
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(desk.path)
        arguments = [sys.executable, "-S", str(SCRIPT), "--key", "locked.pem", "x", "-o", "out"]
        os.execve(sys.executable, arguments, {"PYTHONPATH": str(desk.libraries)})
    shown = b""
    try:
        while b"Password of locked.pem: " not in shown:
            shown += os.read(terminal, 1024)
        os.write(terminal, b"swordfish\n")
        while b"whole" not in shown:
            shown += os.read(terminal, 1024)
    finally:
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == WHOLE
    assert b"swordfish" not in shown
    assert desk.read("out") == CONTENT


def test_info(desk: Desk, object_: bytes) -> None:
    key_id = customer_key_id(PRIVATE[3072].public_key()).hex()
    result = desk.run("--info", desk.write("x", object_))
    assert result.returncode == WHOLE
    assert result.stdout.decode().splitlines() == [
        f"x: version 1, nonce prefix {object_[HEADER - 7 : HEADER].hex()}",
        "  wrap: platform, 61 bytes",
        f"  wrap: RSA-OAEP-SHA256, key {key_id}, 384 bytes",
        f"  chunks: 3, {len(CONTENT)} bytes inside, last flag present",
    ]
    result = desk.run("--info", "--key", "3072.pem", desk.write("y", object_[:-1]))
    assert result.returncode == CUT_OFF
    assert b"384 bytes (the given key)" in result.stdout
    assert f"  chunks: 2, {2 * CHUNK_BYTES} bytes inside, last flag missing" in (
        result.stdout.decode()
    )


@pytest.mark.parametrize("samples", [0, 1, 8000, 70_001])
def test_sizes_of_a_wav_stream_are_filled_in(desk: Desk, samples: int) -> None:
    """Also when it was cut off; what is written to a pipe stays as it was sealed."""
    sound = random.Random(samples).randbytes(samples)
    stream = wav.header(wav.Encoding.ULAW, None) + sound
    data = sealed(stream, PRIVATE[3072])
    desk.write("x", data)
    assert desk.run("--key", "3072.pem", "x").returncode == WHOLE
    padded = sound + bytes(samples % 2)
    assert desk.read("x.wav") == wav.header(wav.Encoding.ULAW, samples) + padded
    assert desk.run("--key", "3072.pem", "x", "-o", "-").stdout == stream
    if samples > CHUNK_BYTES:
        desk.write("y", data[:-1])
        assert desk.run("--key", "3072.pem", "y").returncode == CUT_OFF
        kept = CHUNK_BYTES - len(wav.header(wav.Encoding.ULAW, None))
        written = desk.read("y.wav")
        assert written == wav.header(wav.Encoding.ULAW, kept) + sound[:kept] + bytes(kept % 2)
        assert struct.unpack("<I", written[4:8])[0] == len(written) - 8


def test_a_wav_with_sizes_is_left_alone(desk: Desk) -> None:
    whole = wav.header(wav.Encoding.PCM16, 2000) + bytes(2000) + b"LIST\x04\0\0\0abcd"
    assert desk.run("--key", "3072.pem", desk.write("x", sealed(whole, PRIVATE[3072]))).stderr
    assert desk.read("x.wav") == whole


def test_memory_is_bounded(desk: Desk) -> None:
    """200 MiB open in a process that may not have more than 120 MiB of data."""
    sealer = Sealer(LEAF, [PRIVATE[3072].public_key()])
    with (desk.path / "large").open("wb") as file:
        file.write(sealer.header)
        for _ in range(200):
            file.write(sealer.update(bytes(1 << 20)))
        file.write(sealer.finish())

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (120 << 20, 120 << 20))

    result = subprocess.run(
        [sys.executable, "-S", str(SCRIPT), "--key", "3072.pem", "large", "-o", "/dev/null"],
        cwd=desk.path,
        env={"PYTHONPATH": str(desk.libraries)},
        capture_output=True,
        preexec_fn=limit,
        timeout=120,
    )
    assert result.returncode == WHOLE, result.stderr
    assert f"{200 << 20} bytes".encode() in result.stderr


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_keys_made_by_openssl_as_the_guide_says(desk: Desk) -> None:
    """The commands of the guide, run; Ringfence takes the public key, the script the private."""
    from ringfence.platform.keys.objects import customer_key

    guide = (SCRIPT.parents[1] / "docs/guides/customer-keys.md").read_text()
    commands = guide.split("```sh\n")[1].split("```")[0]
    assert commands.count("openssl") == 3
    (desk.path / "password").write_text("correct horse\n")
    unattended = commands.replace("-aes-256-cbc", "-aes-256-cbc -pass file:password").replace(
        "-in private.pem", "-in private.pem -passin file:password"
    )
    result = subprocess.run(["sh", "-e", "-c", unattended], cwd=desk.path, capture_output=True)
    assert result.returncode == 0, result.stderr
    public = customer_key(desk.read("public.pem"))
    assert public.key_size == 4096
    assert customer_key_id(public).hex() in result.stdout.decode()
    sealer = Sealer(LEAF, [public])
    desk.write("x", sealer.header + sealer.update(b"hello") + sealer.finish())
    use = ["--key", "private.pem", "--password-file", "password", "x"]
    assert desk.run(*use).returncode == WHOLE
    assert desk.read("x.bin") == b"hello"
