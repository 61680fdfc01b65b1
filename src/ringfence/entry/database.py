"""Preparing an installation's database: roles, schema, current partitions.

``python -m ringfence.entry.database SUPERUSER_URL`` makes the roles and the database of the
configured URLs on a PostgreSQL server that is not the embedded one.
"""

from __future__ import annotations

import os
import sys
import threading

import django

from ringfence.platform.database import (
    create_role_passwords,
    database_urls,
    embedded_server,
    is_embedded,
)
from ringfence.platform.process import end_on_sigterm
from ringfence.platform.settings import Settings, load_settings

SETTINGS_MODULE = "ringfence.platform_django.settings"


def setup_django(credential: str | None = None) -> None:
    """Load Django with the installation's settings. Idempotent.

    ``credential``: who this process is towards ``keys``, when it seals or opens anything.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS_MODULE)
    django.setup()
    if credential is not None:
        from ringfence.platform_django.keys import configure_keys

        configure_keys(credential)
    if credential == "cli" and threading.current_thread() is threading.main_thread():
        end_on_sigterm()


def prepare(settings: Settings) -> None:
    """Make the running database fit for this version: safe to repeat, also concurrently.

    An embedded database gets its roles too; for any other the administrator made them (see
    docs/guides/database.md). Raises psycopg.Error and DatabaseRoleError.
    """
    if is_embedded(settings):
        create_role_passwords(settings)
    setup_django()
    from ringfence.platform_django import roles

    urls = database_urls(settings)
    if is_embedded(settings):
        roles.setup_database(embedded_server(settings).superuser_url, urls)
    roles.check_roles(urls)
    roles.migrate(urls.owner)


def set_up(superuser_url: str, settings: Settings) -> None:
    """Make the roles and the database that the configured URLs name. Safe to repeat."""
    setup_django()
    from ringfence.platform_django import roles

    roles.setup_database(superuser_url, database_urls(settings))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    set_up(sys.argv[1], load_settings())
