"""allauth's forms of second factors, where this installation asks for more."""

from __future__ import annotations

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.utils import encrypt
from allauth.mfa.webauthn.forms import ReauthenticateWebAuthnForm
from allauth.mfa.webauthn.internal.auth import parse_authentication_response


class ActivateAppForm(ActivateTOTPForm):  # type: ignore[misc]
    def clean_code(self) -> str:
        """The code that switches the app on is a used one, and signs nobody in afterwards."""
        code: str = super().clean_code()
        app = Authenticator(
            user=self.user, type=Authenticator.Type.TOTP, data={"secret": encrypt(self.secret)}
        )
        if not TOTP(app).validate_code(code):
            raise get_adapter().validation_error("incorrect_code")
        return code


class ConfirmByKeyForm(ReauthenticateWebAuthnForm):  # type: ignore[misc]
    def clean_credential(self) -> Authenticator:
        """A key in an open computer proves nothing by a touch: it asks who touches it."""
        response = parse_authentication_response(self.cleaned_data["credential"])
        authenticator: Authenticator = super().clean_credential()
        if not response.response.authenticator_data.is_user_verified():
            raise get_adapter().validation_error("user_not_verified")
        return authenticator
