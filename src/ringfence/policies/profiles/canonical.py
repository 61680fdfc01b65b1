"""The one spelling of a profile, and its hash."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ringfence.policies.profiles.profile import Profile
from ringfence.policies.profiles.tree import plain


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no blanks, UTF-8."""
    spelled = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return spelled.encode()


def profile_hash(profile: Profile) -> str:
    """SHA-256 of all values and texts of a profile, in hex."""
    return hashlib.sha256(canonical(plain(profile))).hexdigest()
