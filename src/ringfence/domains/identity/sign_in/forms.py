"""What a new person tells beside address and password."""

from __future__ import annotations

from typing import Any

from allauth.core import context
from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from ringfence.domains.identity.contracts import AgeNotAttested
from ringfence.domains.identity.models import User
from ringfence.domains.identity.sign_in.invitations import pending_offer
from ringfence.domains.identity.usecases.attest_age import attest_age, minimum_age, wording
from ringfence.domains.identity.usecases.name_user import name_user, remember_company


class SignUpForm(forms.Form):
    """allauth's form of sign-up is built on this one. With an invitation the address is the
    invited one; without, the new account's company is named. Of who does not say that they are old
    enough nothing is stored."""

    name = forms.CharField(
        label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    company = forms.CharField(
        label="Company",
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    of_age = forms.BooleanField(required=False, widget=forms.CheckboxInput({"required": True}))
    field_order = ("name", "company", "email", "password1", "of_age")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer = pending_offer(context.request)
        if self.offer is not None:
            del self.fields["company"]
            self.initial["email"] = self.offer.email
        self.minimum = minimum_age(None if self.offer is None else self.offer.tenant_id)
        self.fields["of_age"].label = wording(self.minimum)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        email = data.get("email")
        if self.offer is not None and email and email.lower() != self.offer.email:
            self.add_error("email", ValidationError("The invitation is for another address."))
        if not data.get("of_age"):
            text = f"Accounts are for people of {self.minimum} years and more."
            self.add_error("of_age", ValidationError(text, code=AgeNotAttested.code))
        return data

    def signup(self, request: HttpRequest, user: User) -> None:
        """Called by allauth once the user has a row."""
        attest_age(user.id, self.minimum)
        name_user(user, self.cleaned_data["name"])
        if self.offer is None:
            remember_company(user, self.cleaned_data["company"])
