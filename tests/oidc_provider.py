"""An OpenID Connect provider on loopback, which lies when told to. It shares no code with allauth
or PyJWT: its tokens are joserfc's."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

CLIENT_ID, SECRET = "ringfence", "s3cret-of-the-client"


@cache
def signing_key(which: int = 0) -> RSAKey:
    """One key for all tests, made when the first one asks; another number, another key."""
    return RSAKey.generate_key(2048, {"kid": "k1"})


@dataclass
class Person:
    """Whom the browser is signed in to the provider as."""

    sub: str
    email: str | None
    email_verified: Any = True
    more: dict[str, Any] = field(default_factory=dict)
    """Claims of the ID token: amr, acr, auth_time."""


@dataclass
class Provider:
    """Its state; each lie is one attribute or entry that a test sets."""

    issuer: str = ""
    person: Person = field(default_factory=lambda: Person("sub-1", "ann@acme.example"))
    key: Any = field(default_factory=signing_key)
    published: Any = None
    """The key that jwks_uri shows; None: the one that signs."""
    claims: dict[str, Any] = field(default_factory=dict)
    """Put into the ID token in place of the truth; None takes a claim out."""
    header: dict[str, Any] = field(default_factory=dict)
    unsigned: bool = False
    hmac: bool = False
    """Sign with the public key as a shared secret."""
    discovery: dict[str, Any] = field(default_factory=dict)
    token_answer: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] | None = None
    """The e-mail is there, and not in the ID token."""
    redirects: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    hang: set[str] = field(default_factory=set)
    """Paths that answer only when the provider ends."""
    seen: list[str] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)
    """The parameters of the last authorization request."""
    problems: list[str] = field(default_factory=list)
    """What the client did that it must not do."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)

    def configuration(self) -> dict[str, Any]:
        at = self.issuer
        return {
            "issuer": at,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "jwks_uri": f"{at}/jwks",
            "userinfo_endpoint": f"{at}/userinfo",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        } | self.discovery

    def id_token(self, nonce: str | None) -> str:
        now = int(time.time())
        who = self.person
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": who.sub,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "name": "Ann of Acme",
        }
        if self.userinfo is None and who.email is not None:
            claims |= {"email": who.email, "email_verified": who.email_verified}
        claims |= who.more | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        algorithm = "ES256" if isinstance(self.key, ECKey) else "RS256"
        header = {"alg": algorithm, "kid": "k1"} | self.header
        if self.unsigned:
            parts = ({"alg": "none", "kid": "k1"}, claims)
            return ".".join(_b64(json.dumps(part).encode()) for part in parts) + "."
        if self.hmac:
            shared = OctKey.import_key(self.key.as_pem(private=False))
            header["alg"] = "HS256"
            return jws.serialize_compact(
                header, json.dumps(claims).encode(), shared, algorithms=["HS256"]
            )
        return jwt.encode(header, claims, self.key, algorithms=[algorithm])

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser goes after the person agreed."""
        self.asked = query
        if query.get("response_type") != "code" or query.get("client_id") != CLIENT_ID:
            self.problems.append("no code flow of ours")
        if query.get("code_challenge_method") != "S256" or not query.get("code_challenge"):
            self.problems.append("no PKCE")
        if not query.get("state") or not query.get("nonce"):
            self.problems.append("no state or nonce")
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        expected = base64.b64encode(f"{CLIENT_ID}:{quote(SECRET)}".encode()).decode()
        asked = self.codes.pop(form.get("code", ""), None)
        if authorization != f"Basic {expected}" or asked is None:
            return 401, {"error": "invalid_client"}
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if _b64(verifier) != asked["code_challenge"]:
            self.problems.append("the verifier of PKCE does not fit")
            return 400, {"error": "invalid_grant"}
        answer = {
            "access_token": "at-1",
            "token_type": "Bearer",
            "id_token": self.id_token(asked.get("nonce")),
        }
        return 200, answer | self.token_answer

    def jwks(self) -> dict[str, Any]:
        return {"keys": [(self.published or self.key).as_dict(private=False)]}


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class _Handler(BaseHTTPRequestHandler):
    server: Any

    def do_GET(self) -> None:
        self._serve({})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        form = parse_qs(self.rfile.read(length).decode())
        self._serve({name: values[0] for name, values in form.items()})

    def _serve(self, form: dict[str, str]) -> None:
        provider: Provider = self.server.provider
        parts = urlsplit(self.path)
        path = parts.path.removeprefix("/tenant")
        provider.seen.append(path)
        if path in provider.hang:
            provider.ended.wait(30)
        if path in provider.redirects:
            self._answer(302, b"", Location=provider.redirects[path])
        elif path in provider.bodies:
            self._answer(200, provider.bodies[path])
        elif path == "/.well-known/openid-configuration":
            self._json(200, provider.configuration())
        elif path == "/authorize":
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self._answer(302, b"", Location=provider.authorize(query))
        elif path == "/token":
            self._json(*provider.token(form, self.headers.get("Authorization", "")))
        elif path == "/jwks":
            self._json(200, provider.jwks())
        elif path == "/userinfo" and self.headers.get("Authorization") == "Bearer at-1":
            self._json(200, provider.userinfo or {})
        else:
            self._answer(404, b"")

    def _json(self, status: int, body: Any) -> None:
        self._answer(status, json.dumps(body).encode())

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            return  # the client had enough

    def log_message(self, *args: Any) -> None:
        """Nothing is printed."""


@contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[Provider]:
    """A provider that listens on a free port of loopback until the block ends."""
    provider = Provider()
    server = ThreadingHTTPServer((host, 0), _Handler)
    server.daemon_threads = True
    server.provider = provider  # type: ignore[attr-defined]
    provider.issuer = f"http://{host}:{server.server_port}/tenant"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        provider.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


def browse(url: str) -> str:
    """What a browser does that was sent to the provider: where it is sent back to."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    connection.close()
    assert answer.status == 302, answer.status
    return answer.headers["Location"]
