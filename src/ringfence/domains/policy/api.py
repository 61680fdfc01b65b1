"""The published policy, for other domains and the entrances."""

from ringfence.domains.policy.queries import (
    binding_of,
    current_version,
    custody_of,
    last_examined,
    list_incidents,
    list_versions,
    page_of,
)
from ringfence.domains.policy.usecases.accept import accept_version
from ringfence.domains.policy.usecases.order import (
    end_examination,
    examination_step,
    get_order,
    last_order,
    order_examination,
    running_examination,
)
from ringfence.domains.policy.usecases.publish import Head, publish, tell
from ringfence.domains.policy.usecases.record_examination import record_examination
from ringfence.domains.policy.usecases.warn_of_end import warn_of_ends

__all__ = [
    "Head",
    "accept_version",
    "binding_of",
    "current_version",
    "custody_of",
    "end_examination",
    "examination_step",
    "get_order",
    "last_examined",
    "last_order",
    "list_incidents",
    "list_versions",
    "order_examination",
    "page_of",
    "publish",
    "record_examination",
    "running_examination",
    "tell",
    "warn_of_ends",
]
