"""The states of a recording and of its tracks.

    recording: recording -> completed (the call ended) -> stored (every track is where it stays)
    track:     recording -> stored, or lost (no file of it was found in a day)

Both become ``deleted`` from any state. None goes back.
"""

RECORDING, COMPLETED, STORED, LOST, DELETED = "recording", "completed", "stored", "lost", "deleted"
RECORDING_STATES = (RECORDING, COMPLETED, STORED, DELETED)
"""In their order."""
TRACK_STATES = (RECORDING, STORED, LOST, DELETED)
