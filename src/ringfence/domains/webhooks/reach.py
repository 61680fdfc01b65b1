"""Whether messages may be sent to a URL, as far as that can be told without asking a name server.

Where a name leads is found out at each attempt.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from django.conf import settings

from ringfence.domains.webhooks.contracts import InvalidWebhook
from ringfence.domains.webhooks.rules.validation import check_url
from ringfence.platform.egress import is_public


def check_reach(url: str) -> None:
    """Raises InvalidWebhook."""
    networks = settings.RINGFENCE.egress.allow_networks
    check_url(url, plain_http=bool(networks))
    try:
        address = ip_address(urlsplit(url).hostname or "")
    except ValueError:
        return
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    allowed = any(address in ip_network(network) for network in networks)
    if not allowed and not is_public(address):
        raise InvalidWebhook(
            "url: the address is not public", details={"field": "url", "reason": "address"}
        )
