"""Profiles: the values of a policy. See ``docs/guides/profiles.md``."""

from ringfence.policies.profiles.canonical import profile_hash
from ringfence.policies.profiles.claims import Claims, Omission, claims, parameters_of
from ringfence.policies.profiles.compiling import ProfileError, compile_profile, conflicts
from ringfence.policies.profiles.ends import first_kept, last_day
from ringfence.policies.profiles.kept import DaysKept, days_kept, most_days, settle
from ringfence.policies.profiles.loading import (
    DEFAULT,
    NAMES,
    load_profile,
    load_profiles,
    profile_source,
)
from ringfence.policies.profiles.merging import Choice, Merge, merge
from ringfence.policies.profiles.parameters import Parameter
from ringfence.policies.profiles.period import Period, Unit
from ringfence.policies.profiles.profile import Profile
from ringfence.policies.profiles.tree import Problem, leaves, plain, value_at, with_value

__all__ = [
    "DEFAULT",
    "NAMES",
    "Choice",
    "Claims",
    "DaysKept",
    "Merge",
    "Omission",
    "Parameter",
    "Period",
    "Problem",
    "Profile",
    "ProfileError",
    "Unit",
    "claims",
    "compile_profile",
    "conflicts",
    "days_kept",
    "first_kept",
    "last_day",
    "leaves",
    "load_profile",
    "load_profiles",
    "merge",
    "most_days",
    "parameters_of",
    "plain",
    "profile_hash",
    "profile_source",
    "settle",
    "value_at",
    "with_value",
]
