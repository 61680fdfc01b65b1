"""The REST API: Django behind Granian, WSGI with threads."""

from __future__ import annotations

import os
from typing import Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from ringfence.entry.database import setup_django
from ringfence.platform import logging as structured_logging
from ringfence.platform import process
from ringfence.platform.settings import Settings, load_settings

THREADS = 8
_MAIN_PID = "RINGFENCE_WEB_PID"


def main(settings: Settings) -> None:
    """Serve until stopped: one main process and one worker of 8 threads.

    The threads mostly wait for the database; more requests than that queue in front of them.
    """
    os.environ[_MAIN_PID] = str(os.getpid())
    Server(
        "ringfence.entry.web:application",
        address=settings.web.host,
        port=settings.web.port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=1,
        blocking_threads=THREADS,
        backpressure=THREADS * 16,
        websockets=False,
        workers_kill_timeout=10,
        log_level=LogLevels.error,  # it warns of more threads than cores
    ).serve()


def application() -> Any:
    """The WSGI application, made in Granian's worker process.

    The worker dies with its parent: Granian's would go on serving when the parent is killed, and
    a second instance would start beside it.
    """
    process.die_with_parent(int(os.environ[_MAIN_PID]))
    structured_logging.configure(load_settings().log, "web")
    setup_django("web")
    from django.core.wsgi import get_wsgi_application
    from django.urls import get_resolver

    from ringfence.platform_django import static

    static.collect()
    served = get_wsgi_application()
    _ = get_resolver().url_patterns  # errors in the API show now, not at the first request
    from ringfence.domains.accounts.api import start_request_log

    start_request_log()
    process.notify_ready()
    return served
