"""The hosted pages: allauth's, and our own beside them."""

from __future__ import annotations

from django.urls import include, path

from ringfence.domains.identity.sign_in import views

urlpatterns = [
    path("", views.home, name="account_home"),
    path("name/", views.change_name, name="account_name"),
    path("secure/", views.secure, name="account_secure"),
    path("invitation/<str:token>/", views.invitation, name="account_invitation"),
    path("sessions/<int:session_id>/end/", views.end_session, name="account_end_session"),
    path("access/", views.access, name="account_access"),
    path("", include("allauth.urls")),
]
