"""Public pages of consent, under ``/policy/preferences/``."""

from __future__ import annotations

from django.urls import path

from ringfence.domains.consent import pages

urlpatterns = [path("", pages.preferences)]
