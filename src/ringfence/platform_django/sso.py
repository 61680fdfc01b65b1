"""Django's settings of single sign-on by tenants' identity providers."""

SSO_MIDDLEWARE = ["ringfence.domains.identity.sso.middleware.SsoSessions"]
"""After the sessions and who is signed in."""
SSO_TXT_LOOKUP = "ringfence.domains.identity.sso.txt.from_file"
"""Who says what TXT records a domain has."""

SOCIALACCOUNT_ADAPTER = "ringfence.domains.identity.sso.adapter.TenantSocialAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = False
SOCIALACCOUNT_EMAIL_VERIFICATION = "mandatory"
"""By mail, for addresses outside the domains that a tenant proved to be its own."""
SOCIALACCOUNT_AUTO_SIGNUP = True
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_QUERY_EMAIL = True
SOCIALACCOUNT_REAUTHENTICATION_REQUIRED = True
"""To connect a provider, or to disconnect one."""
SOCIALACCOUNT_STORE_TOKENS = False
