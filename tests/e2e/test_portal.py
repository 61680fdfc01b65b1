"""A data subject on the privacy portal: a real telephone hears the code, a real browser shows the
pages."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http.cookiejar
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pytest
from playwright.sync_api import Page, expect
from tests.e2e.harness.browser import People, people
from tests.e2e.harness.installation import Installation, known
from tests.e2e.harness.peers import need
from tests.e2e.harness.studio import Studio
from tests.e2e.harness.wait import happens, wait_until
from tests.e2e.harness.world import World

from ringfence.domains.portal.usecases.send_code import spoken
from ringfence.engine.speech import audio
from ringfence.engine.speech.hibari import Hibari
from ringfence.engine.speech.words import sentences
from ringfence.entry.phone import Call
from ringfence.platform.database import database_urls
from ringfence.platform.settings import load_settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

pytestmark = pytest.mark.e2e
SHOTS = os.environ.get("PORTAL_SHOTS")
"""A folder for pictures of the pages, to be looked at."""
Sound = np.ndarray[Any, Any]


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


@pytest.fixture(scope="module")
def place() -> Iterator[World]:
    installation = Installation.create(workers=1, t1_ms=100)
    try:
        installation.start()
        yield World.provision(installation)
    finally:
        installation.stop()


def open_portal(place: World, slug: str, caller_id: str | None = None) -> None:
    made = place.installation.cli(
        "key", "create", "--tenant", place.tenant.id, "--scope", "privacy:rights"
    )
    request = urllib.request.Request(
        f"http://127.0.0.1:{place.installation.web_port}/api/v1/privacy-portal",
        method="PUT",
        data=json.dumps({"slug": slug, "caller_id": caller_id}).encode(),
        headers={
            "Authorization": f"Bearer {made['api_key']}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert json.load(answer)["slug"] == slug


# --- by telephone ---------------------------------------------------------------------------------


class Visitor:
    """A browser without script, but for its pictures."""

    def __init__(self, place: World, slug: str) -> None:
        self.base = f"http://localhost:{place.installation.web_port}/privacy/{slug}/"
        jar = http.cookiejar.CookieJar()
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar)).open

    def page(self, path: str = "") -> str:
        request = urllib.request.Request(self.base + path, headers={"Accept": "text/html"})
        with self._open(request, timeout=20) as answer:
            return str(answer.read().decode())

    def post(self, path: str, **fields: str) -> str:
        """The page that it leads to."""
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.page(path))
        assert found is not None
        body = urllib.parse.urlencode(fields | {"csrfmiddlewaretoken": found[1]}).encode()
        headers = {"Accept": "text/html", "Origin": self.base.partition("/privacy")[0]}
        request = urllib.request.Request(self.base + path, body, headers)
        with self._open(request, timeout=20) as answer:
            return str(answer.read().decode())


def code_of(place: World) -> str:
    """The code of the newest visit, by trying all of them with the secret of this very machine;
    whoever has the database alone cannot."""
    installation = place.installation
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RINGFENCE_CONFIG", installation.environment["RINGFENCE_CONFIG"])
        url = database_urls(load_settings()).operator
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT id, code_hash FROM portal_visit ORDER BY id DESC LIMIT 1"
        ).fetchone()
    assert row is not None
    secret = (installation.folder / "var" / "secrets" / "django").read_text().strip()
    key = hashlib.sha256(b"ringfence.portal.code" + secret.encode()).digest()
    for number in range(10**6):
        code = f"{number:06}"
        if hmac.digest(key, row[0].bytes + code.encode(), "sha256") == bytes(row[1]):
            return code
    raise AssertionError("no code fits what stands in the row")


def heard(call: Call) -> Sound:
    decode = {0: audioop.ulaw2lin, 8: audioop.alaw2lin}
    packets = [one for one in call.audio.recorder.packets if one.payload_type in decode]
    pcm = b"".join(decode[one.payload_type](one.payload, 2) for one in packets)
    return np.frombuffer(pcm, "<i2").astype(float)


def likeness(sound: Sound, code: str, voice: Hibari) -> float:
    """How well the sentence with this code is found in what was heard; 1: the very sound."""
    (sentence,) = [one for one in sentences(spoken("Acme", code)) if "code is" in one]
    wanted = np.asarray(audio.decimate(voice.speak(sentence, "heart"), voice.rate), dtype=float)
    size = len(sound) + len(wanted)
    product = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(wanted, size)), size)
    sums = np.concatenate(([0.0], np.cumsum(sound**2)))
    energy = sums[len(wanted) :] - sums[: -len(wanted)]
    return float((product[: len(energy)] / np.sqrt(energy * (wanted @ wanted) + 1e-9)).max())


def other(code: str, at: int) -> str:
    return code[:at] + str((int(code[at]) + 5) % 10) + code[at + 1 :]


async def test_a_telephone_hears_the_code_and_it_opens_the_page(place: World) -> None:
    installation = place.installation
    async with Studio(place) as studio:
        phone = await studio.callee()
        own = await studio.number({"start": "a", "nodes": {"a": {"type": "hangup"}}})
        await asyncio.to_thread(
            installation.cli, "trunk", "create", "out", "--tenant", place.tenant.id,
            "--source", f"{phone.host}/32", "--peer", f"udp:{phone.host}:{phone.address[1]}",
        )  # fmt: skip
        await known(installation, phone.host)
        await asyncio.to_thread(open_portal, place, "acme", own)
        mine = installation.telephone()
        earlier = await studio.dial_number(own, caller=mine)
        await earlier.ended()
        await studio.record(earlier)
        visitor = Visitor(place, "acme")
        page = await asyncio.to_thread(
            visitor.post, "", contact=mine, wish="access", jurisdiction="us-ca"
        )
        assert "Six digits" in page
        taken = await phone.incoming()
        assert (taken.number, taken.peer_number) == (mine, own)
        code = await asyncio.to_thread(code_of, place)
        taken.answer()
        await taken.ended(60)
        sound, voice = heard(taken), Hibari()
        voice.load()
        assert len(sound) > 8000 * 5, "two times a sentence"
        right = likeness(sound, code, voice)
        wrong = [likeness(sound, other(code, at), voice) for at in range(6)]
        assert right > 0.9
        assert max(wrong) < right - 0.1
        half = len(sound) // 2
        assert likeness(sound[:half], code, voice) > 0.9 < likeness(sound[half:], code, voice)
        page = await asyncio.to_thread(visitor.post, "code/", code=code)
        assert "Copy of your data" in page
        await happens(
            lambda: "Download the copy" in visitor.page("requests/"), 30, what="the package"
        )


# --- in a browser ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowd(place: World) -> Iterator[People]:
    need("chromium", "chromium")
    with people(place.installation) as found:
        yield found
    assert found.console == [], "no page broke its own policy"


def begin(page: Page, contact: str, wish: str) -> None:
    page.goto("/privacy/mailers/")
    page.get_by_text(wish, exact=True).click()
    page.get_by_label("Your e-mail address").fill(contact)
    page.get_by_label("Where do you live?").select_option(label="California")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Your code")).to_be_visible()


def test_pages_without_script_in_light_dark_and_narrow(place: World, crowd: People) -> None:
    open_portal(place, "mailers")
    looks: list[tuple[str, dict[str, Any]]] = [
        ("light", {"color_scheme": "light"}),
        ("dark", {"color_scheme": "dark"}),
        ("narrow", {"color_scheme": "light", "viewport": {"width": 320, "height": 640}}),
    ]
    for name, look in looks:
        with crowd.browser(java_script_enabled=False, **look) as context:
            page = context.new_page()
            contact = f"{name}@example.com"
            page.goto("/privacy/mailers/")
            shoot(page, f"{name}-start")
            begin(page, contact, "See what you hold of me")
            shoot(page, f"{name}-code")
            page.get_by_label("Six digits").fill("000000")
            page.get_by_role("button", name="Go on").click()
            expect(page.get_by_role("alert")).to_be_visible()
            shoot(page, f"{name}-wrong")
            found = re.search(r"\d{6}", crowd.mail(contact, "Your code for Acme"))
            assert found is not None
            page.get_by_label("Six digits").fill(found[0])
            page.get_by_role("button", name="Go on").click()
            expect(page.get_by_role("heading", name="Your requests")).to_be_visible()

            def answered(page: Page = page) -> bool:
                page.reload()
                return page.get_by_role("link", name="Receipt").count() == 1

            wait_until(answered, 30, what="the receipt")
            expect(page.get_by_text("nothing was held")).to_be_visible()
            shoot(page, f"{name}-requests")
            with page.expect_download() as download:
                page.get_by_role("link", name="Receipt").click()
            receipt = json.loads(download.value.path().read_bytes())
            assert receipt["result"] == {"held": False}
            page.get_by_role("button", name="I am done").click()
            page.goto("/privacy/mailers/requests/")
            expect(page).to_have_url(f"{crowd.url}/privacy/mailers/")
            begin(page, contact, "Erase me")
            wait_until(lambda: found[0] not in crowd.mail(contact, "Your code for Acme"), 20)  # noqa: B023 - called at once
            code = re.search(r"\d{6}", crowd.mail(contact, "Your code for Acme"))
            assert code is not None
            page.get_by_label("Six digits").fill(code[0])
            page.get_by_role("button", name="Go on").click()
            expect(page.get_by_role("button", name="Yes, erase everything")).to_be_visible()
            shoot(page, f"{name}-confirm")
            if name != "dark":
                page.goto("/privacy/mailers/")
                page.get_by_text("Do not sell or share my data", exact=True).click()
                page.get_by_label("Your e-mail address").fill("+14155550177")
                page.get_by_label("Where do you live?").select_option(label="California")
                page.get_by_role("button", name="Go on").click()
                expect(page.get_by_role("heading", name="You opted out")).to_be_visible()
                shoot(page, f"{name}-opted-out")
