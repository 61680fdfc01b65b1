"""Whether what must leave may: third parties that are registered and bound."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from ringfence.entry.doctor.finding import Finding
from ringfence.kernel.clock import Clock
from ringfence.platform.egress import is_public
from ringfence.platform.gate.rules import problem_of
from ringfence.platform.gate.smtp import SmtpServer
from ringfence.platform.settings import Settings


def check(settings: Settings, clock: Clock) -> list[Finding]:
    """Each processor's standing today, and the mail server."""
    today, regions = clock.now().date(), settings.egress.regions
    found = []
    for name, one in settings.processors.items():
        problem = problem_of(one, today, regions)
        said = "in force" if problem is None else problem.value.replace("_", " ")
        advice = "" if problem is None else "nothing is sent there; see docs/guides/egress.md"
        found.append(Finding(f"processor {name}", problem is None, said, advice))
    return [*found, *_mail_server(settings)]


def _mail_server(settings: Settings) -> list[Finding]:
    if settings.mail.smtp_url is None:
        return []
    host = SmtpServer.of(settings.mail.smtp_url).host
    known = settings.processors.values()
    if any(host in one.hosts and "mail" in one.templates for one in known):
        return []  # it has a line of its own
    try:
        addresses = {str(one[4][0]) for one in socket.getaddrinfo(host, None)}
    except OSError:
        return [Finding("mail server", False, f"{host} does not resolve", "check mail.smtp_url")]
    if not any(is_public(ip_address(one)) for one in addresses):
        return [Finding("mail server", True, "a machine of your own")]
    advice = "register it in [processors] (docs/guides/egress.md), or mails wait in the outbox"
    return [
        Finding("mail server", False, f"{host} is a third party that is not registered", advice)
    ]
