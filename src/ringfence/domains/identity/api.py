"""Identity, for other domains and the entrances."""

from ringfence.domains.identity.queries import (
    emails_with,
    get_member,
    get_role,
    get_staff,
    list_invitations,
    list_members,
    list_roles,
    list_staff,
    member_emails,
    memberships_of,
    name_of,
    online_accounts_of,
    principal_of,
    staff_emails,
    work_location_of,
)
from ringfence.domains.identity.sso.configure import delete_sso, put_sso
from ringfence.domains.identity.sso.domains import confirm_domain, verify_domain
from ringfence.domains.identity.sso.queries import get_sso
from ringfence.domains.identity.usecases.accept_invitation import accept_invitation, get_offer
from ringfence.domains.identity.usecases.access_grants import (
    decide_access,
    end_access,
    get_grant,
    grants_of_staff,
    grants_of_tenant,
    request_access,
)
from ringfence.domains.identity.usecases.change_member import (
    change_member,
    change_staff,
    remove_member,
    remove_staff,
    visible_staff_roles,
)
from ringfence.domains.identity.usecases.end_sessions import end_sessions
from ringfence.domains.identity.usecases.invite import (
    invitation_url,
    invite_member,
    invite_owner,
    invite_staff,
    revoke_invitation,
)
from ringfence.domains.identity.usecases.roles import change_role, create_role, delete_role
from ringfence.domains.identity.viewers import list_viewers

__all__ = [
    "accept_invitation",
    "change_member",
    "change_role",
    "change_staff",
    "confirm_domain",
    "create_role",
    "decide_access",
    "delete_role",
    "delete_sso",
    "emails_with",
    "end_access",
    "end_sessions",
    "get_grant",
    "get_member",
    "get_offer",
    "get_role",
    "get_sso",
    "get_staff",
    "grants_of_staff",
    "grants_of_tenant",
    "invitation_url",
    "invite_member",
    "invite_owner",
    "invite_staff",
    "list_invitations",
    "list_members",
    "list_roles",
    "list_staff",
    "list_viewers",
    "member_emails",
    "memberships_of",
    "name_of",
    "online_accounts_of",
    "principal_of",
    "put_sso",
    "remove_member",
    "remove_staff",
    "request_access",
    "revoke_invitation",
    "staff_emails",
    "verify_domain",
    "visible_staff_roles",
    "work_location_of",
]
