"""allauth's OpenID Connect provider for a tenant's connection: what it leaves to trust is checked.

allauth takes an ID token that came from the token endpoint unverified, prefers what the userinfo
endpoint says, and knows no nonce. Here the token is verified (Core 1.0, 3.1.3.7), names the
sign-in that it answers, and userinfo may only add an e-mail of the same subject.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from typing import Any

import jwt
from allauth.account.models import EmailAddress
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.models import SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest

from ringfence.domains.identity.rules import sso as rules
from ringfence.domains.identity.sso.contracts import Connection, Vouched
from ringfence.domains.identity.sso.queries import redirect_uri
from ringfence.domains.identity.sso.transport import provider_session

LEEWAY_SECONDS = 60
"""Between the provider's clock and ours."""
MAX_TOKEN = 64 << 10
_KEY_TYPES = frozenset({"RSA", "EC", "OKP"})


class TenantOAuth2Adapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """One sign-in at a tenant's provider."""

    def __init__(self, request: HttpRequest, provider_id: str) -> None:
        super().__init__(request, provider_id)
        self.state: Mapping[str, Any] = {}
        """What was kept when the person was sent to the provider."""
        self._provider: Any = None
        self._config: Mapping[str, Any] | None = None

    def get_provider(self) -> Any:
        if self._provider is None:
            self._provider = super().get_provider()
        return self._provider

    @property
    def connection(self) -> Connection:
        found: Connection = self.get_provider().app.connection
        return found

    @property
    def openid_config(self) -> Mapping[str, Any]:
        """The discovery document. Raises OAuth2Error, RequestException."""
        if self._config is None:
            found = _json(self.get_provider().server_url)
            problem = rules.discovery_problem(found, self.connection.issuer)
            if problem is not None:
                raise OAuth2Error(f"discovery: {problem}")
            self._config = found
        return self._config

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        return redirect_uri(self.provider_id)

    def parse_token(self, data: Mapping[str, Any]) -> SocialToken:
        token = data.get("access_token")
        if not isinstance(token, str) or len(token) > MAX_TOKEN:
            raise OAuth2Error("token: no access token")
        return SocialToken(token=token)

    def complete_login(
        self, request: HttpRequest, app: Any, token: SocialToken, **kwargs: Any
    ) -> Any:
        """Raises OAuth2Error, RequestException."""
        text = kwargs["response"].get("id_token")
        if not isinstance(text, str) or len(text) > MAX_TOKEN:
            raise OAuth2Error("token: no ID token")
        claims = self._verified(app, text)
        said = claims
        if "email" not in claims and "userinfo_endpoint" in self.openid_config:
            said = _json(
                self.openid_config["userinfo_endpoint"], {"Authorization": f"Bearer {token.token}"}
            )
            if said.get("sub") != claims["sub"]:
                raise OAuth2Error("userinfo: of somebody else")
        at = claims.get("auth_time")
        vouched = Vouched(
            connection=self.connection,
            subject=claims["sub"],
            email=rules.verified_email(said),
            mfa=rules.proves_mfa(claims),
            authenticated_at=at if isinstance(at, int) and at > 0 else 0,
        )
        login = self.get_provider().sociallogin_from_response(request, vouched)
        login.vouched = vouched
        return login

    def _verified(self, app: Any, text: str) -> dict[str, Any]:
        """The claims of an ID token that this provider signed for us, for this sign-in."""
        try:
            header = jwt.get_unverified_header(text)
            if header.get("alg") not in rules.ALGORITHMS or not isinstance(header.get("kid"), str):
                raise OAuth2Error("ID token: no key or no proper algorithm")
            algorithm, key = jwtkit.fetch_key(text, self.openid_config["jwks_uri"], _find_key)
            claims: dict[str, Any] = jwt.decode(
                text,
                key,
                algorithms=[algorithm],
                audience=app.client_id,
                issuer=self.connection.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["aud", "exp", "iat", "iss", "sub"]},
            )
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise OAuth2Error(f"ID token: {type(error).__name__}") from None
        audience, party = claims["aud"], claims.get("azp", app.client_id)
        if party != app.client_id or (isinstance(audience, list) and len(audience) != 1):
            raise OAuth2Error("ID token: not for us alone")
        if not claims["sub"]:
            raise OAuth2Error("ID token: of nobody")
        nonce, wanted = claims.get("nonce"), self.state.get("nonce")
        if (
            not isinstance(nonce, str)
            or not isinstance(wanted, str)
            or not hmac.compare_digest(nonce.encode(), wanted.encode())
        ):
            raise OAuth2Error("ID token: of another sign-in")
        return claims


class TenantProvider(OpenIDConnectProvider):  # type: ignore[misc]
    """A tenant's identity provider. What it says of people is not kept."""

    supports_token_authentication = False
    oauth2_adapter_class = TenantOAuth2Adapter

    def redirect(
        self,
        request: HttpRequest,
        process: str,
        next_url: str | None = None,
        data: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Send somebody to the provider. ``fresh``: they prove anew who they are."""
        nonce = secrets.token_urlsafe(24)
        asked = {"nonce": nonce}
        if kwargs.pop("fresh", False):
            asked |= {"prompt": "login", "max_age": "0"}
        # What a link's query adds (scope, auth_params) is not for whoever made the link to say.
        kwargs |= {"scope": self.get_scope(), "auth_params": asked, "nonce": nonce}
        return super().redirect(request, process, next_url=next_url, data=data, **kwargs)

    def get_pkce_params(self) -> dict[str, str]:
        found: dict[str, str] = super().get_pkce_params()
        assert found, "PKCE is on"
        return found

    def get_default_scope(self) -> list[str]:
        return ["openid", "email"]

    def serialize(self) -> dict[str, Any]:
        return {"id": self.sub_id}  # client ids of two tenants may be the same

    def extract_uid(self, data: Vouched) -> str:
        of = data.connection
        return rules.account_uid(of.id, of.issuer, data.subject)

    def extract_extra_data(self, data: Vouched) -> dict[str, Any]:
        return {}

    def extract_common_fields(self, data: Vouched) -> dict[str, Any]:
        return {} if data.email is None else {"email": data.email}

    def extract_email_addresses(self, data: Vouched) -> list[Any]:
        if data.email is None:
            return []
        return [EmailAddress(email=data.email, verified=True, primary=True)]


class CallbackView(OAuth2CallbackView):  # type: ignore[misc]
    """Tells the adapter what was kept, so that it can compare the nonce."""

    def _get_state(self, request: HttpRequest, provider: Any) -> Any:
        state, response = super()._get_state(request, provider)
        self.adapter.state = state or {}
        return state, response


def _json(url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Raises OAuth2Error, RequestException."""
    with provider_session() as session:
        answer = session.get(url, headers=headers)
        answer.raise_for_status()
        found = answer.json()
    if not isinstance(found, dict):
        raise OAuth2Error("the provider answers no object")
    return found


def _find_key(found: Any, kid: str) -> Any:
    """The public key that a token names. Raises OAuth2Error, PyJWTError."""
    keys = found.get("keys") if isinstance(found, dict) else None
    for one in keys if isinstance(keys, list) else ():
        if (
            isinstance(one, dict)
            and one.get("kid") == kid
            and one.get("kty") in _KEY_TYPES
            and one.get("use", "sig") == "sig"
        ):
            return jwt.PyJWK(one).key
    return None
