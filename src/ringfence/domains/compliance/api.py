"""Compliance, for other domains and the entrances."""

from ringfence.domains.compliance.queries import (
    get_account,
    get_any_account,
    get_case,
    get_unopened_account,
    list_cases,
    list_notices,
    without_values,
)
from ringfence.domains.compliance.usecases.call_back import (
    confirm_call_back,
    order_call_back,
    place_call_back,
)
from ringfence.domains.compliance.usecases.cases import close_case, open_case
from ringfence.domains.compliance.usecases.change_contacts import change_contacts
from ringfence.domains.compliance.usecases.disclose import discuss_named, tell_calls
from ringfence.domains.compliance.usecases.notify import deliver_notice, order_news, tell_change
from ringfence.domains.compliance.usecases.prove import (
    follow_contract,
    show_photo_id,
    try_backup,
    try_password,
)
from ringfence.domains.compliance.usecases.send_by_mail import (
    order_letter,
    send_by_email,
    write_letter,
)
from ringfence.domains.compliance.usecases.set_contract import set_contract
from ringfence.domains.compliance.usecases.set_secrets import set_backup, set_password

__all__ = [
    "change_contacts",
    "close_case",
    "confirm_call_back",
    "deliver_notice",
    "discuss_named",
    "follow_contract",
    "get_account",
    "get_any_account",
    "get_case",
    "get_unopened_account",
    "list_cases",
    "list_notices",
    "open_case",
    "order_call_back",
    "order_letter",
    "order_news",
    "place_call_back",
    "send_by_email",
    "set_backup",
    "set_contract",
    "set_password",
    "show_photo_id",
    "tell_calls",
    "tell_change",
    "try_backup",
    "try_password",
    "without_values",
    "write_letter",
]
