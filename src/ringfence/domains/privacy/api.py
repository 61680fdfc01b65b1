"""Privacy, for other domains and the entrances."""

from ringfence.domains.privacy.contracts import ClassificationError
from ringfence.domains.privacy.items import (
    register_item_cleanup,
    register_items_of_bucket,
    register_items_of_person,
    register_next_item_day,
    register_person_cleanup,
)
from ringfence.domains.privacy.opt_outs import register_opt_out
from ringfence.domains.privacy.package_parts import register_package_part
from ringfence.domains.privacy.profiles import profile_of, register_profile
from ringfence.domains.privacy.queries import get_erasure, newest_day, oldest_day
from ringfence.domains.privacy.records import Life, Records, register_lives, register_records
from ringfence.domains.privacy.registry import (
    all_classifications,
    classification,
    link_rows,
    not_personal,
    person_ids,
    register,
    row_links,
    stale,
    unclassified,
)
from ringfence.domains.privacy.retention import register_choices
from ringfence.domains.privacy.rights_queries import (
    agent_and_statement,
    get_rights_request,
    list_rights_requests,
    open_requests,
    requests_of_person,
    urgent_infos,
)
from ringfence.domains.privacy.rules.authority import needs_confirmation
from ringfence.domains.privacy.rules.rights import (
    erases,
    is_copy,
    is_decided,
    is_open,
    may_appeal,
    may_verify_by,
)
from ringfence.domains.privacy.tenant_end import register_file_removal, register_row_removal
from ringfence.domains.privacy.usecases.answer_request import answer_request
from ringfence.domains.privacy.usecases.appeal import appeal_refusal, decide_appeal
from ringfence.domains.privacy.usecases.carry_out import carry_out, sweep_again
from ringfence.domains.privacy.usecases.collect_orphans import collect_orphans
from ringfence.domains.privacy.usecases.complete_rights import complete_deletion
from ringfence.domains.privacy.usecases.decide_correction import decide_correction
from ringfence.domains.privacy.usecases.end_records import end_records
from ringfence.domains.privacy.usecases.erase import (
    destroy_items,
    destroy_person,
    end_tenant,
    erase_identifier,
    expire,
    find_person,
    request_erasure,
    request_identifier_erasure,
    request_items_erasure,
)
from ringfence.domains.privacy.usecases.legal_hold import (
    HeldItem,
    HeldPerson,
    place_hold,
    release_hold,
)
from ringfence.domains.privacy.usecases.lift_report import lift_report
from ringfence.domains.privacy.usecases.open_package import open_package
from ringfence.domains.privacy.usecases.replay import replay
from ringfence.domains.privacy.usecases.request_rights import (
    confirm_authority,
    extend_request,
    mark_child,
    refuse_request,
    request_rights,
    verify_request,
)
from ringfence.domains.privacy.usecases.settle_use import settle_use
from ringfence.domains.privacy.usecases.sweep_retention import sweep_retention

__all__ = [
    "ClassificationError",
    "HeldItem",
    "HeldPerson",
    "Life",
    "Records",
    "agent_and_statement",
    "all_classifications",
    "answer_request",
    "appeal_refusal",
    "carry_out",
    "classification",
    "collect_orphans",
    "complete_deletion",
    "confirm_authority",
    "decide_appeal",
    "decide_correction",
    "destroy_items",
    "destroy_person",
    "end_records",
    "end_tenant",
    "erase_identifier",
    "erases",
    "expire",
    "extend_request",
    "find_person",
    "get_erasure",
    "get_rights_request",
    "is_copy",
    "is_decided",
    "is_open",
    "lift_report",
    "link_rows",
    "list_rights_requests",
    "mark_child",
    "may_appeal",
    "may_verify_by",
    "needs_confirmation",
    "newest_day",
    "not_personal",
    "oldest_day",
    "open_package",
    "open_requests",
    "person_ids",
    "place_hold",
    "profile_of",
    "refuse_request",
    "register",
    "register_choices",
    "register_file_removal",
    "register_item_cleanup",
    "register_items_of_bucket",
    "register_items_of_person",
    "register_lives",
    "register_next_item_day",
    "register_opt_out",
    "register_package_part",
    "register_person_cleanup",
    "register_profile",
    "register_records",
    "register_row_removal",
    "release_hold",
    "replay",
    "request_erasure",
    "request_identifier_erasure",
    "request_items_erasure",
    "request_rights",
    "requests_of_person",
    "row_links",
    "settle_use",
    "stale",
    "sweep_again",
    "sweep_retention",
    "unclassified",
    "urgent_infos",
    "verify_request",
]
