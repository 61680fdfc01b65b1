"""REST API of recordings: lists, audio, deletion, settings, and control of live recordings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router, Schema, Status

from ringfence.domains.calls.api import command_call
from ringfence.domains.calls.contracts import CallAction
from ringfence.domains.recordings import api
from ringfence.domains.recordings.schemas import (
    AudioQuery,
    RecordingList,
    RecordingOut,
    RecordingQuery,
    RecordingSettingsModel,
    recording_out,
    settings_out,
)
from ringfence.kernel.ids import Prefix, parse_public_id, public_id
from ringfence.platform_django.http import OPENS, caller_of, requires, responses

router = Router(tags=["recordings"])

_READ, _WRITE = "recordings:read", "recordings:write"
_AUDIO: dict[int, Any] = {200: {"content": {"audio/wav": {}, "audio/ogg": {}}}}
_OBJECT: dict[int, Any] = {200: {"content": {"application/octet-stream": {}}}}


class Accepted(Schema):
    """It is on its way; the object tells when it is done."""

    id: str
    state: str


def _recording(text: str) -> UUID:
    return parse_public_id(Prefix.RECORDING, text)


@router.get("/recordings", response=responses(RecordingList, 422), operation_id="list_recordings")
@requires(_READ)
def list_recordings(request: HttpRequest, query: Query[RecordingQuery]) -> RecordingList:
    """The tenant's recordings, newest first."""
    page = api.list_recordings(
        caller_of(request).tenant_id,
        query.as_filter(),
        before=query.before_id,
        limit=query.limit,
    )
    cursor = page.next_cursor
    return RecordingList(
        recordings=[recording_out(info) for info in page.recordings],
        next=None if cursor is None else public_id(Prefix.RECORDING, cursor),
    )


@router.get(
    "/recordings/{recording_id}",
    response=responses(RecordingOut, 404, 422),
    operation_id="get_recording",
)
@requires(_READ)
def get_recording(request: HttpRequest, recording_id: str) -> RecordingOut:
    """One recording and its tracks."""
    return recording_out(api.get_recording(caller_of(request).tenant_id, _recording(recording_id)))


@router.get(
    "/recordings/{recording_id}/audio",
    response=responses(None, 400, 404, 406, 409, 410, 422),
    operation_id="get_recording_audio",
    openapi_extra={"responses": _AUDIO, **OPENS},
)
@requires(_READ, content=True, export=True)
def get_audio(
    request: HttpRequest, recording_id: str, query: Query[AudioQuery]
) -> StreamingHttpResponse:
    """The sound of one speaker, or of both (caller left, callee right), opened for a purpose.

    ``Ringfence-Complete: false`` says that it was cut off. Range requests are not served.
    """
    id_ = _recording(recording_id)
    audio = api.open_audio(caller_of(request).tenant_id, id_, query.track, query.format)
    name = f"{public_id(Prefix.RECORDING, id_)}-{query.track}.{audio.suffix}"
    answer = _stream(audio.body, audio.content_type, name, audio.length)
    answer.headers["Ringfence-Complete"] = "true" if audio.complete else "false"
    return answer


@router.get(
    "/recordings/{recording_id}/tracks/{track}/object",
    response=responses(None, 404, 409, 410, 422),
    operation_id="get_recording_object",
    openapi_extra={"responses": _OBJECT},
)
@requires(_READ, content=True, export=True)
def get_object(
    request: HttpRequest, recording_id: str, track: Literal["caller", "callee"]
) -> StreamingHttpResponse:
    """A track as it is kept: sealed. A customer-held key opens it; nothing is opened here."""
    found = api.sealed_track(caller_of(request).tenant_id, _recording(recording_id), track)
    return _stream(found.body, "application/octet-stream", f"{found.id.hex}.sealed", found.length)


def _stream(
    body: Iterator[bytes], content_type: str, name: str, length: int | None
) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(body, content_type=content_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Accept-Ranges"] = "none"
    if length is not None:
        answer.headers["Content-Length"] = str(length)
    return answer


@router.delete(
    "/recordings/{recording_id}",
    response=responses(Accepted, 404, 422, success=202),
    operation_id="delete_recording",
)
@requires(_WRITE)
def delete_recording(request: HttpRequest, recording_id: str) -> Status[Accepted]:
    """Destroy a recording's keys and objects. Nobody opens it from this answer on."""
    id_ = _recording(recording_id)
    api.request_deletion(caller_of(request).tenant_id, id_)
    return Status(202, Accepted(id=recording_id, state="deleting"))


@router.get(
    "/recording-settings",
    response=responses(RecordingSettingsModel),
    operation_id="get_recording_settings",
)
@requires(_READ)
def get_settings(request: HttpRequest) -> RecordingSettingsModel:
    """Whether and how calls are recorded."""
    tenant = caller_of(request).tenant_id
    settings = api.get_settings(tenant)
    return settings_out(settings, api.in_force(tenant, settings))


@router.put(
    "/recording-settings",
    response=responses(RecordingSettingsModel, 422),
    operation_id="put_recording_settings",
)
@requires(_WRITE)
def put_settings(request: HttpRequest, new: RecordingSettingsModel) -> RecordingSettingsModel:
    """Put new settings in force, from the next call on."""
    tenant = caller_of(request).tenant_id
    settings = api.change_settings(tenant, new.as_info())
    return settings_out(settings, api.in_force(tenant, settings))


_ACTIONS: dict[str, CallAction] = {
    "pause": "pause_recording",
    "resume": "resume_recording",
    "stop": "stop_recording",
}


@router.post(
    "/calls/{call_id}/recording/{action}",
    response=responses(Accepted, 404, 409, 422),
    operation_id="control_call_recording",
)
@requires(_WRITE)
def control_recording(
    request: HttpRequest, call_id: str, action: Literal["pause", "resume", "stop"]
) -> Accepted:
    """Pause, resume or stop the recording of a live call; done when this answers."""
    id_ = parse_public_id(Prefix.CALL, call_id)
    command_call(caller_of(request).tenant_id, id_, _ACTIONS[action])
    return Accepted(id=call_id, state=action)
