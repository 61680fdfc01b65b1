"""The installation examines itself, twice a day and when it is asked to on the board.

The examination is a process of its own: it needs the owner's access to the database, which no
serving process uses.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from uuid import UUID

from asgiref.sync import sync_to_async
from procrastinate.contrib.django import app

from ringfence.domains.policy import api
from ringfence.entry.promises.verify import DONE
from ringfence.platform.logging import redact_text
from ringfence.platform.process import PARENT_PID
from ringfence.platform.settings import load_settings
from ringfence.platform_django.clock import clock
from ringfence.policies.profiles import DEFAULT

_log = logging.getLogger("ringfence.promises")


def usual_profile() -> str:
    """That of the version in force."""
    in_force = api.current_version(clock().now())
    return DEFAULT if in_force is None else in_force.profile


@app.periodic(cron="40 3,15 * * *")
@app.task(queueing_lock="promises.examine_daily", name="promises.examine_daily")
def examine_daily(timestamp: int) -> None:
    """What the board shows is good for a day: twice a day, so that one may fail."""
    if load_settings().privacy.examine:
        api.order_examination(usual_profile(), actor="schedule")


@app.task(name="promises.examine")
async def examine(profile: str, run: str) -> None:
    """One examination, told step by step; what is red stands on the board afterwards."""
    id_ = UUID(hex=run)
    held = api.running_examination(id_)
    to_be_done = await sync_to_async(held.__enter__)()
    try:
        if to_be_done:
            await _examine(profile, id_)
    finally:
        await sync_to_async(held.__exit__)(None, None, None)


async def _examine(profile: str, id_: UUID) -> None:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ringfence.entry.cli", "promises", "verify"),
        *("--profile", profile, "--steps"),
        env={**os.environ, PARENT_PID: str(os.getpid())},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    step, said, failed = "", "", "it was interrupted"
    try:
        assert child.stderr is not None
        async for line in child.stderr:
            said = line.decode(errors="replace").strip() or said
            with contextlib.suppress(ValueError, KeyError, TypeError):
                step = json.loads(line)["step"]
                await sync_to_async(api.examination_step)(id_, step)
        await child.wait()
        failed = "" if step == DONE else redact_text(said) or "it ended without a word"
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await sync_to_async(api.end_examination)(id_, failed)
    if failed:
        _log.error("examination failed", extra={"kv": {"profile": profile, "error": failed}})
