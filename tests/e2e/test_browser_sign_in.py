"""Signing in with a real browser before a real installation."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from tests.e2e.harness.browser import PASSWORD, People, ask, people, totp
from tests.e2e.harness.installation import Installation
from tests.e2e.harness.peers import need

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def _shared() -> Iterator[People]:
    need("chromium", "chromium")
    installation = Installation.create(workers=1, accounts={"sign_up": "open"})
    try:
        installation.start()
        with people(installation) as found:
            yield found
    finally:
        installation.stop()


@pytest.fixture
def crowd(_shared: People) -> Iterator[People]:
    """The installation of this file, and browsers; no page broke its own policy."""
    yield _shared
    assert _shared.console == []


def passkey_device(page: Page) -> None:
    """A virtual authenticator with a fingerprint reader, of whose presence the page knows."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )


def sign_out(page: Page) -> None:
    page.goto("/accounts/")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/")


def test_from_sign_up_to_sign_in_with_a_code(crowd: People) -> None:
    with crowd.browser() as context:
        page = context.new_page()
        address = crowd.sign_up(page)
        expect(page).to_have_url(f"{crowd.url}/accounts/secure/")
        assert ask(page, "/members")[1]["code"] == "mfa_required"
        secret = crowd.enrol(page)
        assert page.locator(".codes code").count() == 10
        status, members = ask(page, "/members")
        assert status == 200
        assert [(one["email"], one["role"]) for one in members["members"]] == [(address, "owner")]
        sign_out(page)
        assert ask(page, "/me")[0] == 401
        crowd.sign_in(page, address)
        expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
        assert ask(page, "/me")[0] == 401
        page.get_by_label("Code").fill(totp(secret, 1))
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url(f"{crowd.url}/accounts/")
        expect(page.get_by_text("Ada Lovelace")).to_be_visible()
        assert ask(page, "/members")[0] == 200
        kept = {one["name"]: one["httpOnly"] for one in context.cookies()}
        assert kept == {"sessionid": True, "csrftoken": False, "device": True}
        assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_a_passkey_signs_in_alone(crowd: People) -> None:
    with crowd.browser() as context:
        page = context.new_page()
        passkey_device(page)
        address = crowd.sign_up(page)
        page.get_by_role("link", name="Passkey").click()
        page.get_by_label("Name").fill("Laptop")
        page.get_by_role("button", name="Add passkey").click()
        page.wait_for_url("**/recovery-codes/**")
        sign_out(page)
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_url(f"{crowd.url}/accounts/")
        expect(page.get_by_text(address, exact=True)).to_be_visible()
        assert ask(page, "/members")[0] == 200, "a passkey is a second factor in itself"


def test_an_invitation_and_the_end_of_a_session(crowd: People) -> None:
    with crowd.browser() as first, crowd.browser() as second:
        owner, page = first.new_page(), second.new_page()
        crowd.sign_up(owner, "Difference Engines")
        crowd.enrol(owner)
        invited = crowd.address()
        status, _ = ask(owner, "/invitations", {"email": invited, "role": "agent"})
        assert status == 201
        page.goto(crowd.link(invited, "Invitation to Difference Engines"))
        expect(page.get_by_role("heading", name="Join Difference Engines")).to_be_visible()
        page.get_by_role("link", name="Create an account").click()
        page.get_by_label("Your name").fill("Charles Babbage")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("years old").check()
        page.get_by_role("button", name="Create account").click()
        page.wait_for_url(f"{crowd.url}/accounts/")
        expect(page.get_by_text("Difference Engines")).to_be_visible()
        assert ask(page, "/tenant")[1]["name"] == "Difference Engines"

        with crowd.browser() as third:
            other = third.new_page()
            crowd.sign_in(other, invited)
            assert ask(other, "/me")[0] == 200
            page.goto("/accounts/sessions/")
            page.get_by_role("button", name="End the session").click()
            expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
            assert ask(other, "/me")[0] == 200
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Confirm").click()
            expect(page.get_by_text("The session was ended.")).to_be_visible()
            assert ask(other, "/me")[0] == 401
            other.goto("/accounts/")
            expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
        assert ask(page, "/me")[0] == 200


def test_a_sensitive_action_asks_for_a_fresh_sign_in(crowd: People) -> None:
    with crowd.browser() as context:
        page = context.new_page()
        crowd.sign_up(page)
        secret = crowd.enrol(page)
        crowd.age(context)
        invitation = {"email": crowd.address(), "role": "agent"}
        status, answer = ask(page, "/invitations", invitation)
        assert (status, answer["code"]) == (403, "step_up_required")
        assert ask(page, "/members")[0] == 200, "what is not sensitive goes on"
        page.goto("/accounts/reauthenticate/?next=/accounts/")
        expect(page.get_by_text("a password is not enough here")).to_be_visible()
        page.get_by_label("Code").fill(totp(secret, 1))
        page.get_by_role("button", name="Confirm").click()
        page.wait_for_url(f"{crowd.url}/accounts/")
        assert ask(page, "/invitations", invitation)[0] == 201


def test_the_officer_has_the_installation_examined(crowd: People) -> None:
    """The button on the board is for staff alone, and what it began is told there."""
    with crowd.browser(color_scheme="dark") as context:
        page = context.new_page()
        address = crowd.sign_up(page)
        crowd.enrol(page)
        page.goto("/policy/board/")
        expect(page.get_by_role("heading").first).to_be_visible()
        button = page.get_by_role("button", name="Examine now")
        assert button.count() == 0
        told = crowd.installation.cli(
            "staff", "invite", address, "--role", "privacy-officer", plain=True
        )
        link = re.search(r"https?://[^/]+(\S+)", told)
        assert link is not None
        page.goto(link[1])
        page.locator("main form button").first.click()
        expect(page).to_have_url(f"{crowd.url}/accounts/")
        page.goto("/policy/board/")
        button.focus()
        page.keyboard.press("Enter")
        told_by_worker = page.get_by_role("status").get_by_text("calling the examiner's tenants")
        expect(told_by_worker).to_be_visible(timeout=60_000)
