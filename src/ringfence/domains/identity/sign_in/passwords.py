"""Rules for passwords that Django lacks."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from ringfence.domains.identity.rules.passwords import made_of_words

MAX_LENGTH = 128


class MaximumLengthValidator:
    """Hashing takes time that grows with the text; no passphrase is as long as this."""

    def validate(self, password: str, user: Any = None) -> None:
        if len(password) > MAX_LENGTH:
            raise ValidationError(
                f"This password is too long: at most {MAX_LENGTH} characters.",
                code="password_too_long",
            )

    def get_help_text(self) -> str:
        return f"At most {MAX_LENGTH} characters."


class ProductWordsValidator:
    """Refuses what is made of words of this product and of the installation's own address."""

    def validate(self, password: str, user: Any = None) -> None:
        if made_of_words(password, urlsplit(settings.RINGFENCE.public_url).hostname or ""):
            raise ValidationError(
                "This password is made of words that belong to this service.",
                code="password_of_product_words",
            )

    def get_help_text(self) -> str:
        return "Not made of words that belong to this service."
