"""A number's calls get another destination, or it another label."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.numbers.checks import checked_number
from ringfence.domains.numbers.contracts import NewNumber, NumberInfo, NumberReleased
from ringfence.domains.numbers.queries import find_number, number_info
from ringfence.domains.numbers.rules.dialing import store_targets
from ringfence.platform_django.tenancy import tenant


def change_number(number_id: UUID, new: NewNumber) -> NumberInfo:
    """Make a number of ``new.tenant_id`` as it is to be, from the next call on; ``new.e164`` is
    the number's own. Raises NumberNotFound, NumberReleased, InvalidNumber, FlowNotPublished."""
    with tenant(new.tenant_id):
        row = find_number(new.tenant_id, number_id)
        if row.status != "active":
            raise NumberReleased("the number was released")
        new = checked_number(new)
        row.label = new.label
        row.dial, row.flow_id = store_targets(new.dial), new.flow_id
        row.dial_timeout_seconds = new.dial_timeout_seconds
        row.caller_id, row.max_seconds = new.caller_id, new.max_seconds
        row.save(force_update=True)
    return number_info(row)
