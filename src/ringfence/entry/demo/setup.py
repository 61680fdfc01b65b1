"""What the demo needs in the database: made once, found again afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.entry.database import setup_django

DEMO_NUMBER = "+12025550123"
DEMO_DESK = "+12025550145"
_TENANT = "Demo"
_CALLER_TRUNK, _CALLEE_TRUNK = "demo carrier", "demo desk"


@dataclass(frozen=True)
class Demo:
    """The demo tenant's number, and a new key that reads its calls."""

    number: str
    secret: str
    desk_port: int


def provision(caller_host: str, callee_host: str, desk_port: int = 5066) -> Demo:
    """Tenant, the carrier's trunk (by address), the desk's trunk, and a number that rings it."""
    setup_django("cli")
    from ringfence.domains.accounts import api as accounts
    from ringfence.domains.numbers import api as numbers
    from ringfence.domains.numbers.contracts import NewNumber, TrunkDial
    from ringfence.domains.trunks import api as trunks
    from ringfence.domains.trunks.contracts import NewTrunk

    tenant = next((t for t in accounts.list_tenants() if t.name == _TENANT), None)
    tenant = tenant or accounts.create_tenant(_TENANT)
    known = {trunk.name: trunk for trunk in trunks.list_all_trunks()}
    if _CALLER_TRUNK not in known:
        trunks.create_trunk(NewTrunk(name=_CALLER_TRUNK, sources=(f"{caller_host}/32",)))
    desk = known.get(_CALLEE_TRUNK) or trunks.create_trunk(
        NewTrunk(
            name=_CALLEE_TRUNK,
            tenant_id=tenant.id,
            sources=(f"{callee_host}/32",),
            peer_host=callee_host,
            peer_port=desk_port,
        )
    )
    if all(number.e164 != DEMO_NUMBER for number in numbers.list_all_numbers()):
        target = TrunkDial(desk.id, DEMO_DESK)
        numbers.create_number(
            NewNumber(tenant_id=tenant.id, e164=DEMO_NUMBER, dial=(target,), label="demo")
        )
    secret = accounts.create_api_key(tenant.id, "demo", ("calls:read",)).secret
    return Demo(DEMO_NUMBER, secret, desk.peer_port)
