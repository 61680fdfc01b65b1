"""Recordings, for other domains and the entrances."""

from ringfence.domains.recordings.queries import get_recording, get_settings, list_recordings
from ringfence.domains.recordings.usecases.change_settings import change_settings
from ringfence.domains.recordings.usecases.delete_recording import (
    destroy_recording,
    request_deletion,
)
from ringfence.domains.recordings.usecases.end_analysis import end_analysis
from ringfence.domains.recordings.usecases.open_audio import open_audio, sealed_track
from ringfence.domains.recordings.usecases.plan_recording import in_force, recording_plans
from ringfence.domains.recordings.usecases.project_recordings import project_recordings
from ringfence.domains.recordings.usecases.store_tracks import remove_leftovers, store_tracks

__all__ = [
    "change_settings",
    "destroy_recording",
    "end_analysis",
    "get_recording",
    "get_settings",
    "in_force",
    "list_recordings",
    "open_audio",
    "project_recordings",
    "recording_plans",
    "remove_leftovers",
    "request_deletion",
    "sealed_track",
    "store_tracks",
]
