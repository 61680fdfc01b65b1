"""allauth's headless endpoints that take our forms; they have no setting for them."""

from __future__ import annotations

from typing import ClassVar

from allauth.headless.constants import Client
from allauth.headless.internal.restkit.inputs import Input
from allauth.headless.mfa.views import ManageTOTPView, ReauthenticateWebAuthnView
from django.urls import path

from ringfence.domains.identity.sign_in.factors import ActivateAppForm, ConfirmByKeyForm


class _ActivateApp(ActivateAppForm, Input):  # type: ignore[misc]
    pass


class _ConfirmByKey(ConfirmByKeyForm, Input):  # type: ignore[misc]
    pass


class AppView(ManageTOTPView):  # type: ignore[misc]
    input_class: ClassVar[dict[str, type[Input]]] = {"POST": _ActivateApp}


class ConfirmByKeyView(ReauthenticateWebAuthnView):  # type: ignore[misc]
    input_class: ClassVar[dict[str, type[Input]]] = {"POST": _ConfirmByKey}


urlpatterns = [
    path("account/authenticators/totp", AppView.as_api_view(client=Client.BROWSER)),
    path("auth/webauthn/reauthenticate", ConfirmByKeyView.as_api_view(client=Client.BROWSER)),
]
