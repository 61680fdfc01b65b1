"""A tenant's portal, under ``/privacy/<slug>/``."""

from __future__ import annotations

from django.urls import path

from ringfence.domains.portal import pages

urlpatterns = [
    path("", pages.start),
    path("code/", pages.code),
    path("opted-out/", pages.opted_out),
    path("reported/", pages.reported),
    path("requests/", pages.requests),
    path("requests/confirm/", pages.confirm),
    path("requests/correct/", pages.correct),
    path("requests/<str:request_id>/package", pages.package),
    path("requests/<str:request_id>/receipt", pages.receipt),
    path("requests/<str:request_id>/appeal", pages.appeal),
    path("requests/<str:request_id>/permit", pages.permit),
    path("requests/<str:request_id>/forbid", pages.forbid),
    path("leave/", pages.leave),
]
