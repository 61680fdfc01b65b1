"""Nothing but the egress process connects to other machines, and nothing else can."""

from __future__ import annotations

from ringfence.entry.promises import way_out
from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.site import Site
from ringfence.platform.database import database_urls, url_parts


def _check(site: Site) -> list[Finding]:
    exempt = {way_out.EGRESS, *_call_plane(site)}
    known = _own_servers(site)
    processes = [one for one in way_out.running(site.settings) if one.name not in exempt]
    return [
        Finding("connected_out", way_out.subject(process.name, address))
        for process, address in way_out.outward(processes)
        if address not in known
    ]


def _call_plane(site: Site) -> set[str]:
    return {
        one.name
        for one in way_out.running(site.settings)
        if one.name.startswith(tuple(way_out.CALL_PLANE))
    }


def _own_servers(site: Site) -> set[str]:
    """Addresses of a PostgreSQL server elsewhere: a part of the installation."""
    urls = database_urls(site.settings)
    hosts = [url_parts(url).get("host", "") for url in (urls.owner, urls.app, urls.callplane)]
    return {
        address
        for host in hosts
        if host and not host.startswith("/")
        for address in way_out.addresses(host)
    }


NOTHING_LEAVES = Control(
    name="nothing-leaves",
    says="No process but the egress process holds a connection to another machine, but for SIP, RTP"
    " and the database; where the operating system forces it, none can.",
    limits="Connections of this moment. SIP and RTP leave from their own processes, and objects go"
    " to S3 directly where storage.url says so: that connection is a finding. What a name server is"
    " asked is not seen.",
    population=lambda site: len(way_out.running(site.settings)),
    check=_check,
    unforced=lambda site: way_out.why_unforced(way_out.running(site.settings)),
    violations=(
        Violation("connection-out", ("CMX-04.0-07",), lambda site: way_out.a_connection_out()),
    ),
)
