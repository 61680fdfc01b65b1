"""Every route of the API, walked by two tenants."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from tests.population import Populated, populate

from ringfence.platform.database import DatabaseUrls
from ringfence.platform_django.ratelimit import use_limits

OPEN_ROUTES = {("get", "/api/v1/health")}
OF_NOBODY = {"/api/v1/processors"}
OF_PEOPLE = {
    "accept_policy",
    "approve_access",
    "change_member",
    "change_role",
    "change_settings",
    "change_staff",
    "choose_retention",
    "close_cpni_case",
    "close_tenant",
    "confirm_cpni_callback",
    "confirm_sso_domain",
    "create_invitation",
    "create_plan",
    "create_role",
    "delete_role",
    "deliver_cpni_notice",
    "delete_sso",
    "deny_access",
    "end_access",
    "follow_cpni_contract",
    "get_cpni_account",
    "get_cpni_case",
    "get_examination",
    "get_me",
    "get_retention",
    "get_settings",
    "get_sso",
    "get_staff",
    "get_tenant_cpni_account",
    "invite_owner",
    "invite_staff",
    "list_access_grants",
    "list_cpni_calls",
    "list_cpni_cases",
    "list_cpni_notices",
    "list_plans",
    "list_staff",
    "list_viewers",
    "mail_cpni_calls",
    "name_cpni_call",
    "open_cpni_case",
    "order_cpni_callback",
    "order_examination",
    "place_cpni_callback",
    "print_cpni_letter",
    "put_cpni_account",
    "put_cpni_contract",
    "put_sso",
    "reactivate_tenant",
    "remove_member",
    "remove_staff",
    "request_access",
    "revoke_access",
    "revoke_invitation",
    "set_cpni_backup",
    "set_cpni_password",
    "show_cpni_photo_id",
    "try_cpni_backup",
    "try_cpni_password",
    "verify_sso_domain",
}
"""They need a session or a manager: test_access_matrix.py asks them all."""
WALKED_ELSEWHERE = OF_PEOPLE | {
    "archive_flow",
    "change_client",
    "change_key",
    "change_tenant",
    "change_trunk",
    "create_client",
    "create_key",
    "create_tenant",
    "create_tenant_key",
    "create_tenant_trunk",
    "check_consent",
    "create_consent_wording",
    "create_rights_request",
    "list_consents",
    "record_consent",
    "create_trunk",
    "delete_trunk",
    "get_key",
    "get_tenant_by_id",
    "list_keys",
    "list_tenants",
    "revoke_client",
    "revoke_key",
    "rotate_client_secret",
    "set_trunk_sources",
    "change_flow",
    "change_number",
    "change_prompt",
    "change_target",
    "change_device",
    "create_device",
    "create_flow",
    "create_number",
    "create_prompt",
    "create_target",
    "delete_device",
    "delete_prompt",
    "delete_target",
    "diff_flow_versions",
    "get_prompt_audio",
    "publish_flow",
    "release_number",
    "roll_back_flow",
    "rotate_device_password",
    "validate_flow",
    "create_webhook",
    "delete_webhook",
    "replay_delivery",
    "replay_webhook",
    "rotate_webhook_secret",
    "test_webhook",
    "update_webhook",
    "change_wallet",
    "create_deck",
    "get_tenant_wallet",
    "quote_rate",
    "retry_unrated",
    "top_up_wallet",
    "write_off_unrated",
    "control_call_recording",
    "create_call",
    "delete_recording",
    "erase_person",
    "get_recording_audio",
    "get_recording_object",
    "get_recording_settings",
    "get_rights_package",
    "hang_up_call",
    "put_recording_settings",
    "redirect_call",
    "appeal_rights_refusal",
    "decide_rights_appeal",
    "delete_privacy_portal",
    "extend_rights_request",
    "lift_child_report",
    "put_privacy_portal",
    "refuse_rights_request",
    "verify_rights_request",
}
"""They need a body, sealed files or a live call: the tests of their own domains do."""


@pytest.fixture
def two(db: DatabaseUrls) -> tuple[Populated, Populated]:
    return populate("Acme", 1), populate("Bolt", 2)


def document() -> dict[str, Any]:
    return Client().get("/api/v1/openapi.json").json()


def routes() -> list[tuple[str, str]]:
    return sorted(
        (verb, path)
        for path, verbs in document()["paths"].items()
        for verb, operation in verbs.items()
        if operation["operationId"] not in WALKED_ELSEWHERE
    )


def ask(verb: str, path: str, key: str | None) -> Any:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return getattr(Client(), verb)(path, headers=headers)


def traces(someone: Populated) -> set[str]:
    """Whatever of a tenant must not appear in another's answer."""
    ids = (
        someone.tenant,
        someone.trunk,
        someone.number,
        someone.call,
        someone.leg,
        someone.recording,
        someone.erasure,
        someone.webhook,
        someone.delivery,
        someone.flow,
        someone.prompt,
        someone.target,
        someone.deck,
        someone.device,
        someone.member,
        someone.invitation,
        someone.role,
        someone.grant,
        someone.client,
        someone.case,
        someone.notice,
        someone.rights,
        someone.wording,
        someone.sent,
    )
    return {id_.hex for id_ in ids} | {someone.e164, someone.secret, someone.token}


