"""The worked example of docs/guides/customer-keys.md, held against code and script."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ringfence.platform.keys.objects import customer_key_id, open_object

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs/guides/customer-keys.md").read_text()
PRIVATE = ROOT / "docs/guides/customer-keys/example-private.pem"


def parts() -> dict[str, bytes]:
    """By name, in order; asserts that each begins at the offset that the guide states."""
    found: dict[str, bytes] = {}
    name, at = "", 0
    for line in GUIDE.split("```hex\n")[1].split("```")[0].splitlines():
        if heading := re.fullmatch(r"(\d+) +(.+)", line):
            at += len(found.get(name, b""))
            name = heading[2]
            assert int(heading[1]) == at, name
            found[name] = b""
        else:
            found[name] += bytes.fromhex(line)
    return found


def private_key() -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(PRIVATE.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def test_the_example_opens_in_code_and_script(tmp_path: Path) -> None:
    data = b"".join(parts().values())
    assert b"".join(open_object([data], private_key())) == b"Hello from Ringfence."
    (tmp_path / "example").write_bytes(data)
    script = [sys.executable, str(ROOT / "tools/ringfence_open.py"), "--key", str(PRIVATE)]
    opened = subprocess.run([*script, "example", "-o", "-"], cwd=tmp_path, capture_output=True)
    assert (opened.returncode, opened.stdout) == (0, b"Hello from Ringfence.")


def test_the_steps_of_the_example_by_hand() -> None:
    """Only what the guide says, with the primitives that it names."""
    part = parts()
    steps = dict(re.findall(r"\| ([a-z0-9 ]+) \| `(.+)` \|", GUIDE.split("| step | value |")[1]))
    assert part["wrap 2: key id"] == customer_key_id(private_key().public_key())
    assert int.from_bytes(part["wrap 2: length, 384"], "big") == len(part["wrap 2: wrapped key"])
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    key = private_key().decrypt(part["wrap 2: wrapped key"], oaep)
    assert key.hex() == steps["unwrapping wrap 2 gives"]
    nonce = part["nonce prefix"] + bytes(4) + b"\1"
    assert nonce.hex() == steps["nonce of chunk 0"]
    sealed = part["chunk 0: ciphertext"] + part["chunk 0: tag"]
    stated = int.from_bytes(part["chunk 0: last, 37 bytes follow"], "big")
    assert stated == (1 << 31) + 37 == (1 << 31) + len(sealed)
    opened = AESGCM(key).decrypt(nonce, sealed, None)
    assert opened.decode() == steps["the chunk opens to"]
