"""Fixtures of single sign-on: pages, providers on loopback, a company."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import override_settings
from tests.egress_fixture import serving_egress
from tests.oidc_provider import Provider, serving
from tests.sso import Company, company

from ringfence.platform.database import DatabaseUrls
from ringfence.platform.processor_settings import EgressSettings
from ringfence.platform_django.ratelimit import use_limits


@pytest.fixture
def sso_pages(db: DatabaseUrls) -> Iterator[None]:
    """allauth's pages around ours, and requests to loopback let out."""
    out = EgressSettings(allow_networks=("127.0.0.1/32",))
    templates = {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
    with (
        override_settings(
            ROOT_URLCONF="tests.sso_urls",
            TEMPLATES=[templates],
            RINGFENCE=settings.RINGFENCE.model_copy(update={"egress": out}),
        ),
        use_limits(),
        serving_egress(settings.RINGFENCE.model_copy(update={"egress": out}), db.callplane),
    ):
        yield


@pytest.fixture
def provider(sso_pages: None) -> Iterator[Provider]:
    with serving() as made:
        yield made
        assert made.problems == []


@pytest.fixture
def other(sso_pages: None) -> Iterator[Provider]:
    with serving() as made:
        yield made


@pytest.fixture
def acme(provider: Provider) -> Company:
    return company("Acme", provider)