def test_the_document_has_the_routes(db: DatabaseUrls) -> None:
    assert set(document()["paths"]) == {
        "/api/v1/access-grants",
        "/api/v1/access-grants/{grant_id}/approve",
        "/api/v1/access-grants/{grant_id}/deny",
        "/api/v1/access-grants/{grant_id}/end",
        "/api/v1/access-grants/{grant_id}/revoke",
        "/api/v1/audit/uses",
        "/api/v1/calls",
        "/api/v1/calls/{call_id}",
        "/api/v1/calls/{call_id}/events",
        "/api/v1/calls/{call_id}/hangup",
        "/api/v1/calls/{call_id}/recording/{action}",
        "/api/v1/calls/{call_id}/redirect",
        "/api/v1/clients",
        "/api/v1/clients/{client_id}",
        "/api/v1/clients/{client_id}/rotate",
        "/api/v1/consent-wordings",
        "/api/v1/consent-wordings/{wording_id}",
        "/api/v1/consents",
        "/api/v1/consents/check",
        "/api/v1/cpni/account",
        "/api/v1/cpni/account/backup",
        "/api/v1/cpni/account/password",
        "/api/v1/cpni/cases",
        "/api/v1/cpni/cases/{case_id}",
        "/api/v1/cpni/cases/{case_id}/backup",
        "/api/v1/cpni/cases/{case_id}/callback",
        "/api/v1/cpni/cases/{case_id}/callback/confirm",
        "/api/v1/cpni/cases/{case_id}/callback/place",
        "/api/v1/cpni/cases/{case_id}/calls",
        "/api/v1/cpni/cases/{case_id}/close",
        "/api/v1/cpni/cases/{case_id}/contract",
        "/api/v1/cpni/cases/{case_id}/letter",
        "/api/v1/cpni/cases/{case_id}/mail",
        "/api/v1/cpni/cases/{case_id}/named-calls",
        "/api/v1/cpni/cases/{case_id}/password",
        "/api/v1/cpni/cases/{case_id}/photo-id",
        "/api/v1/cpni/notices",
        "/api/v1/cpni/notices/{notice_id}/deliver",
        "/api/v1/deliveries/{delivery_id}",
        "/api/v1/deliveries/{delivery_id}/replay",
        "/api/v1/devices",
        "/api/v1/devices/{device_id}",
        "/api/v1/devices/{device_id}/rotate-password",
        "/api/v1/erasures",
        "/api/v1/erasures/{erasure_id}",
        "/api/v1/events",
        "/api/v1/flows",
        "/api/v1/flows/validate",
        "/api/v1/flows/{flow_id}",
        "/api/v1/flows/{flow_id}/publish",
        "/api/v1/flows/{flow_id}/rollback",
        "/api/v1/flows/{flow_id}/versions",
        "/api/v1/flows/{flow_id}/versions/{old}/diff/{new}",
        "/api/v1/flows/{flow_id}/versions/{version}",
        "/api/v1/health",
        "/api/v1/invitations",
        "/api/v1/invitations/{invitation_id}",
        "/api/v1/keys",
        "/api/v1/keys/{key_id}",
        "/api/v1/ledger/balances",
        "/api/v1/ledger/entries",
        "/api/v1/ledger/unrated",
        "/api/v1/ledger/unrated/retry-all",
        "/api/v1/ledger/unrated/{unrated_id}/retry",
        "/api/v1/ledger/unrated/{unrated_id}/write-off",
        "/api/v1/rates/decks",
        "/api/v1/rates/decks/{deck_id}",
        "/api/v1/rates/decks/{deck_id}/rates",
        "/api/v1/rates/quote",
        "/api/v1/me",
        "/api/v1/members",
        "/api/v1/members/{member_id}",
        "/api/v1/plans",
        "/api/v1/privacy-portal",
        "/api/v1/policy",
        "/api/v1/policy/accept",
        "/api/v1/processors",
        "/api/v1/processors/sent",
        "/api/v1/promises/examinations",
        "/api/v1/promises/examinations/{profile}",
        "/api/v1/requests",
        "/api/v1/retention",
        "/api/v1/roles",
        "/api/v1/roles/{role_id}",
        "/api/v1/staff",
        "/api/v1/staff/{member_id}",
        "/api/v1/tenant/settings",
        "/api/v1/tenant/sso",
        "/api/v1/tenant/sso/verify",
        "/api/v1/tenants",
        "/api/v1/tenants/{tenant_id}",
        "/api/v1/tenants/{tenant_id}/access-grants",
        "/api/v1/tenants/{tenant_id}/close",
        "/api/v1/tenants/{tenant_id}/cpni",
        "/api/v1/tenants/{tenant_id}/cpni/contract",
        "/api/v1/tenants/{tenant_id}/keys",
        "/api/v1/tenants/{tenant_id}/owner",
        "/api/v1/tenants/{tenant_id}/sso/domains",
        "/api/v1/tenants/{tenant_id}/reactivate",
        "/api/v1/tenants/{tenant_id}/rates/decks",
        "/api/v1/tenants/{tenant_id}/trunks",
        "/api/v1/tenants/{tenant_id}/trunks/{trunk_id}/sources",
        "/api/v1/tenants/{tenant_id}/wallet/top-ups",
        "/api/v1/tenants/{tenant_id}/wallets/{currency}",
        "/api/v1/live/tickets",
        "/api/v1/numbers",
        "/api/v1/numbers/{number_id}",
        "/api/v1/prompts",
        "/api/v1/prompts/{prompt_id}",
        "/api/v1/prompts/{prompt_id}/audio",
        "/api/v1/recording-settings",
        "/api/v1/recordings",
        "/api/v1/recordings/{recording_id}",
        "/api/v1/recordings/{recording_id}/audio",
        "/api/v1/recordings/{recording_id}/tracks/{track}/object",
        "/api/v1/rights-requests",
        "/api/v1/rights-requests/{request_id}",
        "/api/v1/rights-requests/{request_id}/appeal",
        "/api/v1/rights-requests/{request_id}/decide",
        "/api/v1/rights-requests/{request_id}/extend",
        "/api/v1/rights-requests/{request_id}/lift",
        "/api/v1/rights-requests/{request_id}/package",
        "/api/v1/rights-requests/{request_id}/refuse",
        "/api/v1/rights-requests/{request_id}/verify",
        "/api/v1/targets",
        "/api/v1/targets/{target_id}",
        "/api/v1/tenant",
        "/api/v1/trunks",
        "/api/v1/trunks/{trunk_id}",
        "/api/v1/viewers",
        "/api/v1/wallet",
        "/api/v1/webhooks",
        "/api/v1/webhooks/{webhook_id}",
        "/api/v1/webhooks/{webhook_id}/deliveries",
        "/api/v1/webhooks/{webhook_id}/replay",
        "/api/v1/webhooks/{webhook_id}/rotate",
        "/api/v1/webhooks/{webhook_id}/test",
    }


