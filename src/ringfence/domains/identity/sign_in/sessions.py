"""Sessions in the database. They end at a fixed time, and keep secrets sealed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions

from ringfence.domains.identity.sign_in.sealing import open_secret, seal_secret
from ringfence.kernel.fields import INSTALLATION
from ringfence.platform_django.clock import clock

ENDS_AT = "ringfence_ends_at"
"""When somebody signed in: the time (seconds since 1970) at which the session ends, whatever they
do until then."""
INVITATION = "ringfence_invitation"
"""The token of the invitation that a browser came with."""
_SECRET = ("mfa.totp.secret", INVITATION)
_USER = "_auth_user_id"


class SessionStore(DatabaseSessions):
    @classmethod
    def get_model_class(cls) -> Any:
        return super().get_model_class()

    def encode(self, session_dict: dict[str, Any]) -> str:
        found = [name for name in _SECRET if name in session_dict]
        if found:
            owner = _owner(session_dict)
            session_dict = session_dict | {
                name: seal_secret(owner, name, session_dict[name]) for name in found
            }
        return str(super().encode(session_dict))

    def decode(self, session_data: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().decode(session_data)
        for name in _SECRET:
            if name in found:
                found[name] = open_secret(_owner(found), name, found[name])
        return found

    def get_expiry_age(self, **kwargs: Any) -> int:
        ends = self.get(ENDS_AT)
        if ends is None:
            return super().get_expiry_age(**kwargs)
        return max(0, int(ends - clock().now().timestamp()))

    def get_expiry_date(self, **kwargs: Any) -> datetime:
        ends = self.get(ENDS_AT)
        if ends is None:
            return super().get_expiry_date(**kwargs)
        return datetime.fromtimestamp(ends, UTC)

    def get_expire_at_browser_close(self) -> bool:
        return False if ENDS_AT in self else super().get_expire_at_browser_close()


def _owner(session: dict[str, Any]) -> UUID:
    user = session.get(_USER)
    return INSTALLATION if user is None else UUID(user)
