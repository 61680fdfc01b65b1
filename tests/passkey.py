"""A security key in software, with or without a way to know who touches it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from fido2.cose import ES256
from fido2.utils import sha256, websafe_decode, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from ringfence.domains.identity.models import User

RP = "localhost"
TOUCHED, VERIFIED = AuthenticatorData.FLAG.UP, AuthenticatorData.FLAG.UV


@dataclass
class SecurityKey:
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    secret: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def add_to(self, user: User) -> Authenticator:
        """The row of a key that somebody registered."""
        public = ES256.from_cryptography_key(self.secret.public_key())
        held = AttestedCredentialData.create(Aaguid.NONE, self.id, public)
        flags = TOUCHED | AuthenticatorData.FLAG.AT
        data = AuthenticatorData.create(sha256(RP.encode()), flags, 0, held)
        client = self._client("webauthn.create", b"x" * 32)
        response = {
            "clientDataJSON": websafe_encode(client),
            "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
        }
        credential = self._credential(response)
        return Authenticator.objects.create(
            user=user,
            type=Authenticator.Type.WEBAUTHN,
            data={"name": "Key", "credential": credential},
        )

    def answer(self, options: dict[str, Any], *, verified: bool) -> dict[str, Any]:
        """What a browser sends for a server's request options."""
        assert options["publicKey"]["rpId"] == RP
        challenge = websafe_decode(options["publicKey"]["challenge"])
        client = self._client("webauthn.get", challenge)
        flags = TOUCHED | VERIFIED if verified else TOUCHED
        data = AuthenticatorData.create(sha256(RP.encode()), flags, 0)
        signed = self.secret.sign(data + sha256(client), ec.ECDSA(hashes.SHA256()))
        return self._credential(
            {
                "clientDataJSON": websafe_encode(client),
                "authenticatorData": websafe_encode(data),
                "signature": websafe_encode(signed),
            }
        )

    def _client(self, kind: str, challenge: bytes) -> CollectedClientData:
        return CollectedClientData.create(kind, challenge, settings.RINGFENCE.public_url)

    def _credential(self, response: dict[str, str]) -> dict[str, Any]:
        id_ = websafe_encode(self.id)
        return {
            "id": id_,
            "rawId": id_,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        }
