"""Flows, prompts and targets, for other domains and the entrances."""

from ringfence.domains.flows.neighbours import know_devices, know_numbers
from ringfence.domains.flows.published import (
    check_published,
    flows_using,
    leading_to_device,
    published_parts,
)
from ringfence.domains.flows.queries import (
    get_flow,
    get_prompt,
    get_target,
    get_version,
    list_flows,
    list_prompts,
    list_targets,
    list_versions,
    prompt_audio,
)
from ringfence.domains.flows.usecases.archive_flow import archive_flow
from ringfence.domains.flows.usecases.create_flow import create_flow
from ringfence.domains.flows.usecases.delete_prompt import delete_prompt
from ringfence.domains.flows.usecases.delete_target import delete_target
from ringfence.domains.flows.usecases.diff_versions import diff_versions
from ringfence.domains.flows.usecases.publish import publish, rollback
from ringfence.domains.flows.usecases.rename_prompt import rename_prompt
from ringfence.domains.flows.usecases.save_draft import save_draft
from ringfence.domains.flows.usecases.save_target import change_target, create_target
from ringfence.domains.flows.usecases.upload_prompt import upload_prompt
from ringfence.domains.flows.usecases.validate_graph import validate_graph

__all__ = [
    "archive_flow",
    "change_target",
    "check_published",
    "create_flow",
    "create_target",
    "delete_prompt",
    "delete_target",
    "diff_versions",
    "flows_using",
    "get_flow",
    "get_prompt",
    "get_target",
    "get_version",
    "know_devices",
    "know_numbers",
    "leading_to_device",
    "list_flows",
    "list_prompts",
    "list_targets",
    "list_versions",
    "prompt_audio",
    "publish",
    "published_parts",
    "rename_prompt",
    "rollback",
    "save_draft",
    "upload_prompt",
    "validate_graph",
]
