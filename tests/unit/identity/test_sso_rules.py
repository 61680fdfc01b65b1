"""What is believed of a provider, without a network."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from ringfence.domains.identity.rules import sso


@pytest.mark.parametrize("text", ["acme", "a", "9lives", "a-b-c", "x" * 40])
def test_names(text: str) -> None:
    assert sso.is_slug(text)


@pytest.mark.parametrize("text", ["", "Acme", "-a", "a-", "a_b", "a.b", "x" * 41, "a\n", "ä"])
def test_no_names(text: str) -> None:
    assert not sso.is_slug(text)


@pytest.mark.parametrize("text", ["acme.example", "a.b.c.example", "xn--bcher-kva.example"])
def test_domains(text: str) -> None:
    assert sso.is_domain(text)


@pytest.mark.parametrize(
    "text",
    ["acme", "Acme.example", ".example", "a..b", "-a.example", "a-.example", "10.0.0.1",
     "a.example.", "a example.com", "bücher.example", "x" * 64 + ".example", "a.example\n"],
)  # fmt: skip
def test_no_domains(text: str) -> None:
    assert not sso.is_domain(text)


@pytest.mark.parametrize(
    "text",
    ["https://idp.example", "https://idp.example/", "https://idp.example:8443/realms/acme"],
)
def test_issuers(text: str) -> None:
    assert sso.is_issuer(text, plain_http=False)


@pytest.mark.parametrize(
    "text",
    ["http://idp.example", "idp.example", "https://", "https://u@idp.example", "https://a/?b",
     "https://a/#b", "https://a b", "https://a\\b", "https://a:port/", "file:///etc/passwd",
     "https://[::1", "https://a/\n", "https://" + "a" * 400],
)  # fmt: skip
def test_no_issuers(text: str) -> None:
    assert not sso.is_issuer(text, plain_http=False)


@pytest.mark.parametrize(
    ("claims", "proven"),
    [
        ({"amr": ["mfa"]}, True),
        ({"amr": ["pwd", "mfa", "otp"]}, True),
        ({"acr": "https://refeds.org/profile/mfa"}, True),
        ({"acr": "phr"}, True),
        ({}, False),
        ({"amr": []}, False),
        ({"amr": ["pwd", "otp"]}, False),
        ({"amr": "mfa"}, False),
        ({"amr": {"mfa": True}}, False),
        ({"acr": "0"}, False),
        ({"acr": ["phr"]}, False),
        ({"acr": {"phr": 1}}, False),
    ],
)
def test_second_factors(claims: dict[str, Any], proven: bool) -> None:
    assert sso.proves_mfa(claims) is proven


@pytest.mark.parametrize(
    ("email", "verified", "expected"),
    [
        ("Ann@Acme.example", True, "ann@acme.example"),
        ("ann@acme.example", "true", "ann@acme.example"),
        ("ann@acme.example", "True", None),
        ("ann@acme.example", 1 == 2, None),
        ("ann@acme.example", None, None),
        ("ann@evil.example@acme.example", True, None),
        ("ann@acme.example, bob@acme.example", True, None),
        ("ann <x@acme.example>", True, None),
        ("@acme.example", True, None),
        ("ann", True, None),
        ("ann@acme", True, None),
        (7, True, None),
        ("ａnn@acme.example", True, None),
    ],
)
def test_addresses(email: Any, verified: Any, expected: str | None) -> None:
    assert sso.verified_email({"email": email, "email_verified": verified}) == expected


def test_a_subject_is_of_its_connection_and_issuer() -> None:
    one, two = UUID(int=1), UUID(int=2)
    uids = {
        sso.account_uid(one, "https://a.example", "s"),
        sso.account_uid(two, "https://a.example", "s"),
        sso.account_uid(one, "https://b.example", "s"),
        sso.account_uid(one, "https://a.example", "S"),
        sso.account_uid(one, "https://a.examples", ""),
    }
    assert len(uids) == 5 and all(len(uid) <= 191 for uid in uids)
    assert sso.account_uid(one, "https://a.example", "s" * 5000) not in uids


def test_a_discovery_document_of_an_issuer_with_tls_has_tls_throughout() -> None:
    issuer = "https://idp.example"
    good = {"issuer": issuer} | dict.fromkeys(sso.ENDPOINTS, f"{issuer}/x")
    assert sso.discovery_problem(good, issuer) is None
    for name in (*sso.ENDPOINTS, "userinfo_endpoint"):
        for bad in ("http://idp.example/x", "", None, 7, "javascript:alert(1)"):
            assert sso.discovery_problem(good | {name: bad}, issuer), (name, bad)
    assert sso.discovery_problem(good | {"issuer": issuer + "/"}, issuer)
    assert sso.discovery_problem([], issuer)
    methods = {"token_endpoint_auth_methods_supported": 7}
    assert sso.discovery_problem(good | methods, issuer)
