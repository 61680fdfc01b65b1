"""Settings of what leaves the installation: who receives it, and by which agreement."""

from __future__ import annotations

import ipaddress
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from ringfence.platform.section import Section

_HOST = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"


class EgressSettings(Section):
    allow_networks: tuple[str, ...] = ()
    """Networks (CIDR) that tenants' URLs may lead to although they are not public: loopback in
    tests, an intranet of the operator's own."""
    regions: tuple[str, ...] = ()
    """Where processors may be without a safeguard for the transfer, such as ``US``; none: each
    needs one."""
    ledger_months: Annotated[int, Field(ge=1, le=1200)] = 36
    """The record of what left is removed by whole months when it is older."""
    socket: Path | None = None
    """Where the egress process listens; default ``<run_dir>/egress.sock``. Set it, and the group,
    when that process runs as a user of its own."""
    socket_group: str | None = None
    """The group whose members may ask it; none: its own user alone."""

    @field_validator("allow_networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for item in value:
            ipaddress.ip_network(item)
        return value


class AgreementSettings(Section):
    """What binds a processor: the document lies elsewhere, its digest here."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    signed_on: date
    expires_on: date | None = None
    """The last day that it binds."""


class ProcessorSettings(Section):
    """A third party that personal data is sent to. Purposes are those of service: there is none of
    sale, nor of others' marketing."""

    hosts: Annotated[tuple[Annotated[str, Field(pattern=_HOST)], ...], Field(min_length=1)]
    """Exactly these names, in lower case."""
    templates: Annotated[tuple[str, ...], Field(min_length=1)]
    """What may be sent there: names of ``ringfence data-map``."""
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    """Where it works, ISO 3166."""
    safeguard: Literal["none", "scc", "adequacy", "dpf", "bcr", "consent"] = "none"
    """What covers a transfer to there."""
    purposes: Annotated[
        tuple[Literal["service", "billing", "security", "legal"], ...], Field(min_length=1)
    ] = ("service",)
    agreement: AgreementSettings | None = None
    """Without one, or after its end, nothing is sent."""
    fields: tuple[str, ...] | None = None
    """Fewer fields than the templates allow; none: what they allow."""
