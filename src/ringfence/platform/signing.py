"""What an installation says of itself to people outside, signed by its one key.

The signature is Ed25519 (RFC 8032) over the JSON text of the rest: keys sorted, no blanks, ASCII.
``tools/recheck.py`` checks it, and shares no code with this.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ringfence.platform.secrets import installation_secret

SECRET_NAME = "signing"  # noqa: S105 - a name


def signed(data_dir: Path, said: dict[str, Any]) -> dict[str, Any]:
    """The same with ``key``, the public key, and ``signature``, both in hex. The key is made on
    first use. ``said`` is plain JSON without floats. Raises OSError."""
    secret = installation_secret(data_dir, SECRET_NAME)
    key = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(secret + "="))
    body = said | {"key": key.public_key().public_bytes_raw().hex()}
    return body | {"signature": key.sign(canonical(body)).hex()}


def canonical(said: dict[str, Any]) -> bytes:
    """The text that is signed."""
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
