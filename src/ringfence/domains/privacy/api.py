"""Privacy, for other domains and the entrances."""

from ringfence.domains.privacy.registry import (
    ClassificationError,
    all_classifications,
    classification,
    not_personal,
    register,
    stale,
    unclassified,
)

__all__ = [
    "ClassificationError",
    "all_classifications",
    "classification",
    "not_personal",
    "register",
    "stale",
    "unclassified",
]
