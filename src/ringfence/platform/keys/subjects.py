"""What a subject decided, and what a use of their values needs."""

from __future__ import annotations

import msgspec

from ringfence.platform.keys.errors import Refused
from ringfence.platform.keys.names import KeyName
from ringfence.platform.keys.store import KeyStore

CONSENT_PURPOSES = frozenset({"marketing", "training"})
"""Purposes that need the person's consent: unknown is no."""
UNRESTRICTED_PURPOSES = frozenset({"legal", "rights"})
"""Purposes that go on under a restriction (GDPR article 18(2)): claims, and the person's own."""


class SubjectState(msgspec.Struct, frozen=True, array_like=True):
    """Choices of one person; ``remains`` are the categories that outlived an erasure."""

    restricted: bool = False
    consents: tuple[str, ...] = ()
    objections: tuple[str, ...] = ()
    remains: tuple[str, ...] = ()

    def check(self, purpose: str) -> None:
        """Raises Refused when this person's values may not be opened for the purpose."""
        if self.restricted and purpose not in UNRESTRICTED_PURPOSES:
            raise Refused("the subject's data is restricted")
        if purpose in self.objections:
            raise Refused("the subject objected to this purpose")
        if purpose in CONSENT_PURPOSES and purpose not in self.consents:
            raise Refused("this purpose needs the subject's consent")


class StateChange(msgspec.Struct, frozen=True):
    """Some of a person's choices; everything else stays as it is."""

    restricted: bool | None = None
    consent: tuple[str, ...] = ()
    """Purposes that the person consents to from now on."""
    withdraw: tuple[str, ...] = ()
    """Purposes that they do not consent to any more."""
    objects: tuple[str, ...] = ()
    """Purposes that they object to."""
    accept: tuple[str, ...] = ()
    """Purposes that they object to no more."""

    @property
    def forbids(self) -> bool:
        """Whether anything that was allowed may be forbidden now."""
        return bool(self.restricted or self.withdraw or self.objects)

    def of(self, state: SubjectState) -> SubjectState:
        """The state after the change."""
        consents = (set(state.consents) | set(self.consent)) - set(self.withdraw)
        objections = (set(state.objections) | set(self.objects)) - set(self.accept)
        return SubjectState(
            restricted=state.restricted if self.restricted is None else self.restricted,
            consents=tuple(sorted(consents)),
            objections=tuple(sorted(objections)),
            remains=state.remains,
        )


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(SubjectState)
_DEFAULT = SubjectState()


def read_state(store: KeyStore, name: KeyName) -> SubjectState:
    """The state of a person; nothing decided when there is none."""
    raw = store.get(name)
    return _DEFAULT if raw is None else _decoder.decode(raw)


def write_state(store: KeyStore, name: KeyName, state: SubjectState) -> None:
    """Store the state of a person."""
    store.replace(name, _encoder.encode(state))
