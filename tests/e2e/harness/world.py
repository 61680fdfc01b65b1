"""What is provisioned in an installation for tests, and how records are compared to the wire."""

import asyncio
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.e2e.harness.installation import Installation, Tenant, known
from tests.e2e.harness.sipp import Sipp

from ringfence.domains.accounts.contracts import DEFAULT_SCOPES
from ringfence.entry.phone import Phone
from ringfence.kernel.events import LATER_SEQ

LATER_KINDS = ("recording.stored", "recording.deleted")
"""Said by the platform, after the call as a rule; gaps in their numbers mean nothing."""


@dataclass
class World:
    """An installation with one tenant and the operator's trunk ``carrier``."""

    installation: Installation
    tenant: Tenant
    carrier: str
    """Trunk id; its requests come from the addresses of ``installation.caller()``."""

    @classmethod
    def provision(cls, installation: Installation) -> "World":
        made = installation.cli("tenant", "create", "Acme")
        named = [f"--scope={scope}" for scope in (*DEFAULT_SCOPES, "numbers:write")]
        key = installation.cli("key", "create", "--tenant", made["id"], *named)
        network = f"127.{installation.network}.1.0/24"
        carrier = installation.cli("trunk", "create", "carrier", "--operator", "--source", network)
        asyncio.run(known(installation, f"127.{installation.network}.1.254"))
        return cls(installation, Tenant(made["id"], key["api_key"]), carrier["id"])

    def number(self, *targets: str, ring_seconds: int = 30, **options: str) -> str:
        """A new number of the tenant that rings these targets; returns it in E.164."""
        e164 = self.installation.telephone()
        arguments = ["number", "create", e164, "--tenant", self.tenant.id]
        for target in targets:
            arguments += ["--dial", target]
        arguments += ["--dial-timeout", str(ring_seconds)]
        for name, value in options.items():
            arguments += [f"--{name.replace('_', '-')}", value]
        self.installation.cli(*arguments)
        return e164

    def number_for(self, phone: Phone, **options: Any) -> str:
        """A new number that rings this phone."""
        return self.number(phone.uri, **options)

    async def record(self, caller: str, within: float = 15.0) -> dict[str, Any]:
        """CDR with legs and events of the one call of this caller, once it has ended."""
        record = await self.installation.record(caller, self.tenant.secret, within)
        check_journal(record)
        return record


def check_journal(record: dict[str, Any]) -> None:
    """The journal is whole, and the CDR says what the journal says."""
    events = [event for event in record["events"] if event["seq"] < LATER_SEQ]
    later = record["events"][len(events) :]
    assert all(event["seq"] >= LATER_SEQ and event["kind"] in LATER_KINDS for event in later)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    kinds = [event["kind"] for event in events]
    assert kinds[0] == "call.started"
    assert kinds[-1] == "call.ended"
    assert kinds.count("call.ended") == 1
    assert kinds.count("call.answered") == (record["answered_at"] is not None)
    assert events[-1]["data"]["reason"] == record["end_reason"]
    assert kinds.count("leg.created") == kinds.count("leg.ended") == len(record["legs"])
    times = [moment(event["at"]) for event in events]
    assert times == sorted(times)


def moment(text: str) -> float:
    """Seconds since the epoch of an API time."""
    return datetime.fromisoformat(text).timestamp()


def check_billing(record: dict[str, Any], caller: Sipp) -> None:
    """Billed seconds, times and duration are those of SIPp's own trace at the caller."""
    invited = caller.seen("INVITE", sent=True)[0].at
    answered = caller.seen(200, cseq="INVITE")[0].at
    bye = (caller.seen("BYE", sent=True) or caller.seen("BYE"))[0].at
    assert abs(moment(record["started_at"]) - invited) < 0.25
    assert abs(record["duration_ms"] / 1000 - (bye - invited)) < 0.25
    assert abs(moment(record["answered_at"]) - answered) < 0.25
    assert abs(moment(record["ended_at"]) - bye) < 0.25
    exact = bye - answered
    allowed = {math.ceil(exact - 0.1), math.ceil(exact + 0.1)}
    assert record["billed_seconds"] in allowed, (record["billed_seconds"], exact)
