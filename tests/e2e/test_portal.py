"""A data subject on the privacy portal, in a real browser before a real installation."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.e2e.harness.browser import People, people
from tests.e2e.harness.installation import Installation
from tests.e2e.harness.peers import need
from tests.e2e.harness.wait import wait_until
from tests.e2e.harness.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("browser")]
SHOTS = os.environ.get("PORTAL_SHOTS")
"""A folder for pictures of the pages, to be looked at."""


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
    page.get_by_role("button", name="Send me a code").click()
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
            wait_until(lambda: found[0] not in crowd.mail(contact, "Your code for Acme"), 20)  # noqa: B023
            code = re.search(r"\d{6}", crowd.mail(contact, "Your code for Acme"))
            assert code is not None
            page.get_by_label("Six digits").fill(code[0])
            page.get_by_role("button", name="Go on").click()
            expect(page.get_by_role("button", name="Yes, erase everything")).to_be_visible()
            shoot(page, f"{name}-confirm")
