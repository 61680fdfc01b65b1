"""A prompt that no published flow plays is deleted, with its file."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import transaction

from ringfence.domains.flows.contracts import PromptInUse
from ringfence.domains.flows.prompt_file import prompt_path
from ringfence.domains.flows.published import flows_using
from ringfence.domains.flows.queries import find_prompt
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.tenancy import APP, tenant


def delete_prompt(tenant_id: UUID, prompt_id: UUID) -> None:
    """The file goes when the row is gone for good. Raises PromptNotFound, PromptInUse."""
    with tenant(tenant_id):
        row = find_prompt(tenant_id, prompt_id)
        flows = flows_using(tenant_id, public_id(Prefix.PROMPT, prompt_id))
        if flows:
            raise PromptInUse("a published flow plays the prompt", details={"flows": flows})
        row.delete()
        path = prompt_path(settings.RINGFENCE.prompt_dir, tenant_id, prompt_id)
        transaction.on_commit(lambda: path.unlink(missing_ok=True), using=APP)
