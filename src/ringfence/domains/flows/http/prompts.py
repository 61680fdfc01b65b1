"""REST API of prompts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import FileResponse, HttpRequest
from ninja import File, Form, Query, Router, Status
from ninja.files import UploadedFile

from ringfence.domains.flows import api
from ringfence.domains.flows.http.schemas import (
    PageQuery,
    PromptChange,
    PromptList,
    PromptOut,
    prompt_out,
)
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.etag import check_etag
from ringfence.platform_django.http import caller_of, requires, responses

router = Router(tags=["prompts"])
_READ, _WRITE = "flows:read", "flows:write"
_AUDIO: dict[str, Any] = {
    "responses": {
        200: {
            "description": "WAV, 8 kHz, mono, 16 bit",
            "content": {"audio/wav": {"schema": {"type": "string", "format": "binary"}}},
        }
    }
}


def _prompt(text: str) -> UUID:
    return parse_public_id(Prefix.PROMPT, text)


@router.get("/prompts", response=responses(PromptList, 422), operation_id="list_prompts")
@requires(_READ)
def list_prompts(request: HttpRequest, query: Query[PageQuery]) -> PromptList:
    """The tenant's prompts, newest first."""
    page = api.list_prompts(
        caller_of(request).tenant_id, before=query.cursor(Prefix.PROMPT), limit=query.limit
    )
    cursor = page.next_cursor
    return PromptList(
        prompts=[prompt_out(info) for info in page.prompts],
        next=None if cursor is None else public_id(Prefix.PROMPT, cursor),
    )


@router.post(
    "/prompts", response=responses(PromptOut, 413, 422, success=201), operation_id="create_prompt"
)
@requires(_WRITE)
def create_prompt(
    request: HttpRequest, name: Form[str], file: File[UploadedFile]
) -> Status[PromptOut]:
    """Upload a WAV file: PCM of 16 bit, mu-law or A-law; 8, 16, 22.05, 24, 44.1 or 48 kHz; mono or
    stereo; at most 10 MB and 10 minutes. It is kept as 8 kHz mono."""
    made = api.upload_prompt(caller_of(request).tenant_id, name, file.read())
    return Status(201, prompt_out(made))


@router.get(
    "/prompts/{prompt_id}", response=responses(PromptOut, 404, 422), operation_id="get_prompt"
)
@requires(_READ)
def get_prompt(request: HttpRequest, prompt_id: str) -> PromptOut:
    """One of the tenant's prompts."""
    return prompt_out(api.get_prompt(caller_of(request).tenant_id, _prompt(prompt_id)))


@router.get(
    "/prompts/{prompt_id}/audio",
    response=responses(None, 404, 422),
    operation_id="get_prompt_audio",
    openapi_extra=_AUDIO,
)
@requires(_READ)
def get_audio(request: HttpRequest, prompt_id: str) -> FileResponse:
    """The prompt as callers hear it."""
    id_ = _prompt(prompt_id)
    audio = api.prompt_audio(caller_of(request).tenant_id, id_)
    name = f"{public_id(Prefix.PROMPT, id_)}.wav"
    return FileResponse(audio, content_type="audio/wav", as_attachment=True, filename=name)


@router.patch(
    "/prompts/{prompt_id}",
    response=responses(PromptOut, 404, 412, 422, 428),
    operation_id="change_prompt",
)
@requires(_WRITE)
def change_prompt(request: HttpRequest, prompt_id: str, change: PromptChange) -> PromptOut:
    """Rename a prompt. Its audio never changes: upload another."""
    tenant_id, id_ = caller_of(request).tenant_id, _prompt(prompt_id)
    check_etag(request, prompt_out(api.get_prompt(tenant_id, id_)))
    return prompt_out(api.rename_prompt(tenant_id, id_, change.name))


@router.delete(
    "/prompts/{prompt_id}",
    response=responses(None, 404, 409, 422, success=204),
    operation_id="delete_prompt",
)
@requires(_WRITE)
def delete_prompt(request: HttpRequest, prompt_id: str) -> Status[None]:
    """Delete a prompt that no published flow plays."""
    api.delete_prompt(caller_of(request).tenant_id, _prompt(prompt_id))
    return Status(204, None)
