"""Second factors, sealed in the database for the user and kind that they are of.

allauth's own hook sees neither, so a row could be moved to another account; what is sealed here
with the user's id opens nowhere else.
"""

from __future__ import annotations

import base64
from typing import Any, cast
from uuid import UUID

import msgspec

from ringfence.kernel.errors import RingfenceError
from ringfence.kernel.fields import INSTALLATION, SealedFieldNumber
from ringfence.platform.keys.client import Value
from ringfence.platform.keys.crypto import Place
from ringfence.platform.keys.errors import Unreadable
from ringfence.platform.keys.names import LeafRef
from ringfence.platform_django.keys import keys

_SEALED = "sealed"


def seal_secret(user_id: UUID, kind: str, content: Any) -> str:
    """Text for what is secret about a user. Raises Unavailable."""
    value = _value(user_id, msgspec.json.encode([kind, content]))
    (sealed,) = keys().seal(INSTALLATION, [value], actor=f"user:{user_id.hex}")
    return base64.urlsafe_b64encode(sealed).decode()


def open_secret(user_id: UUID, kind: str, text: str) -> Any:
    """Opposite of ``seal_secret``.

    Raises Unavailable, and Unreadable for what was sealed for another user or kind.
    """
    value = _value(user_id, base64.urlsafe_b64decode(text))
    (opened,) = keys().open(INSTALLATION, "security", [value], actor=f"user:{user_id.hex}")
    if isinstance(opened, RingfenceError):
        raise opened
    found, content = msgspec.json.decode(opened)
    if found != kind:
        raise Unreadable("this is sealed for something else")
    return content


def _value(user_id: UUID, data: bytes) -> Value:
    place = Place(INSTALLATION, SealedFieldNumber.SECOND_FACTOR, user_id, None, None)
    return Value(LeafRef(None, None), place, data)


def seal_row(instance: Any, **_: Any) -> None:
    """Before an authenticator is saved."""
    if _SEALED not in instance.data:
        text = seal_secret(instance.user_id, instance.type, instance.data)
        instance.clear_data, instance.data = instance.data, {_SEALED: text}


def restore_row(instance: Any, **_: Any) -> None:
    """After it was saved, the program goes on with what it had."""
    if hasattr(instance, "clear_data"):
        instance.data = instance.clear_data
        del instance.clear_data


def open_row(instance: Any, **_: Any) -> None:
    """When it was read."""
    data = instance.__dict__.get("data")
    if isinstance(data, dict) and _SEALED in data:
        text = cast(str, data[_SEALED])
        instance.data = open_secret(instance.user_id, instance.type, text)