def test_each_sees_its_own_and_nothing_of_the_other(two: tuple[Populated, Populated]) -> None:
    for own, other in (two, two[::-1]):
        for verb, template in routes():
            if (verb, template) in OPEN_ROUTES:
                continue
            answer = ask(verb, template.format(**own.path_values()), own.secret)
            assert answer.status_code in (200, 201), (verb, template, answer.content)
            text = answer.content.decode()
            assert not {mark for mark in traces(other) if mark in text}, (verb, template)
            if verb == "get" and template not in OF_NOBODY:
                assert {mark for mark in traces(own) if mark in text}, (verb, template)


def test_the_other_tenants_objects_do_not_exist(two: tuple[Populated, Populated]) -> None:
    walked = 0
    for own, other in (two, two[::-1]):
        for verb, template in routes():
            if "{" not in template:
                continue
            foreign = ask(verb, template.format(**other.path_values()), own.secret)
            absent_values = {
                name: value[:2] + "0" * 32 for name, value in other.path_values().items()
            }
            absent = ask(verb, template.format(**absent_values), own.secret)
            assert foreign.status_code == absent.status_code == 404
            assert foreign.json() == absent.json()
            walked += 1
    assert walked == 44


def test_the_other_tenants_ids_find_nothing_in_filters(two: tuple[Populated, Populated]) -> None:
    """They are valid, so they are no error; a cursor of another tenant's is but a moment."""
    for own, other in (two, two[::-1]):
        ids = other.path_values()
        for path in (
            f"/calls?number={ids['number_id']}",
            f"/calls?trunk={ids['trunk_id']}",
            f"/calls?to_number=%2B{other.e164[1:]}",
            f"/recordings?call={ids['call_id']}",
            f"/audit/uses?object={ids['call_id']}",
            f"/ledger/entries?call={ids['call_id']}",
            f"/audit/uses?object={ids['recording_id']}",
            f"/calls?before={ids['call_id']}",
            f"/recordings?before={ids['recording_id']}",
        ):
            answer = ask("get", f"/api/v1{path}", own.secret)
            assert answer.status_code == 200, (path, answer.content)
            (listed,) = (value for value in answer.json().values() if isinstance(value, list))
            if "before" in path:
                assert not {mark for mark in traces(other) if mark in answer.content.decode()}
            else:
                assert listed == [], path


def test_without_a_valid_key_nothing_is_served(two: tuple[Populated, Populated]) -> None:
    own = two[0]
    forged = own.secret[:-3] + "AAA"
    with use_limits():
        for verb, template in routes():
            if (verb, template) in OPEN_ROUTES:
                continue
            for key in (None, "", "rfk_", "nonsense", forged):
                answer = ask(verb, template.format(**own.path_values()), key)
                assert answer.status_code == 401, (verb, template, key)
                assert answer.json()["code"] == "unauthorized"
                assert not {mark for mark in traces(own) if mark in answer.content.decode()}


def test_secrets_are_in_no_answer(two: tuple[Populated, Populated]) -> None:
    for someone in two:
        for verb, template in routes():
            text = ask(verb, template.format(**someone.path_values()), someone.secret).content
            for mark in (b"secret", b"ha1", b"password", b"sealed"):
                assert mark not in text, (verb, template)


def test_document_is_valid_json_and_names_errors(db: DatabaseUrls) -> None:
    text = json.dumps(document())
    assert "Problem" in text
    for verbs in document()["paths"].values():
        for operation in verbs.values():
            assert "503" in operation["responses"]
