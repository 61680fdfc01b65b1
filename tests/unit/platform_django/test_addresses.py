"""Where a request came from, whatever it says about that itself."""

from __future__ import annotations

import ipaddress

import pytest
from django.conf import settings
from django.test import RequestFactory, override_settings
from hypothesis import given
from hypothesis import strategies as st

from ringfence.platform.settings import SettingsError, load_settings
from ringfence.platform_django.addresses import (
    client_address,
    narrower,
    parse_networks,
    truncated,
    within,
)

PROXIES = ("10.0.0.0/8", "fd00::/8")


def found(seen: str, forwarded: str | None = None, proxies: tuple[str, ...] = PROXIES) -> str:
    installation = settings.RINGFENCE
    web = installation.web.model_copy(update={"trusted_proxies": proxies})
    web.__dict__.pop("proxy_networks", None)
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR=seen)
    with override_settings(RINGFENCE=installation.model_copy(update={"web": web})):
        return str(client_address(request))


def test_nobody_else_is_believed() -> None:
    assert found("192.0.2.1") == "192.0.2.1"
    assert found("192.0.2.1", "198.51.100.7") == "192.0.2.1", "it is no proxy of ours"
    assert found("10.1.1.1", "198.51.100.7", proxies=()) == "10.1.1.1", "nor is any"


def test_the_last_hop_that_is_not_ours_counts() -> None:
    assert found("10.1.1.1", "198.51.100.7") == "198.51.100.7"
    assert found("10.1.1.1", "203.0.113.9, 198.51.100.7") == "198.51.100.7", "the first is a claim"
    assert found("10.1.1.1", "203.0.113.9, 198.51.100.7, 10.2.2.2") == "198.51.100.7"
    assert found("10.1.1.1", "2001:db8::1,fd00::2 , 10.2.2.2,") == "2001:db8::1"
    assert found("10.1.1.1") == "10.1.1.1", "the proxy itself asks"
    assert found("::ffff:10.1.1.1", "::ffff:198.51.100.7") == "198.51.100.7"


def test_what_cannot_be_read_is_no_address() -> None:
    for text in ("nonsense", "198.51.100.7, unknown", "198.51.100.7:80", "198.51.100.0/24"):
        assert found("10.1.1.1", text) == "None", text
    assert found("") == "None"


addresses = st.ip_addresses().map(str)


@given(claimed=st.lists(st.one_of(addresses, st.text("0123456789.:abcdefxyz, ", max_size=20))))
def test_no_claim_moves_the_client(claimed: list[str]) -> None:
    """Whatever a client puts before what our proxy adds."""
    assert found("10.1.1.1", ",".join([*claimed, "198.51.100.7"])) == "198.51.100.7"
    assert found("198.51.100.7", ",".join(claimed)) == "198.51.100.7"


@given(st.ip_addresses())
def test_what_is_kept_of_an_address_stands_for_many(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    kept = ipaddress.ip_network(truncated(address))
    assert address in kept
    assert kept.prefixlen == {4: 24, 6: 48}[address.version]
    assert truncated(None) == ""


networks = st.lists(
    st.tuples(st.ip_addresses(), st.integers(0, 32)).map(
        lambda pair: str(ipaddress.ip_network(pair, strict=False))
    ),
    max_size=4,
)


@given(wanted=networks, bounds=networks, address=st.ip_addresses())
def test_nothing_narrower_lets_in_more(
    wanted: list[str], bounds: list[str], address: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> None:
    """As one checks a key: none named is anywhere."""
    inner, outer = parse_networks(wanted), parse_networks(bounds)
    if narrower(inner, outer) and (not inner or within(address, inner)):
        assert not outer or within(address, outer)
    assert narrower(inner, ()) and narrower(outer, outer)


def test_a_setting_that_is_no_network_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGFENCE_WEB__TRUSTED_PROXIES", '["10.0.0.1/8"]')
    with pytest.raises(SettingsError, match="trusted_proxies"):
        load_settings()
