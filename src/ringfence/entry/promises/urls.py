"""The public pages of the policy, under ``/policy/``."""

from __future__ import annotations

from django.urls import path

from ringfence.entry.promises import pages

urlpatterns = [
    path("", pages.current),
    path("versions/", pages.versions),
    path("versions/<int:number>/", pages.version),
    path("board/", pages.board),
    path("board/examine/", pages.examine),
    path("board/<str:clause_id>/", pages.clause),
]
