"""The version of the configuration that the call plane keeps in memory."""

from __future__ import annotations

from django.db import connections

from ringfence.platform_django.tenancy import CALLPLANE


def config_version() -> int:
    """Grows with every change of trunks or numbers. Asked as the call plane's role."""
    with connections[CALLPLANE].cursor() as cursor:
        cursor.execute("SELECT ringfence_config_version()")
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])
