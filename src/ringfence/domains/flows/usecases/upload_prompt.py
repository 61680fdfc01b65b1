"""A tenant uploads audio that its flows play."""

from __future__ import annotations

import hashlib
from uuid import UUID

from django.conf import settings

from ringfence.domains.flows import limits
from ringfence.domains.flows.audio import to_telephone
from ringfence.domains.flows.contracts import InvalidPrompt, PromptInfo
from ringfence.domains.flows.limits import check_bytes, check_room
from ringfence.domains.flows.models import Prompt
from ringfence.domains.flows.prompt_file import prompt_path, write_prompt
from ringfence.domains.flows.queries import prompt_info
from ringfence.domains.flows.text import checked_name
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.tenancy import tenant


def upload_prompt(tenant_id: UUID, name: str, file: bytes) -> PromptInfo:
    """Convert a WAV file (see audio) and keep it. The file is there before its row is.

    Raises InvalidPrompt, PromptNotAudio, PromptFormatUnsupported, PromptTooLarge, TooMany,
    OSError.
    """
    name = checked_name(name, InvalidPrompt)
    audio, samples = to_telephone(file)
    row = Prompt(
        id=new_id(),
        tenant_id=tenant_id,
        name=name,
        sha256=hashlib.sha256(audio).hexdigest(),
        bytes=len(audio),
        samples=samples,
        created_at=clock().now(),
    )
    path = prompt_path(settings.RINGFENCE.prompt_dir, tenant_id, row.id)
    write_prompt(path, audio)
    try:
        with tenant(tenant_id):
            prompts = Prompt.objects.filter(tenant_id=tenant_id)
            check_room(prompts, limits.MAX_PROMPTS)
            check_bytes(prompts, row.bytes)
            row.save(force_insert=True)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return prompt_info(row)
