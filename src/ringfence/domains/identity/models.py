"""People who sign in, where they are members, what else they were invited or granted to."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models

from ringfence.kernel.fields import CONSOLE_USERS, INVITATIONS, SealedFieldNumber
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.models import TenantModel
from ringfence.platform_django.sealed import SealedText


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """Somebody who signs in. The role ``identity`` alone sees the row; its e-mail is the published
    exception of keys.md: it stands in clear."""

    of_sign_in: ClassVar[bool] = True

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField(null=True, editable=False)
    """Always None: a person is nobody's, and a member of tenants."""
    email = models.EmailField(max_length=254, unique=True)
    person_id = models.UUIDField(null=True, editable=False)
    name_sealed = SealedText(
        SealedFieldNumber.USER_NAME, "person", rule=CONSOLE_USERS, account="id"
    )
    company_sealed = SealedText(
        SealedFieldNumber.USER_COMPANY, "person", rule=CONSOLE_USERS, account="id"
    )
    """The company that a new person wants an account for, until their address is verified."""
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()

    class Meta:
        db_table = "identity_user"
        constraints = [
            models.CheckConstraint(name="user_of_no_tenant", condition=models.Q(tenant_id=None))
        ]
        indexes = [models.Index(fields=["person_id"], name="user_person")]

    def save(self, *args: object, **kwargs: object) -> None:
        self.email = self.email.lower()
        if self.created_at is None:
            self.created_at = clock().now()
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    @property
    def use_objects(self) -> tuple[str, ...]:
        return (public_id(Prefix.USER, self.id),)


class KnownDevice(models.Model):
    """A browser that somebody signed in from."""

    of_sign_in: ClassVar[bool] = True

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField(null=True, editable=False)
    """Always None, as the user's."""
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    token_hash = models.BinaryField()
    """SHA-256 of the random id in the browser's cookie."""
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField()

    class Meta:
        db_table = "identity_device"
        constraints = [
            models.UniqueConstraint(fields=["token_hash", "user"], name="device_once"),
            models.CheckConstraint(name="device_of_no_tenant", condition=models.Q(tenant_id=None)),
        ]


class AgeAttestation(models.Model):
    """That somebody said how old they are at least; it is never changed."""

    of_sign_in: ClassVar[bool] = True

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField(null=True, editable=False)
    """Always None, as the user's."""
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    age = models.PositiveSmallIntegerField()
    """In years."""
    wording_version = models.PositiveSmallIntegerField()
    wording_hash = models.CharField(max_length=64)
    """SHA-256 of the text that they said yes to, in UTF-8, in hex."""
    attested_at = models.DateTimeField()

    class Meta:
        db_table = "identity_age_attestation"
        constraints = [
            models.CheckConstraint(
                name="attestation_of_no_tenant", condition=models.Q(tenant_id=None)
            )
        ]


class Role(TenantModel):
    """A role that a tenant made of permissions of the catalogue."""

    name = models.CharField(max_length=60)
    permissions = ArrayField(models.CharField(max_length=40))
    purposes = ArrayField(models.CharField(max_length=24))
    mfa_required = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "identity_role"
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "name"], name="role_named_once")
        ]


class Membership(models.Model):
    """That somebody works for a tenant, or for the operator when it has no tenant."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField(null=True, editable=False)
    user_id = models.UUIDField(editable=False)
    role = models.CharField(max_length=40)
    """Of the matrix, or ``custom``."""
    custom_role = models.ForeignKey(Role, null=True, on_delete=models.PROTECT)
    work_location = models.CharField(max_length=2, default="")
    """Of the operator's staff: the country that they work in (ISO 3166-1); empty: unknown."""
    created_at = models.DateTimeField()

    class Meta:
        db_table = "identity_membership"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "user_id"], name="member_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                name="membership_role",
                condition=models.Q(role="custom", custom_role__isnull=False)
                | (~models.Q(role="custom") & models.Q(custom_role__isnull=True)),
            ),
        ]
        indexes = [models.Index(fields=["user_id"], name="membership_user")]


