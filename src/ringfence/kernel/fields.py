"""Permanent numbers of sealed fields, and the names of the buckets that their keys come from.

The call plane seals what the domains store, so both need them. A number is part of what every value
was sealed with: it is never changed and never given to another field, also after its removal. The
registry of `privacy` refuses a number that is used twice.
"""

from __future__ import annotations

from enum import IntEnum
from uuid import UUID

INSTALLATION = UUID(int=0)
"""Stands for the tenant where a value belongs to none: a call that no tenant was found for, a trunk
of the operator."""


class SealedFieldNumber(IntEnum):
    """What a sealed value is. The row whose id it is sealed with stands beside each number."""

    CALL_CALLER = 1
    """calls.Call.caller_sealed, and the event call.started. Row: the call."""
    CALL_CALLEE = 2
    """calls.Call.callee_sealed, and the event call.started. Row: the call."""
    LEG_PARTY = 3
    """calls.CallLeg.party_sealed, and the event leg.created. Row: the leg."""
    TRUNK_PASSWORD = 4
    """trunks.Trunk.auth_password_sealed, under the tenant's secret key. Row: the trunk."""
    RECOVERY = 5
    """What a node needs after a restart: what ends a leg, in the spool (row: the leg), and where a
    device is registered from (row: the device)."""
    RECORDING_TRACK = 6
    """The object of one speaker's track. Row: the track, which is also its item."""
    TRUNK_HA1_MD5 = 7
    """trunks.Trunk.ha1_md5_sealed, under the tenant's secret key. Row: the trunk."""
    TRUNK_HA1_SHA256 = 8
    """trunks.Trunk.ha1_sha256_sealed, under the tenant's secret key. Row: the trunk."""
    CALL_CAPTURED = 9
    """calls.Call.captured_sealed, and the event call.captured. Row: the call."""
    DEVICE_HA1_MD5 = 10
    """devices.Device.ha1_md5_sealed, under the tenant's secret key. Row: the device."""
    DEVICE_HA1_SHA256 = 11
    """devices.Device.ha1_sha256_sealed, under the tenant's secret key. Row: the device."""
    WEBHOOK_SECRET = 12
    """webhooks.Endpoint.secret_sealed, under the tenant's secret key. Row: the endpoint."""
    IDEMPOTENT_RESPONSE = 13
    """platform_django.IdempotentRequest.response_sealed, under a key of hours of the tenant. Row:
    the request."""
    USER_NAME = 14
    """identity.User.name_sealed. Row: the user."""
    INVITATION_EMAIL = 15
    """identity.Invitation.email_sealed. Row: the invitation."""
    CPNI_CONTACT = 23
    """compliance.Contact.value_sealed. Row: the contact of record."""
    SSO_SECRET = 30
    """identity.SsoConnection.secret_sealed, under the tenant's secret key. Row: the connection."""
    SECOND_FACTOR = 16
    """mfa.Authenticator.data, and what a session holds of one until it is confirmed, under the
    installation's secret key. Row: the user."""
    USER_COMPANY = 17
    """identity.User.company_sealed. Row: the user."""
    MAIL = 18
    """platform_django.Mail.mail_sealed, under a key of hours of the installation. Row: the mail."""
    PORTAL_CALL = 44
    """portal.Visit.contact_sealed, under the tenant's secret key. Row: the visit."""
    RIGHTS_PACKAGE = 40
    """The object with the copy of their data that a person asked for. Row: the request, whose
    ``package_id`` is its item."""
    RIGHTS_AUTHORITY = 45
    """privacy.RightsRequest.authority_sealed. Row: the request."""
    RIGHTS_STATEMENT = 46
    """privacy.RightsRequest.statement_sealed. Row: the request."""
    CONSENT_CONTACT = 41
    """consent.Evidence.contact_sealed. Row: the evidence."""
    CONSENT_SOURCE = 42
    """consent.Evidence.source_sealed. Row: the evidence."""


IDENTIFIER = "identifier"
"""Category of numbers, names and addresses."""
CONTENT = "content"
"""Category of what was said."""
PASSING = "passing"
"""Category and rule of what is kept for hours (``platform_django.passing``)."""
RECOVERY = "recovery"
"""Category of what a node needs to end its own calls after a crash."""

CALL_RECORDS = "call_records"
"""Retention rule of identifiers in call records and journal; the day is that of the call's id."""
RECORDINGS = "recordings"
"""Retention rule of tracks; the day is that of the call's id."""
CUSTOMER_RECORDINGS = "customer_recordings"
"""Retention rule of tracks whose lasting key is the customer's."""
RIGHTS_PACKAGES = "rights_packages"
"""Retention rule of copies that persons asked for; the day is that on which one was made."""
CONSENTS = "consents"
"""Retention rule of evidence of consent; the day is that of its id."""
INVITATIONS = "invitations"
"""Retention rule of the addresses of who was invited; the day is that of the invitation's id."""
CONSOLE_USERS = "console_users"
"""Rule of what people who sign in say of themselves: it ends with their account."""
CPNI_CONTACTS = "cpni_contacts"
"""Rule of the contacts of record of a business customer: they end with its account."""
NODE = "node"
"""Retention rule of the category ``recovery``."""
