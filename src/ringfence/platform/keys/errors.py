"""What can go wrong with keys and sealed values, each with a stable code."""

from __future__ import annotations

from ringfence.kernel.errors import InvalidInput, NotFound, RingfenceError


class Unreadable(RingfenceError):
    """A sealed value does not open: wrong key, moved to another place, or damaged."""

    code = "unreadable_value"


class CutOff(RingfenceError):
    """The last chunk of an object is missing: everything before it is authentic, but not all."""

    code = "object_cut_off"


class KeyDestroyed(RingfenceError):
    """The key existed and was destroyed; what it sealed can never be opened again."""

    code = "key_destroyed"
    http_status = 410


class KeyUnknown(NotFound):
    """No such key was ever stored for this tenant."""

    code = "key_unknown"


class UnfitName(InvalidInput):
    """A category, rule, identifier or key cannot be used as given."""

    code = "unfit_key_name"


class Refused(RingfenceError):
    """The credential, the purpose or the subject's own choice forbids this use."""

    code = "key_refused"
    http_status = 403


class StoreDamaged(RingfenceError):
    """Store, slot file and root key do not belong together, or one of them is damaged."""

    code = "key_store_damaged"
