"""The profiles that the product ships: ``*.toml`` beside this file."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

from ringfence.policies.catalogue import System
from ringfence.policies.profiles.compiling import compile_profile
from ringfence.policies.profiles.profile import Profile

DEFAULT = "strict"
NAMES = (
    "cca-voice-ai",
    "clx-contact-center",
    "cmx-calltracking",
    "ctx-us-telecom",
    "sip-carrier",
    DEFAULT,
)


def profile_source(name: str) -> str:
    """The TOML of a shipped profile. Raises KeyError: there is none of that name."""
    if name not in NAMES:
        raise KeyError(name)
    folder = resources.files("ringfence.policies.profiles")
    return folder.joinpath(f"{name}.toml").read_text("utf-8")


@functools.cache
def load_profiles() -> Mapping[str, Profile]:
    """The shipped profiles by name. Raises ProfileError."""
    return MappingProxyType({name: compile_profile(profile_source(name)) for name in NAMES})


def load_profile(name: str = DEFAULT) -> Profile:
    """A shipped profile. Raises KeyError."""
    return load_profiles()[name]


@functools.cache
def profile_of_text(system: System) -> Profile:
    """The shipped profile that states a text as it is written."""
    return next(p for p in load_profiles().values() if p.text_of == {system})
