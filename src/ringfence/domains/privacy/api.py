"""Privacy, for other domains and the entrances."""

from ringfence.domains.privacy.items import (
    register_item_cleanup,
    register_items_of_bucket,
    register_items_of_person,
)
from ringfence.domains.privacy.registry import (
    ClassificationError,
    all_classifications,
    classification,
    not_personal,
    person_ids,
    register,
    stale,
    unclassified,
)

__all__ = [
    "ClassificationError",
    "all_classifications",
    "classification",
    "not_personal",
    "person_ids",
    "register",
    "register_item_cleanup",
    "register_items_of_bucket",
    "register_items_of_person",
    "stale",
    "unclassified",
]
