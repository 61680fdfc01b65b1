"""The addresses of single sign-on, below ``/accounts/``; their names are allauth's own."""

from __future__ import annotations

from django.urls import path

from ringfence.domains.identity.sso import views

urlpatterns = [
    path("sso/", views.choose, name="identity_sso"),
    path("oidc/<slug:provider_id>/login/", views.login, name="openid_connect_login"),
    path("oidc/<slug:provider_id>/login/callback/", views.callback, name="openid_connect_callback"),
]
