"""Digest authentication of the demo phone, both sides (RFC 2617, RFC 7616, RFC 8760)."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Any

from ringfence.entry.phone.message import Message

_HASHES: dict[str, Any] = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


@dataclass(frozen=True)
class Credentials:
    """User name and password; ``algorithm`` is what a challenging phone asks for."""

    username: str
    password: str
    algorithm: str = "MD5"


def fields(text: str) -> dict[str, str]:
    """The name=value pairs of a challenge or of credentials."""
    pairs = re.findall(r"(\w+)\s*=\s*(?:\"((?:\\.|[^\"])*)\"|([^\s,]+))", text)
    return {name.lower(): quoted or plain for name, quoted, plain in pairs}


def _response(algorithm: str, login: Credentials, method: str, values: dict[str, str]) -> str:
    def digest(text: str) -> str:
        return str(_HASHES[algorithm](text.encode()).hexdigest())

    ha1 = digest(f"{login.username}:{values['realm']}:{login.password}")
    ha2 = digest(f"{method}:{values['uri']}")
    if values.get("qop"):
        middle = f"{values['nonce']}:{values['nc']}:{values['cnonce']}:{values['qop']}"
    else:
        middle = values["nonce"]
    return digest(f"{ha1}:{middle}:{ha2}")


def authorize(challenge: Message, request: Message, login: Credentials) -> tuple[str, str] | None:
    """The header that answers a 401 or 407 for a request; None when no offer is understood.

    Of several offered algorithms the strongest is taken.
    """
    proxy = challenge.status == 407
    offers = [
        fields(v) for v in challenge.all("proxy-authenticate" if proxy else "www-authenticate")
    ]
    known = [offer for offer in offers if offer.get("algorithm", "MD5").upper() in _HASHES]
    if not known:
        return None
    known.sort(key=lambda offer: offer.get("algorithm", "MD5").upper() == "SHA-256")
    offer = known[-1]
    algorithm = offer.get("algorithm", "MD5").upper()
    values = {"realm": offer.get("realm", ""), "nonce": offer.get("nonce", ""), "uri": request.uri}
    if "auth" in offer.get("qop", "").split(","):
        values |= {"qop": "auth", "nc": "00000001", "cnonce": secrets.token_hex(8)}
    quoted = {"username": login.username, "realm": values["realm"], "nonce": values["nonce"]}
    quoted |= {
        "uri": values["uri"],
        "response": _response(algorithm, login, request.method, values),
    }
    parts = [f'{name}="{value}"' for name, value in quoted.items()]
    parts.append(f"algorithm={algorithm}")
    if "qop" in values:
        parts.append(f'qop=auth, nc={values["nc"]}, cnonce="{values["cnonce"]}"')
    if "opaque" in offer:
        parts.append(f'opaque="{offer["opaque"]}"')
    name = "Proxy-Authorization" if proxy else "Authorization"
    return name, "Digest " + ", ".join(parts)


class Gate:
    """Challenges callers of the phone and checks what they answer."""

    def __init__(self, login: Credentials, realm: str = "phone") -> None:
        self.login = login
        self.realm = realm
        self._nonces: set[str] = set()

    def challenge(self) -> tuple[str, str]:
        """A fresh ``WWW-Authenticate`` header."""
        nonce = secrets.token_hex(16)
        self._nonces.add(nonce)
        return (
            "WWW-Authenticate",
            f'Digest realm="{self.realm}", nonce="{nonce}", qop="auth", '
            f"algorithm={self.login.algorithm}",
        )

    def admits(self, request: Message) -> bool:
        """Whether the request answers one of our challenges rightly."""
        values = fields(request.get("authorization"))
        if values.get("nonce") not in self._nonces or values.get("realm") != self.realm:
            return False
        if values.get("username") != self.login.username or "uri" not in values:
            return False
        if values.get("qop") and not {"nc", "cnonce"} <= values.keys():
            return False
        expected = _response(self.login.algorithm, self.login, request.method, values)
        return secrets.compare_digest(expected, values.get("response", ""))
