"""Jobs of recordings. Each only ticks a use case that reads the Clock."""

from __future__ import annotations

from procrastinate.contrib.django import app

from ringfence.domains.recordings import api


@app.periodic(cron="* * * * * */15")
@app.task(queueing_lock="store_tracks", lock="store_tracks", name="recordings.store_tracks")
def store_tracks(timestamp: int) -> None:
    """Ended recordings go into the object store, seconds after their call."""
    api.store_tracks()


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="end_analysis", lock="end_analysis", name="recordings.end_analysis")
def end_analysis(timestamp: int) -> None:
    """Customer-held recordings whose time for analysis is over close to the platform."""
    while api.end_analysis():
        pass


@app.periodic(cron="23 * * * *")
@app.task(queueing_lock="track_leftovers", name="recordings.remove_leftovers")
def remove_leftovers(timestamp: int) -> None:
    """Track files that nothing refers to any more do not stay."""
    api.remove_leftovers()
