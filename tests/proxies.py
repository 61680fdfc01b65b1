"""An installation behind proxies of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.test import override_settings


@contextmanager
def behind_proxies(*networks: str) -> Iterator[None]:
    installation = settings.RINGFENCE
    web = installation.web.model_copy(update={"trusted_proxies": networks})
    web.__dict__.pop("proxy_networks", None)
    with override_settings(RINGFENCE=installation.model_copy(update={"web": web})):
        yield