class Invitation(models.Model):
    """That somebody may become a member; nobody knows the token but who has the mail."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField(null=True, editable=False)
    invitee_id = models.UUIDField(null=True, editable=False)
    email_sealed = SealedText(SealedFieldNumber.INVITATION_EMAIL, "invitee", rule=INVITATIONS)
    role = models.CharField(max_length=40)
    custom_role = models.ForeignKey(Role, null=True, on_delete=models.PROTECT)
    work_location = models.CharField(max_length=2, default="")
    token_hash = models.BinaryField(unique=True)
    """SHA-256 of the token's 32 random bytes."""
    invited_by = models.CharField(max_length=80)
    """The actor, as the audit trail names it."""
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "identity_invitation"
        indexes = [
            models.Index(fields=["tenant_id", "id"], name="invitation_tenant"),
            models.Index(fields=["invitee_id"], name="invitation_invitee"),
        ]

    @property
    def use_objects(self) -> tuple[str, ...]:
        return (public_id(Prefix.INVITATION, self.id),)


class AccessGrant(TenantModel):
    """That one of the operator's staff may work in a tenant, why, and until when."""

    staff_id = models.UUIDField(editable=False)
    """The user."""
    reason = models.CharField(max_length=500)
    minutes = models.PositiveIntegerField()
    requested_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=80, default="")
    """The actor who approved or denied it; ``settings`` where the tenant's settings did."""
    starts_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    denied = models.BooleanField(default=False)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=80, default="")

    class Meta:
        db_table = "identity_access_grant"
        indexes = [
            models.Index(fields=["tenant_id", "id"], name="access_grant_tenant"),
            models.Index(fields=["staff_id", "tenant_id"], name="access_grant_staff"),
        ]


class SsoConnection(TenantModel):
    """The identity provider whose word a tenant takes for who its people are."""

    slug = models.CharField(max_length=40, unique=True)
    """What people type, and allauth's ``provider_id``; never changed."""
    issuer = models.CharField(max_length=500)
    client_id = models.CharField(max_length=191)
    secret_sealed = SealedText(SealedFieldNumber.SSO_SECRET, "", person="", null=False)
    default_role = models.CharField(max_length=40, default="")
    """Of whom the provider brings without an invitation; empty: it brings nobody."""
    custom_role = models.ForeignKey(Role, null=True, on_delete=models.PROTECT)
    ceiling = ArrayField(models.CharField(max_length=40))
    """What whoever set it up may do: nobody gets a role by it that may do more."""
    trusts_mfa = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "identity_sso_connection"
        constraints = [
            models.UniqueConstraint(fields=["tenant_id"], name="sso_of_tenant_once"),
            models.CheckConstraint(name="sso_no_owner", condition=~models.Q(default_role="owner")),
            models.CheckConstraint(
                name="sso_role",
                condition=models.Q(default_role="custom", custom_role__isnull=False)
                | (~models.Q(default_role="custom") & models.Q(custom_role__isnull=True)),
            ),
        ]

    @property
    def use_objects(self) -> tuple[str, ...]:
        return (public_id(Prefix.SSO_CONNECTION, self.id),)


class SsoDomain(TenantModel):
    """A domain whose people a tenant says are its own. Until that is proven it counts for nothing:
    several may say so, and one can prove it."""

    connection = models.ForeignKey(SsoConnection, on_delete=models.CASCADE)
    domain = models.CharField(max_length=253)
    token = models.CharField(max_length=43)
    """What the domain's TXT record says; no secret."""
    verified_at = models.DateTimeField(null=True)
    verified_by = models.CharField(max_length=80, default="")
    """``dns``, or the actor of the operator who vouched for it."""
    created_at = models.DateTimeField()

    class Meta:
        db_table = "identity_sso_domain"
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "domain"], name="sso_domain_once"),
            models.UniqueConstraint(
                fields=["domain"],
                name="sso_domain_of_one",
                condition=models.Q(verified_at__isnull=False),
            ),
        ]
