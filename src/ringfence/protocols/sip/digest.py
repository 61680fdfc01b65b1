"""Digest authentication (RFC 7616, RFC 8760; MD5 for the phones that know nothing else)."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

from ringfence.protocols.sip.errors import SipError
from ringfence.protocols.sip.uri import parse_params, quoted, split_outside_quotes

ALGORITHMS = {"MD5": "md5", "SHA-256": "sha256"}
_NONCE_COUNT = re.compile(r"[0-9A-Fa-f]{1,8}")


def _hash(algorithm: str, text: str) -> str:
    data = text.encode("utf-8", "surrogateescape")
    return hashlib.new(ALGORITHMS[algorithm], data, usedforsecurity=False).hexdigest()


def ha1(username: str, realm: str, password: str, algorithm: str = "MD5") -> str:
    """H(username:realm:password) in hex."""
    return _hash(algorithm, f"{username}:{realm}:{password}")


@dataclass(frozen=True, slots=True)
class Challenge:
    """A WWW-Authenticate or Proxy-Authenticate value."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: str | None = "auth"
    opaque: str | None = None
    stale: bool = False

    def __str__(self) -> str:
        text = f"Digest realm={quoted(self.realm)}, nonce={quoted(self.nonce)}"
        text += f", algorithm={self.algorithm}"
        if self.qop:
            text += f', qop="{self.qop}"'
        if self.opaque is not None:
            text += f", opaque={quoted(self.opaque)}"
        return text + (", stale=true" if self.stale else "")


@dataclass(frozen=True, slots=True)
class Credentials:
    """An Authorization or Proxy-Authorization value."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str = "MD5"
    qop: str | None = None
    cnonce: str | None = None
    nc: str | None = None
    opaque: str | None = None

    def __str__(self) -> str:
        text = (
            f"Digest username={quoted(self.username)}, realm={quoted(self.realm)}, "
            f"nonce={quoted(self.nonce)}, uri={quoted(self.uri)}, "
            f"response={quoted(self.response)}, algorithm={self.algorithm}"
        )
        if self.qop:
            text += f", qop={self.qop}, cnonce={quoted(self.cnonce or '')}, nc={self.nc}"
        if self.opaque is not None:
            text += f", opaque={quoted(self.opaque)}"
        return text

    def expected(self, ha1_hex: str, method: str) -> str:
        """The response that a holder of HA1 would have sent (RFC 7616 3.4.1)."""
        ha2 = _hash(self.algorithm, f"{method}:{self.uri}")
        middle = f"{self.nonce}:{self.nc}:{self.cnonce}:{self.qop}" if self.qop else self.nonce
        return _hash(self.algorithm, f"{ha1_hex}:{middle}:{ha2}")

    def verify(self, ha1_hex: str, method: str) -> bool:
        """Whether the response is right; constant-time."""
        response = self.response.encode("utf-8", "surrogateescape")
        return hmac.compare_digest(self.expected(ha1_hex, method).encode(), response)


def is_digest(value: str) -> bool:
    """Whether credentials or a challenge are of this scheme, well-formed or not."""
    return value.strip().partition(" ")[0].lower() == "digest"


def _params(value: str) -> dict[str, str | None]:
    if not is_digest(value):
        raise SipError("not a Digest header")
    rest = value.strip().partition(" ")[2]
    return parse_params(";".join(split_outside_quotes(rest, ",")))


def _algorithm(params: dict[str, str | None]) -> str:
    name = (params.get("algorithm") or "MD5").upper()
    if name not in ALGORITHMS:
        raise SipError("unsupported digest algorithm")
    return name


def parse_challenge(value: str) -> Challenge:
    """Raises SipError for another scheme, an unknown algorithm or a qop without ``auth``."""
    params = _params(value)
    realm, nonce = params.get("realm"), params.get("nonce")
    if realm is None or nonce is None:
        raise SipError("challenge without realm or nonce")
    qops = [item.strip() for item in (params.get("qop") or "").split(",") if item.strip()]
    if qops and "auth" not in qops:
        raise SipError("unsupported qop")
    stale = (params.get("stale") or "").lower() == "true"
    return Challenge(
        realm, nonce, _algorithm(params), "auth" if qops else None, params.get("opaque"), stale
    )


def parse_credentials(value: str) -> Credentials:
    """Raises SipError when a needed part is missing."""
    params = _params(value)
    needed = [params.get(name) for name in ("username", "realm", "nonce", "uri", "response")]
    username, realm, nonce, uri, response = needed
    if username is None or realm is None or nonce is None or uri is None or response is None:
        raise SipError("incomplete Authorization")
    qop = params.get("qop")
    if qop is not None and (qop != "auth" or not params.get("cnonce")):
        raise SipError("unsupported qop")
    if qop is not None and not _NONCE_COUNT.fullmatch(params.get("nc") or ""):
        raise SipError("malformed nonce count")
    return Credentials(
        username, realm, nonce, uri, response, _algorithm(params), qop,
        params.get("cnonce"), params.get("nc"), params.get("opaque"),
    )  # fmt: skip


def answer(
    challenge: Challenge, *, username: str, password: str, method: str, uri: str, cnonce: str
) -> Credentials:
    """Credentials that answer a challenge (first use of its nonce: nc 00000001)."""
    qop = challenge.qop
    blank = Credentials(
        username, challenge.realm, challenge.nonce, uri, "", challenge.algorithm, qop,
        cnonce if qop else None, "00000001" if qop else None, challenge.opaque,
    )  # fmt: skip
    response = blank.expected(ha1(username, challenge.realm, password, challenge.algorithm), method)
    return Credentials(
        username, challenge.realm, challenge.nonce, uri, response, challenge.algorithm, qop,
        blank.cnonce, blank.nc, challenge.opaque,
    )  # fmt: skip
