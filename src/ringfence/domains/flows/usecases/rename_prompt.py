"""A prompt gets another name; flows know it by its id."""

from __future__ import annotations

from uuid import UUID

from ringfence.domains.flows.contracts import InvalidPrompt, PromptInfo
from ringfence.domains.flows.queries import find_prompt, prompt_info
from ringfence.domains.flows.text import checked_name
from ringfence.platform_django.tenancy import tenant


def rename_prompt(tenant_id: UUID, prompt_id: UUID, name: str) -> PromptInfo:
    """Raises PromptNotFound, InvalidPrompt."""
    name = checked_name(name, InvalidPrompt)
    with tenant(tenant_id):
        row = find_prompt(tenant_id, prompt_id)
        row.name = name
        row.save(update_fields=["name"])
    return prompt_info(row)
