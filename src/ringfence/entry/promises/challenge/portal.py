"""A data subject's browser at the privacy portal: pages over HTTP, no script."""

from __future__ import annotations

import hashlib
import hmac
import http.cookiejar
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any
from uuid import UUID

import psycopg

from ringfence.kernel.errors import Unavailable
from ringfence.platform.secrets import find_secret
from ringfence.platform.settings import Settings

_SECONDS = 30
_PATIENCE = 120.0
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
_RECEIPT = re.compile(r"(requests/\w+/receipt)")


class PortalRefused(Unavailable):
    """The portal did not do what it says it does."""

    code = "portal_refused"


class Visitor:
    """One browser at one portal. Every method raises PortalRefused."""

    def __init__(self, base: str, slug: str) -> None:
        self._site = base
        self._home = f"/privacy/{slug}/"
        # pages are read past whoever ends TLS before them: a cookie for TLS alone goes back, too
        policy = http.cookiejar.DefaultCookiePolicy(secure_protocols=("http", "https"))
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar(policy))
        self._open = urllib.request.build_opener(cookies).open

    def ask_erasure(self, number: str) -> None:
        """Say who one is, and that everything shall go."""
        page = self._post("", contact=number, wish="deletion", jurisdiction="us-ca")
        self._expect(page, "Six digits")

    def prove(self, code: str) -> None:
        """Type the code; the portal then asks whether it is meant."""
        self._expect(self._post("code/", code=code), "requests/confirm/")

    def confirm(self) -> dict[str, Any]:
        """Yes, erase everything. The receipt, once the portal says that it is done."""
        self._post("requests/confirm/", form="requests/")
        deadline = time.monotonic() + _PATIENCE
        while (found := _RECEIPT.search(page := self._send("requests/"))) is None:
            if "badge warn" in page:
                raise PortalRefused("the portal refused the erasure")
            if time.monotonic() > deadline:
                raise PortalRefused(f"the erasure was not done in {_PATIENCE:.0f} s")
            time.sleep(0.5)
        receipt: dict[str, Any] = json.loads(self._send(found[1]))
        return receipt

    def _post(self, path: str, *, form: str | None = None, **fields: str) -> str:
        found = _TOKEN.search(self._send(path if form is None else form))
        if found is None:
            raise PortalRefused(f"the page {path or 'start'} has no form")
        return self._send(path, fields | {"csrfmiddlewaretoken": found[1]})

    def _send(self, path: str, fields: dict[str, str] | None = None) -> str:
        body = None if fields is None else urllib.parse.urlencode(fields).encode()
        request = urllib.request.Request(  # noqa: S310 - our own pages
            f"{self._site}{self._home}{path}",
            body,
            {"Accept": "text/html", "Origin": self._site},
        )
        try:
            with self._open(request, timeout=_SECONDS) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            page = error.read().decode(errors="replace")
            said = re.search(r'role="alert"><p>([^<]*)', page)
            raise PortalRefused(f"{error.code}: {said[1] if said else 'no reason'}") from None
        except OSError as error:
            raise PortalRefused(f"the portal does not answer: {error}") from None

    @staticmethod
    def _expect(page: str, text: str) -> None:
        if text not in page:
            raise PortalRefused(f"the portal's next page does not say: {text}")


def code_of(settings: Settings, owner_url: str, tenant: UUID) -> str:
    """The code of a tenant's newest visit, which its phone has heard: of all codes the one whose
    HMAC, under this machine's secret, stands in the row. Raises PortalRefused."""
    with psycopg.connect(owner_url) as database:
        row = database.execute(
            "SELECT id, code_hash FROM portal_visit WHERE tenant_id = %s ORDER BY id DESC LIMIT 1",
            [tenant],
        ).fetchone()
    secret = find_secret(settings.data_dir, "django") or ""
    key = hashlib.sha256(b"ringfence.portal.code" + secret.encode()).digest()
    if row is None or row[1] is None:
        raise PortalRefused("no code was made")
    for number in range(10**6):
        code = f"{number:06}"
        if hmac.digest(key, row[0].bytes + code.encode(), "sha256") == bytes(row[1]):
            return code
    raise PortalRefused("no code fits what stands in the row")
