"""People's browsers: apt's Chromium, driven by Playwright, before a real installation."""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import hmac
import itertools
import re
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from tests.e2e.harness.installation import Installation
from tests.e2e.harness.wait import wait_until

PASSWORD = "a rather long pass phrase"
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
]
_AGE = """
import os, sys
from ringfence.entry.database import setup_django
setup_django("web")
from ringfence.domains.identity.sign_in.sessions import SessionStore
session = SessionStore(sys.argv[1])
session["account_authentication_methods"] = [
    {**one, "at": one["at"] - 3600} for one in session["account_authentication_methods"]
]
session.save()
os._exit(0)
"""


def totp(secret: str, step: int = 0) -> str:
    """RFC 6238, as an authenticator app computes it, ``step`` periods of 30 s from now."""
    key = base64.b32decode(secret)
    counter = struct.pack(">Q", int(time.time()) // 30 + step)
    digest = hmac.new(key, counter, hashlib.sha1).digest()
    start = digest[-1] & 15
    value = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
    return f"{value % 1_000_000:06}"


@dataclass
class People:
    """Whoever uses the installation from browsers."""

    installation: Installation
    chromium: Browser
    console: list[str] = field(default_factory=list)
    """What browsers complained of: a refused script or style is a fault of our pages."""
    _count: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def url(self) -> str:
        return f"http://localhost:{self.installation.web_port}"

    @contextmanager
    def browser(self, **options: Any) -> Iterator[BrowserContext]:
        """A browser without cookies."""
        context = self.chromium.new_context(base_url=self.url, **options)
        context.set_default_timeout(15_000)
        context.on("console", self._complained)
        try:
            yield context
        finally:
            context.close()

    def _complained(self, message: Any) -> None:
        if "Content Security Policy" in message.text or "Content-Security-Policy" in message.text:
            self.console.append(message.text)

    def address(self) -> str:
        return f"person{next(self._count)}@engines.example"

    def mail(self, to: str, subject: str) -> str:
        """The text of the newest mail to somebody, once it lies in the folder."""
        folder = self.installation.folder / "var" / "mail"
        found: list[str] = []

        def there() -> bool:
            files = sorted(folder.glob("*.eml")) if folder.is_dir() else []
            for file in files:
                message: Any = email.message_from_bytes(
                    file.read_bytes(), policy=email.policy.default
                )
                if message["To"] == to and message["Subject"] == subject:
                    found.append(message.get_content())
            return bool(found)

        wait_until(there, 20, what=f"a mail {subject!r}")
        return found[-1]

    def link(self, to: str, subject: str) -> str:
        """The link in it."""
        match = re.search(r"http://\S+", self.mail(to, subject))
        assert match is not None
        return match.group(0)

    def sign_up(self, page: Page, company: str = "Analytical Engines") -> str:
        """Create an account, verify its address, sign in; the address."""
        address = self.address()
        page.goto("/accounts/signup/")
        page.get_by_label("Your name").fill("Ada Lovelace")
        page.get_by_label("Company").fill(company)
        page.get_by_label("Email").fill(address)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("years old").check()
        page.get_by_role("button", name="Create account").click()
        page.wait_for_url("**/accounts/confirm-email/")
        page.goto(self.link(address, "Verify your address"))
        page.get_by_role("button", name="Yes, verify").click()
        page.wait_for_url("**/accounts/login/**")
        self.sign_in(page, address)
        return address

    def sign_in(self, page: Page, address: str) -> None:
        """Fill in the form of the sign-in page."""
        page.goto("/accounts/login/")
        page.get_by_label("Email").fill(address)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url(lambda url: not url.endswith("/accounts/login/"))

    def enrol(self, page: Page) -> str:
        """Set up an authenticator app; its secret."""
        page.goto("/accounts/2fa/totp/activate/")
        page.get_by_text("It cannot scan?").click()
        secret = page.locator("#authenticator_secret").inner_text().replace(" ", "")
        page.get_by_label("Authenticator code").fill(totp(secret))
        page.get_by_role("button", name="Turn on").click()
        page.wait_for_url("**/recovery-codes/**")
        return secret

    def age(self, context: BrowserContext) -> None:
        """Make the sign-in of a browser's session an hour old."""
        key = next(one["value"] for one in context.cookies() if one["name"] == "sessionid")
        subprocess.run(
            [sys.executable, "-c", _AGE, key],
            env=self.installation.environment,
            cwd=self.installation.folder,
            check=True,
            timeout=60,
        )


def ask(page: Page, path: str, body: Any = None) -> tuple[int, Any]:
    """A request to the API as a script of our own page makes it: status and JSON."""
    script = """async ([path, body]) => {
        const token = document.cookie.match(/csrftoken=(\\w+)/)
        const headers = {'Content-Type': 'application/json', 'X-CSRFToken': token ? token[1] : ''}
        const options = body === null ? {} : {method: 'POST', headers, body: JSON.stringify(body)}
        const answer = await fetch('/api/v1' + path, options)
        return [answer.status, await answer.json()]
    }"""
    status, answer = page.evaluate(script, [path, body])
    return int(status), answer


@contextmanager
def people(installation: Installation) -> Iterator[People]:
    """Chromium in front of an installation."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_FLAGS)
        try:
            yield People(installation, chromium)
        finally:
            chromium.close()
