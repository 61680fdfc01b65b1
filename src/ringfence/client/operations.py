"""The operations of the API, by resource.

Made by `python tools/generate_client.py`; not to be edited.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from . import models
from .resource import NoContent, Resource, Sink, Upload, etag_of, file_of, id_of, path_of
from .transport import Transport


class AuditResource(Resource):
    """Operations of `client.audit`."""

    def list_uses(
        self,
        *,
        object: str | None = None,
        since: datetime | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> models.UseList:
        """Who used the tenant's personal values for what, newest first.

        Needs a key or a session of a tenant with the scope `audit:read`.
        """
        return self._get(
            models.UseList,
            "/api/v1/audit/uses",
            query={"object": object, "since": since, "cursor": cursor, "limit": limit},
        )

    def iter_uses(
        self,
        *,
        object: str | None = None,
        since: datetime | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Iterator[models.Use]:
        """All that `list_uses` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list_uses(object=object, since=since, cursor=cursor, limit=limit)
            yield from page.uses
            cursor = page.next
            if cursor is None:
                return

    def list_viewers(
        self, *, object: str, cursor: str | None = None, limit: int | None = None
    ) -> models.ViewerList:
        """Who opened personal values of an object, for what, and by whose leave.

        Needs a key or a session of a tenant with the scope `audit:read`.
        """
        return self._get(
            models.ViewerList,
            "/api/v1/viewers",
            query={"object": object, "cursor": cursor, "limit": limit},
        )

    def iter_viewers(
        self, *, object: str, cursor: str | None = None, limit: int | None = None
    ) -> Iterator[models.Viewer]:
        """All that `list_viewers` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list_viewers(object=object, cursor=cursor, limit=limit)
            yield from page.viewers
            cursor = page.next
            if cursor is None:
                return


class CallsResource(Resource):
    """Operations of `client.calls`."""

    def list(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        disposition: Literal["answered", "busy", "no_answer", "cancelled", "failed"] | None = None,
        direction: str | None = None,
        from_number: str | None = None,
        to_number: str | None = None,
        number: str | None = None,
        trunk: str | None = None,
        flow: str | None = None,
        tag: str | None = None,
        tag_value: str | None = None,
        before: str | None = None,
        limit: int | None = None,
        purpose: str | None = None,
    ) -> models.CallList:
        """The tenant's calls, newest first.

        Needs a key or a session of a tenant with the scope `calls:read`.
        """
        return self._get(
            models.CallList,
            "/api/v1/calls",
            query={
                "since": since,
                "until": until,
                "disposition": disposition,
                "direction": direction,
                "from_number": from_number,
                "to_number": to_number,
                "number": number,
                "trunk": trunk,
                "flow": flow,
                "tag": tag,
                "tag_value": tag_value,
                "before": before,
                "limit": limit,
            },
            purpose=purpose,
        )

    def iter(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        disposition: Literal["answered", "busy", "no_answer", "cancelled", "failed"] | None = None,
        direction: str | None = None,
        from_number: str | None = None,
        to_number: str | None = None,
        number: str | None = None,
        trunk: str | None = None,
        flow: str | None = None,
        tag: str | None = None,
        tag_value: str | None = None,
        before: str | None = None,
        limit: int | None = None,
        purpose: str | None = None,
    ) -> Iterator[models.CallSummary]:
        """All that `list` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list(
                since=since,
                until=until,
                disposition=disposition,
                direction=direction,
                from_number=from_number,
                to_number=to_number,
                number=number,
                trunk=trunk,
                flow=flow,
                tag=tag,
                tag_value=tag_value,
                before=before,
                limit=limit,
                purpose=purpose,
            )
            yield from page.calls
            before = page.next
            if before is None:
                return

    def originate(
        self,
        *,
        to: str,
        caller_id: str,
        flow: str | UnsetType | None = UNSET,
        url: str | UnsetType | None = UNSET,
        timeout_seconds: int | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> models.CallAccepted:
        """Begin a call; answers as soon as it is in the journal, before anybody is rung.

        Needs a key or a session of a tenant with the scope `calls:write`.
        """
        return self._post(
            models.CallAccepted,
            "/api/v1/calls",
            body={
                "to": to,
                "caller_id": caller_id,
                "flow": flow,
                "url": url,
                "timeout_seconds": timeout_seconds,
            },
            idempotency_key=idempotency_key,
        )

    def redirect(
        self,
        call_id: str,
        *,
        flow: str | UnsetType | None = UNSET,
        url: str | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> models.CallAccepted:
        """Send a live call to another flow or document; whoever talks to it is hung up.

        Needs a key or a session of a tenant with the scope `calls:write`.
        """
        return self._post(
            models.CallAccepted,
            path_of("/api/v1/calls/{}/redirect", call_id),
            body={"flow": flow, "url": url},
            idempotency_key=idempotency_key,
        )

    def hangup(self, call_id: str, *, idempotency_key: str | None = None) -> models.CallAccepted:
        """End a live call.

        Needs a key or a session of a tenant with the scope `calls:write`.
        """
        return self._post(
            models.CallAccepted,
            path_of("/api/v1/calls/{}/hangup", call_id),
            idempotency_key=idempotency_key,
        )

    def get(self, call_id: str, *, purpose: str | None = None) -> models.Call:
        """One call with its legs.

        Needs a key or a session of a tenant with the scope `calls:read`.
        """
        return self._get(models.Call, path_of("/api/v1/calls/{}", call_id), purpose=purpose)

    def timeline(self, call_id: str, *, purpose: str | None = None) -> models.EventList:
        """Everything that happened to a call, in order.

        Needs a key or a session of a tenant with the scope `calls:read`.
        """
        return self._get(
            models.EventList, path_of("/api/v1/calls/{}/events", call_id), purpose=purpose
        )

    def control_recording(
        self,
        call_id: str,
        action: Literal["pause", "resume", "stop"],
        *,
        idempotency_key: str | None = None,
    ) -> models.Accepted:
        """Pause, resume or stop the recording of a live call; done when this answers.

        Needs a key or a session of a tenant with the scope `recordings:write`.
        """
        return self._post(
            models.Accepted,
            path_of("/api/v1/calls/{}/recording/{}", call_id, action),
            idempotency_key=idempotency_key,
        )


class ConsentsResource(Resource):
    """Operations of `client.consents`."""

    def record(
        self,
        *,
        scope: Literal[
            "messaging_marketing",
            "messaging_informational",
            "recording",
            "ai_processing",
            "training",
            "marketing",
            "cookies_analytics",
            "cookies_ads",
            "sale_or_sharing",
            "targeted_ads",
            "profiling",
            "cpni_use",
        ],
        state: Literal["granted", "denied", "withdrawn"],
        method: Literal[
            "web_form",
            "phone_keypress",
            "spoken",
            "text_message",
            "written",
            "email",
            "api",
            "rights_request",
            "gpc_signal",
        ],
        number: str | UnsetType | None = UNSET,
        email: str | UnsetType | None = UNSET,
        person: str | UnsetType | None = UNSET,
        source: str | UnsetType = UNSET,
        wording: str | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> models.Consent:
        """Write down what a person allowed or refused. A refusal holds when this answers.

        Needs a key or a session of a tenant with the scope `consents:write`.
        """
        return self._post(
            models.Consent,
            "/api/v1/consents",
            body={
                "scope": scope,
                "state": state,
                "method": method,
                "number": number,
                "email": email,
                "person": person,
                "source": source,
                "wording": wording,
            },
            idempotency_key=idempotency_key,
        )

    def list(
        self,
        *,
        person: str,
        before: int | None = None,
        limit: int | None = None,
        purpose: str | None = None,
    ) -> models.ConsentList:
        """What one person said, newest first.

        Needs a key or a session of a tenant with the scope `consents:read`.
        """
        return self._get(
            models.ConsentList,
            "/api/v1/consents",
            query={"person": person, "before": before, "limit": limit},
            purpose=purpose,
        )

    def iter(
        self,
        *,
        person: str,
        before: int | None = None,
        limit: int | None = None,
        purpose: str | None = None,
    ) -> Iterator[models.Consent]:
        """All that `list` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list(person=person, before=before, limit=limit, purpose=purpose)
            yield from page.consents
            before = page.next
            if before is None:
                return

    def check(
        self,
        *,
        number: str | UnsetType | None = UNSET,
        email: str | UnsetType | None = UNSET,
        person: str | UnsetType | None = UNSET,
        scope: Literal[
            "messaging_marketing",
            "messaging_informational",
            "recording",
            "ai_processing",
            "training",
            "marketing",
            "cookies_analytics",
            "cookies_ads",
            "sale_or_sharing",
            "targeted_ads",
            "profiling",
            "cpni_use",
        ]
        | UnsetType
        | None = UNSET,
        idempotency_key: str | None = None,
    ) -> models.ConsentStates:
        """What a person allows now. Ask right before the use: it changes nothing and is not
        kept.

        Needs a key or a session of a tenant with the scope `consents:read`.
        """
        return self._post(
            models.ConsentStates,
            "/api/v1/consents/check",
            body={"number": number, "email": email, "person": person, "scope": scope},
            idempotency_key=idempotency_key,
        )

    def create_wording(
        self,
        *,
        scope: Literal[
            "messaging_marketing",
            "messaging_informational",
            "recording",
            "ai_processing",
            "training",
            "marketing",
            "cookies_analytics",
            "cookies_ads",
            "sale_or_sharing",
            "targeted_ads",
            "profiling",
            "cpni_use",
        ],
        language: str,
        text: str,
        idempotency_key: str | None = None,
    ) -> models.Wording:
        """A text to ask by. Another text is another version; the same as the last one is that
        one.

        Needs a key or a session of a tenant with the scope `consents:wordings`.
        """
        return self._post(
            models.Wording,
            "/api/v1/consent-wordings",
            body={"scope": scope, "language": language, "text": text},
            idempotency_key=idempotency_key,
        )

    def list_wordings(
        self,
        *,
        scope: Literal[
            "messaging_marketing",
            "messaging_informational",
            "recording",
            "ai_processing",
            "training",
            "marketing",
            "cookies_analytics",
            "cookies_ads",
            "sale_or_sharing",
            "targeted_ads",
            "profiling",
            "cpni_use",
        ]
        | None = None,
    ) -> models.WordingList:
        """All versions of all wordings.

        Needs a key or a session of a tenant with the scope `consents:read`.
        """
        return self._get(models.WordingList, "/api/v1/consent-wordings", query={"scope": scope})

    def get_wording(self, wording_id: str) -> models.Wording:
        """One wording, as it was shown.

        Needs a key or a session of a tenant with the scope `consents:read`.
        """
        return self._get(models.Wording, path_of("/api/v1/consent-wordings/{}", wording_id))


class CpniResource(Resource):
    """Operations of `client.cpni`."""

    def put_contract(
        self, tenant_id: str, *, regime: str | None, reason: str, purpose: str | None = None
    ) -> models.Account:
        """Note how the contract of a business customer with an account representative of its
        own says that its callers are authenticated (47 CFR 64.2010(g)), or that it does
        not.

        Needs a key or a session of the operator with the scope `tenants:write`.
        """
        return self._put(
            models.Account,
            path_of("/api/v1/tenants/{}/cpni/contract", tenant_id),
            body={"regime": regime, "reason": reason},
            purpose=purpose,
        )


class DevicesResource(Resource):
    """Operations of `client.devices`."""

    def list(self, *, before: str | None = None, limit: int | None = None) -> models.DeviceList:
        """The tenant's devices, newest first.

        Needs a key or a session of a tenant with the scope `devices:read`.
        """
        return self._get(
            models.DeviceList, "/api/v1/devices", query={"before": before, "limit": limit}
        )

    def iter(
        self, *, before: str | None = None, limit: int | None = None
    ) -> Iterator[models.Device]:
        """All that `list` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list(before=before, limit=limit)
            yield from page.devices
            before = page.next
            if before is None:
                return

    def create(
        self,
        *,
        name: str,
        username: str | UnsetType | None = UNSET,
        password: str | UnsetType | None = UNSET,
        enabled: bool | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> models.DeviceSecret:
        """Make a device. It may register within 2 seconds.

        Needs a key or a session of a tenant with the scope `devices:write`.
        """
        return self._post(
            models.DeviceSecret,
            "/api/v1/devices",
            body={"name": name, "username": username, "password": password, "enabled": enabled},
            idempotency_key=idempotency_key,
        )

    def get(self, device_id: str) -> models.Device:
        """One of the tenant's devices.

        Needs a key or a session of a tenant with the scope `devices:read`.
        """
        return self._get(models.Device, path_of("/api/v1/devices/{}", device_id))

    def update(
        self,
        device: str | models.Device,
        *,
        name: str | UnsetType | None = UNSET,
        enabled: bool | UnsetType | None = UNSET,
        etag: str | None = None,
    ) -> models.Device:
        """Rename a device, or take it out of service: within 2 seconds no call reaches it.

        Needs a key or a session of a tenant with the scope `devices:write`.
        """
        return self._patch(
            models.Device,
            path_of("/api/v1/devices/{}", id_of(device)),
            body={"name": name, "enabled": enabled},
            etag=etag_of(device, etag),
        )

    def delete(self, device_id: str) -> None:
        """Delete a device that no target and no published flow names. Calls in progress go on.

        Needs a key or a session of a tenant with the scope `devices:write`.
        """
        self._delete(NoContent, path_of("/api/v1/devices/{}", device_id))

    def rotate_password(
        self,
        device_id: str,
        *,
        password: str | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> models.DeviceSecret:
        """Give a device another password. Within 2 seconds the old one is wrong, and a phone
        that registered with it gets no more calls.

        Needs a key or a session of a tenant with the scope `devices:write`.
        """
        return self._post(
            models.DeviceSecret,
            path_of("/api/v1/devices/{}/rotate-password", device_id),
            body={"password": password},
            idempotency_key=idempotency_key,
        )


class EventsResource(Resource):
    """Operations of `client.events`."""

    def list(
        self, *, after: int | None = None, limit: int | None = None, purpose: str | None = None
    ) -> models.JournalList:
        """Everything that happened to the tenant's calls, in the order of the journal.

        Needs a key or a session of a tenant with the scope `calls:read`.
        """
        return self._get(
            models.JournalList,
            "/api/v1/events",
            query={"after": after, "limit": limit},
            purpose=purpose,
        )

    def iter(
        self, *, after: int | None = None, limit: int | None = None, purpose: str | None = None
    ) -> Iterator[models.Event]:
        """All that `list` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list(after=after, limit=limit, purpose=purpose)
            yield from page.events
            after = page.last
            if not page.events:
                return


class FlowsResource(Resource):
    """Operations of `client.flows`."""

    def list(self, *, before: str | None = None, limit: int | None = None) -> models.FlowList:
        """The tenant's flows, newest first.

        Needs a key or a session of a tenant with the scope `flows:read`.
        """
        return self._get(models.FlowList, "/api/v1/flows", query={"before": before, "limit": limit})

    def iter(
        self, *, before: str | None = None, limit: int | None = None
    ) -> Iterator[models.FlowSummary]:
        """All that `list` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list(before=before, limit=limit)
            yield from page.flows
            before = page.next
            if before is None:
                return

    def create(
        self,
        *,
        name: str,
        draft: dict[str, Any] | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> models.Flow:
        """Begin a flow. No call gets it before it is published.

        Needs a key or a session of a tenant with the scope `flows:write`.
        """
        return self._post(
            models.Flow,
            "/api/v1/flows",
            body={"name": name, "draft": draft},
            idempotency_key=idempotency_key,
        )

    def validate(
        self,
        *,
        graph: dict[str, Any],
        flow: str | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> models.Validate:
        """All that stands against publishing a graph; nothing is stored.

        Needs a key or a session of a tenant with the scope `flows:read`.
        """
        return self._post(
            models.Validate,
            "/api/v1/flows/validate",
            body={"graph": graph, "flow": flow},
            idempotency_key=idempotency_key,
        )

    def get(self, flow_id: str) -> models.Flow:
        """One flow and its draft.

        Needs a key or a session of a tenant with the scope `flows:read`.
        """
        return self._get(models.Flow, path_of("/api/v1/flows/{}", flow_id))

    def update(
        self,
        flow: str | models.Flow,
        *,
        name: str | UnsetType | None = UNSET,
        draft: dict[str, Any] | UnsetType | None = UNSET,
        etag: str | None = None,
    ) -> models.Flow:
        """Save a draft, or rename a flow; what calls get stays as it is.

        Needs a key or a session of a tenant with the scope `flows:write`.
        """
        return self._patch(
            models.Flow,
            path_of("/api/v1/flows/{}", id_of(flow)),
            body={"name": name, "draft": draft},
            etag=etag_of(flow, etag),
        )

    def archive(self, flow_id: str) -> None:
        """Put a flow away that no number and no published flow leads to.

        Needs a key or a session of a tenant with the scope `flows:write`.
        """
        self._delete(NoContent, path_of("/api/v1/flows/{}", flow_id))

    def publish(
        self, flow_id: str, *, note: str | UnsetType = UNSET, idempotency_key: str | None = None
    ) -> models.Version:
        """Publish the draft: calls that start from now on get it, calls in progress keep
        theirs.

        Needs a key or a session of a tenant with the scope `flows:write`.
        """
        return self._post(
            models.Version,
            path_of("/api/v1/flows/{}/publish", flow_id),
            body={"note": note},
            idempotency_key=idempotency_key,
        )

    def rollback(
        self,
        flow_id: str,
        *,
        version: int,
        note: str | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> models.Version:
        """Publish an earlier version anew, as the next one. The draft stays as it is.

        Needs a key or a session of a tenant with the scope `flows:write`.
        """
        return self._post(
            models.Version,
            path_of("/api/v1/flows/{}/rollback", flow_id),
            body={"version": version, "note": note},
            idempotency_key=idempotency_key,
        )

    def list_versions(
        self, flow_id: str, *, before: int | None = None, limit: int | None = None
    ) -> models.VersionList:
        """What was published, newest first.

        Needs a key or a session of a tenant with the scope `flows:read`.
        """
        return self._get(
            models.VersionList,
            path_of("/api/v1/flows/{}/versions", flow_id),
            query={"before": before, "limit": limit},
        )

    def iter_versions(
        self, flow_id: str, *, before: int | None = None, limit: int | None = None
    ) -> Iterator[models.VersionSummary]:
        """All that `list_versions` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list_versions(flow_id, before=before, limit=limit)
            yield from page.versions
            before = page.next
            if before is None:
                return

    def get_version(self, flow_id: str, version: int) -> models.Version:
        """One version of a flow.

        Needs a key or a session of a tenant with the scope `flows:read`.
        """
        return self._get(models.Version, path_of("/api/v1/flows/{}/versions/{}", flow_id, version))

    def diff(self, flow_id: str, old: int, new: int | Literal["draft"]) -> models.Diff:
        """What changed from one version to another, or to the draft.

        Needs a key or a session of a tenant with the scope `flows:read`.
        """
        return self._get(
            models.Diff, path_of("/api/v1/flows/{}/versions/{}/diff/{}", flow_id, old, new)
        )


class HealthResource(Resource):
    """Operations of `client.health`."""

    def get(self) -> models.Health:
        """Whether this process serves and reaches the database."""
        return self._get(models.Health, "/api/v1/health")


class KeysResource(Resource):
    """Operations of `client.keys`."""

    def list(self, *, before: str | None = None, limit: int | None = None) -> models.ApiKeyList:
        """The tenant's API keys, newest first, revoked and expired ones among them.

        Needs a key or a session of a tenant with the scope `keys:read`.
        """
        return self._get(
            models.ApiKeyList, "/api/v1/keys", query={"before": before, "limit": limit}
        )

    def iter(
        self, *, before: str | None = None, limit: int | None = None
    ) -> Iterator[models.ApiKey]:
        """All that `list` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list(before=before, limit=limit)
            yield from page.keys
            before = page.next
            if before is None:
                return

    def create(
        self,
        *,
        name: str,
        scopes: Sequence[str],
        purposes: Sequence[str] | UnsetType = UNSET,
        expires_at: datetime | UnsetType | None = UNSET,
        allowed_networks: Sequence[str] | UnsetType = UNSET,
        requests_per_minute: int | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> models.NewApiKey:
        """Make a key. Its secret is in this answer and never shown again.

        Needs a key or a session of a tenant with the scope `keys:write`.
        """
        return self._post(
            models.NewApiKey,
            "/api/v1/keys",
            body={
                "name": name,
                "scopes": scopes,
                "purposes": purposes,
                "expires_at": expires_at,
                "allowed_networks": allowed_networks,
                "requests_per_minute": requests_per_minute,
            },
            idempotency_key=idempotency_key,
        )

    def get(self, key_id: str) -> models.ApiKey:
        """One of the tenant's keys.

        Needs a key or a session of a tenant with the scope `keys:read`.
        """
        return self._get(models.ApiKey, path_of("/api/v1/keys/{}", key_id))

    def update(
        self,
        key: str | models.ApiKey,
        *,
        name: str | UnsetType | None = UNSET,
        allowed_networks: Sequence[str] | UnsetType | None = UNSET,
        requests_per_minute: int | UnsetType | None = UNSET,
        etag: str | None = None,
    ) -> models.ApiKey:
        """Rename a key, or set its networks and limit. What it may do never changes: make
        another one.

        Needs a key or a session of a tenant with the scope `keys:write`.
        """
        return self._patch(
            models.ApiKey,
            path_of("/api/v1/keys/{}", id_of(key)),
            body={
                "name": name,
                "allowed_networks": allowed_networks,
                "requests_per_minute": requests_per_minute,
            },
            etag=etag_of(key, etag),
        )

    def revoke(self, key_id: str) -> None:
        """Revoke a key: its next request is refused. It stays in the list.

        Needs a key or a session of a tenant with the scope `keys:write`.
        """
        self._delete(NoContent, path_of("/api/v1/keys/{}", key_id))

    def list_clients(
        self, *, before: str | None = None, limit: int | None = None
    ) -> models.ClientList:
        """The tenant's OAuth clients, newest first, revoked and expired ones among them.

        Needs a key or a session of a tenant with the scope `keys:read`.
        """
        return self._get(
            models.ClientList, "/api/v1/clients", query={"before": before, "limit": limit}
        )

    def iter_clients(
        self, *, before: str | None = None, limit: int | None = None
    ) -> Iterator[models.Client]:
        """All that `list_clients` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list_clients(before=before, limit=limit)
            yield from page.clients
            before = page.next
            if before is None:
                return

    def create_client(
        self,
        *,
        name: str,
        scopes: Sequence[str],
        purposes: Sequence[str] | UnsetType = UNSET,
        expires_at: datetime | UnsetType | None = UNSET,
        allowed_networks: Sequence[str] | UnsetType = UNSET,
        requests_per_minute: int | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> models.NewClient:
        """Make an OAuth client. Its secret is in this answer and never shown again.

        Needs a key or a session of a tenant with the scope `keys:write`.
        """
        return self._post(
            models.NewClient,
            "/api/v1/clients",
            body={
                "name": name,
                "scopes": scopes,
                "purposes": purposes,
                "expires_at": expires_at,
                "allowed_networks": allowed_networks,
                "requests_per_minute": requests_per_minute,
            },
            idempotency_key=idempotency_key,
        )

    def get_client(self, client_id: str) -> models.Client:
        """One of the tenant's OAuth clients.

        Needs a key or a session of a tenant with the scope `keys:read`.
        """
        return self._get(models.Client, path_of("/api/v1/clients/{}", client_id))

    def update_client(
        self,
        client: str | models.Client,
        *,
        name: str | UnsetType | None = UNSET,
        allowed_networks: Sequence[str] | UnsetType | None = UNSET,
        requests_per_minute: int | UnsetType | None = UNSET,
        etag: str | None = None,
    ) -> models.Client:
        """Rename a client, or set its networks and limit. What it may do never changes: make
        another one.

        Needs a key or a session of a tenant with the scope `keys:write`.
        """
        return self._patch(
            models.Client,
            path_of("/api/v1/clients/{}", id_of(client)),
            body={
                "name": name,
                "allowed_networks": allowed_networks,
                "requests_per_minute": requests_per_minute,
            },
            etag=etag_of(client, etag),
        )

    def revoke_client(self, client_id: str) -> None:
        """Revoke a client: the next request with one of its tokens is refused. It stays in the
        list.

        Needs a key or a session of a tenant with the scope `keys:write`.
        """
        self._delete(NoContent, path_of("/api/v1/clients/{}", client_id))

    def rotate_client_secret(
        self,
        client_id: str,
        *,
        grace_seconds: int | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> models.NewClient:
        """Give a client another secret, which is in this answer and never shown again.

        Needs a key or a session of a tenant with the scope `keys:write`.
        """
        return self._post(
            models.NewClient,
            path_of("/api/v1/clients/{}/rotate", client_id),
            body={"grace_seconds": grace_seconds},
            idempotency_key=idempotency_key,
        )

    def list_requests(
        self,
        *,
        before: str | None = None,
        limit: int | None = None,
        credential: str | None = None,
        status: int | None = None,
    ) -> models.RequestList:
        """What was asked of the tenant, by whom and with what outcome, newest first. A request
        is here a second or two after its answer, for as many days as the installation keeps
        the log.

        Needs a key or a session of a tenant with the scope `keys:read`.
        """
        return self._get(
            models.RequestList,
            "/api/v1/requests",
            query={"before": before, "limit": limit, "credential": credential, "status": status},
        )

    def iter_requests(
        self,
        *,
        before: str | None = None,
        limit: int | None = None,
        credential: str | None = None,
        status: int | None = None,
    ) -> Iterator[models.Request]:
        """All that `list_requests` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list_requests(
                before=before, limit=limit, credential=credential, status=status
            )
            yield from page.requests
            before = page.next
            if before is None:
                return


class LedgerResource(Resource):
    """Operations of `client.ledger`."""

    def list_balances(self) -> models.BalanceList:
        """What stands on each account of the tenant's books.

        Needs a key or a session of a tenant with the scope `ledger:read`.
        """
        return self._get(models.BalanceList, "/api/v1/ledger/balances")

    def list_entries(
        self,
        *,
        kind: Literal["top_up", "charge", "cost", "adjustment", "carried"] | None = None,
        call: str | None = None,
        before: str | None = None,
        limit: int | None = None,
    ) -> models.EntryList:
        """The entries of the tenant's books, newest posted first.

        Needs a key or a session of a tenant with the scope `ledger:read`.
        """
        return self._get(
            models.EntryList,
            "/api/v1/ledger/entries",
            query={"kind": kind, "call": call, "before": before, "limit": limit},
        )

    def iter_entries(
        self,
        *,
        kind: Literal["top_up", "charge", "cost", "adjustment", "carried"] | None = None,
        call: str | None = None,
        before: str | None = None,
        limit: int | None = None,
    ) -> Iterator[models.Entry]:
        """All that `list_entries` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list_entries(kind=kind, call=call, before=before, limit=limit)
            yield from page.entries
            before = page.next
            if before is None:
                return

    def list_unrated(
        self,
        *,
        state: Literal["open", "rated", "written_off"] | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> models.UnratedList:
        """Usage that could not be rated, oldest first.

        Needs a key or a session of a tenant with the scope `ledger:read`.
        """
        return self._get(
            models.UnratedList,
            "/api/v1/ledger/unrated",
            query={"state": state, "after": after, "limit": limit},
        )

    def iter_unrated(
        self,
        *,
        state: Literal["open", "rated", "written_off"] | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Iterator[models.Unrated]:
        """All that `list_unrated` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list_unrated(state=state, after=after, limit=limit)
            yield from page.unrated
            after = page.next
            if after is None:
                return

    def retry_all_unrated(self, *, idempotency_key: str | None = None) -> models.Retried:
        """Rate everything in the queue again, by the price lists of now.

        Needs a key or a session of a tenant with the scope `ledger:write`.
        """
        return self._post(
            models.Retried, "/api/v1/ledger/unrated/retry-all", idempotency_key=idempotency_key
        )

    def retry_unrated(
        self, unrated_id: str, *, idempotency_key: str | None = None
    ) -> models.Unrated:
        """Rate one item again, by the price lists of now; it tells what became of it.

        Needs a key or a session of a tenant with the scope `ledger:write`.
        """
        return self._post(
            models.Unrated,
            path_of("/api/v1/ledger/unrated/{}/retry", unrated_id),
            idempotency_key=idempotency_key,
        )

    def write_off_unrated(
        self, unrated_id: str, *, reason: str, idempotency_key: str | None = None
    ) -> models.Unrated:
        """Give an item up, for a reason: it is never charged.

        Needs a key or a session of a tenant with the scope `ledger:write`.
        """
        return self._post(
            models.Unrated,
            path_of("/api/v1/ledger/unrated/{}/write-off", unrated_id),
            body={"reason": reason},
            idempotency_key=idempotency_key,
        )


class LiveResource(Resource):
    """Operations of `client.live`."""

    def create_ticket(self, *, idempotency_key: str | None = None) -> models.Ticket:
        """A ticket for the live stream; valid for 60 seconds. The stream opens the numbers in
        its events for the purpose ``service``, which the API key must have been granted.

        Needs a key or a session of a tenant with the scope `live:read`.
        """
        return self._post(models.Ticket, "/api/v1/live/tickets", idempotency_key=idempotency_key)


class MembersResource(Resource):
    """Operations of `client.members`."""

    def list(self, *, purpose: str | None = None) -> models.MemberList:
        """Who works for the tenant.

        Needs a key or a session of a tenant with the scope `members:read`.
        """
        return self._get(models.MemberList, "/api/v1/members", purpose=purpose)

    def get(self, member_id: str, *, purpose: str | None = None) -> models.Member:
        """One of the members.

        Needs a key or a session of a tenant with the scope `members:read`.
        """
        return self._get(models.Member, path_of("/api/v1/members/{}", member_id), purpose=purpose)

    def list_invitations(self, *, purpose: str | None = None) -> models.InvitationList:
        """Invitations that may still be accepted.

        Needs a key or a session of a tenant with the scope `members:read`.
        """
        return self._get(models.InvitationList, "/api/v1/invitations", purpose=purpose)

    def list_roles(self) -> models.RoleList:
        """The roles that members may have.

        Needs a key or a session of a tenant with the scope `roles:read`.
        """
        return self._get(models.RoleList, "/api/v1/roles")

    def get_role(self, role_id: str) -> models.Role:
        """One of the tenant's own roles.

        Needs a key or a session of a tenant with the scope `roles:read`.
        """
        return self._get(models.Role, path_of("/api/v1/roles/{}", role_id))


class NumbersResource(Resource):
    """Operations of `client.numbers`."""

    def list(self, *, before: str | None = None, limit: int | None = None) -> models.NumberList:
        """The tenant's numbers, newest first, released ones among them.

        Needs a key or a session of a tenant with the scope `numbers:read`.
        """
        return self._get(
            models.NumberList, "/api/v1/numbers", query={"before": before, "limit": limit}
        )

    def iter(
        self, *, before: str | None = None, limit: int | None = None
    ) -> Iterator[models.Number]:
        """All that `list` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list(before=before, limit=limit)
            yield from page.numbers
            before = page.next
            if before is None:
                return

    def create(
        self,
        *,
        e164: str,
        label: str | UnsetType = UNSET,
        dial: Sequence[models.DialTarget] | UnsetType = UNSET,
        flow: str | UnsetType | None = UNSET,
        dial_timeout_seconds: int | UnsetType = UNSET,
        caller_id: str | UnsetType | None = UNSET,
        max_seconds: int | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> models.Number:
        """Take a number into service. Calls to it reach it from its trunk, or from the
        operator's.

        Needs a key or a session of a tenant with the scope `numbers:write`.
        """
        return self._post(
            models.Number,
            "/api/v1/numbers",
            body={
                "e164": e164,
                "label": label,
                "dial": dial,
                "flow": flow,
                "dial_timeout_seconds": dial_timeout_seconds,
                "caller_id": caller_id,
                "max_seconds": max_seconds,
            },
            idempotency_key=idempotency_key,
        )

    def get(self, number_id: str) -> models.Number:
        """One of the tenant's numbers.

        Needs a key or a session of a tenant with the scope `numbers:read`.
        """
        return self._get(models.Number, path_of("/api/v1/numbers/{}", number_id))

    def update(
        self,
        number: str | models.Number,
        *,
        label: str | UnsetType = UNSET,
        dial: Sequence[models.DialTarget] | UnsetType = UNSET,
        flow: str | UnsetType | None = UNSET,
        dial_timeout_seconds: int | UnsetType = UNSET,
        caller_id: str | UnsetType | None = UNSET,
        max_seconds: int | UnsetType | None = UNSET,
        etag: str | None = None,
    ) -> models.Number:
        """Change where calls go, from the next one on. A flow takes the place of targets, and
        they that of a flow.

        Needs a key or a session of a tenant with the scope `numbers:write`.
        """
        return self._patch(
            models.Number,
            path_of("/api/v1/numbers/{}", id_of(number)),
            body={
                "label": label,
                "dial": dial,
                "flow": flow,
                "dial_timeout_seconds": dial_timeout_seconds,
                "caller_id": caller_id,
                "max_seconds": max_seconds,
            },
            etag=etag_of(number, etag),
        )

    def release(self, number_id: str) -> None:
        """Give a number up: no call reaches it from now on. Its record stays, as ``inactive``.

        Needs a key or a session of a tenant with the scope `numbers:write`.
        """
        self._delete(NoContent, path_of("/api/v1/numbers/{}", number_id))


class PolicyResource(Resource):
    """Operations of `client.policy`."""

    def order_examination(
        self,
        *,
        profile: Literal[
            "cca-voice-ai",
            "clx-contact-center",
            "cmx-calltracking",
            "ctx-us-telecom",
            "sip-carrier",
            "strict",
        ],
        idempotency_key: str | None = None,
    ) -> models.Examination:
        """Have the installation examined under a profile. While that goes on, it is no new
        one.

        Needs a key or a session of the operator with the scope `promises:verify`.
        """
        return self._post(
            models.Examination,
            "/api/v1/promises/examinations",
            body={"profile": profile},
            idempotency_key=idempotency_key,
        )

    def get_examination(self, profile: str) -> models.Examination:
        """The examination that was last asked for under a profile, and how far it is.

        Needs a key or a session of the operator with the scope `promises:verify`.
        """
        return self._get(models.Examination, path_of("/api/v1/promises/examinations/{}", profile))

    def get_binding(self) -> models.PolicyBinding:
        """Which version of the privacy policy binds the tenant, and what comes.

        Needs a key or a session of a tenant with the scope `settings:read`.
        """
        return self._get(models.PolicyBinding, "/api/v1/policy")


class PrivacyResource(Resource):
    """Operations of `client.privacy`."""

    def get_portal(self) -> models.Portal:
        """Where the portal is.

        Needs a key or a session of a tenant with the scope `privacy:rights`.
        """
        return self._get(models.Portal, "/api/v1/privacy-portal")

    def put_portal(
        self,
        *,
        slug: str,
        caller_id: str | UnsetType | None = UNSET,
        officer_confirms: bool | UnsetType = UNSET,
    ) -> models.Portal:
        """Open the portal, or move it.

        Needs a key or a session of a tenant with the scope `privacy:rights`.
        """
        return self._put(
            models.Portal,
            "/api/v1/privacy-portal",
            body={"slug": slug, "caller_id": caller_id, "officer_confirms": officer_confirms},
        )

    def delete_portal(self) -> None:
        """Close the portal; what was asked goes on.

        Needs a key or a session of a tenant with the scope `privacy:rights`.
        """
        self._delete(NoContent, "/api/v1/privacy-portal")

    def erase_person(
        self,
        *,
        number: str | UnsetType | None = UNSET,
        person: str | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> models.Erasure:
        """Erase a person. Accepted when it is ordered; a job carries it out.

        Needs a key or a session of a tenant with the scope `privacy:erase`.
        """
        return self._post(
            models.Erasure,
            "/api/v1/erasures",
            body={"number": number, "person": person},
            idempotency_key=idempotency_key,
        )

    def get_erasure(self, erasure_id: str) -> models.Erasure:
        """How far an erasure is.

        Needs a key or a session of a tenant with the scope `privacy:erase`.
        """
        return self._get(models.Erasure, path_of("/api/v1/erasures/{}", erasure_id))

    def create_rights_request(
        self,
        *,
        kind: Literal[
            "access",
            "portability",
            "deletion",
            "restriction",
            "restriction_end",
            "objection",
            "correction",
            "opt_out_sale",
            "opt_out_ads",
            "opt_out_profiling",
            "opt_out_cpni",
            "child",
        ],
        jurisdiction: Literal["us-ca", "eu", "us-other"],
        number: str | UnsetType | None = UNSET,
        person: str | UnsetType | None = UNSET,
        channel: Literal["api", "portal", "note"] | UnsetType = UNSET,
        on_behalf: models.OnBehalfIn | UnsetType | None = UNSET,
        statement: str | UnsetType = UNSET,
        marked: bool | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> models.Rights:
        """Note what a person asks. Nothing is done for it before it is verified, but for an
        opt-out, which holds when this answers, and a report that they are a child: from
        then on nothing of theirs is used, and it is verified by ``confirmed``. A number
        that means nobody is answered too: the receipt says that nothing is held; one who
        opts out becomes known by it.

        Needs a key or a session of a tenant with the scope `privacy:rights`.
        """
        return self._post(
            models.Rights,
            "/api/v1/rights-requests",
            body={
                "kind": kind,
                "jurisdiction": jurisdiction,
                "number": number,
                "person": person,
                "channel": channel,
                "on_behalf": on_behalf,
                "statement": statement,
                "marked": marked,
            },
            idempotency_key=idempotency_key,
        )

    def list_rights_requests(
        self,
        *,
        state: Literal["received", "verified", "running", "done", "refused"] | None = None,
        before: str | None = None,
        limit: int | None = None,
    ) -> models.RightsList:
        """The tenant's requests, newest first.

        Needs a key or a session of a tenant with the scope `privacy:rights`.
        """
        return self._get(
            models.RightsList,
            "/api/v1/rights-requests",
            query={"state": state, "before": before, "limit": limit},
        )

    def iter_rights_requests(
        self,
        *,
        state: Literal["received", "verified", "running", "done", "refused"] | None = None,
        before: str | None = None,
        limit: int | None = None,
    ) -> Iterator[models.Rights]:
        """All that `list_rights_requests` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list_rights_requests(state=state, before=before, limit=limit)
            yield from page.requests
            before = page.next
            if before is None:
                return

    def get_rights_request(self, request_id: str) -> models.Rights:
        """One request, how far it is, and its receipt.

        Needs a key or a session of a tenant with the scope `privacy:rights`.
        """
        return self._get(models.Rights, path_of("/api/v1/rights-requests/{}", request_id))

    def verify_rights_request(
        self,
        request_id: str,
        *,
        method: Literal[
            "signed_in",
            "code_sent",
            "callback",
            "photo_id",
            "known_details",
            "authority",
            "not_needed",
            "confirmed",
        ],
        idempotency_key: str | None = None,
    ) -> models.Rights:
        """The person themselves asks, or an agent by the authority that was told, which the
        caller answers for: a job makes the package, or erases the person. To verify a
        deletion, or that they are a child, needs ``privacy:erase`` as well.

        Needs a key or a session of a tenant with the scope `privacy:rights`.
        """
        return self._post(
            models.Rights,
            path_of("/api/v1/rights-requests/{}/verify", request_id),
            body={"method": method},
            idempotency_key=idempotency_key,
        )

    def extend_rights_request(
        self,
        request_id: str,
        *,
        reason: Literal["complexity", "number_of_requests"],
        idempotency_key: str | None = None,
    ) -> models.Rights:
        """Put the answer off: once, before its end. The person is to be told why.

        Needs a key or a session of a tenant with the scope `privacy:rights`.
        """
        return self._post(
            models.Rights,
            path_of("/api/v1/rights-requests/{}/extend", request_id),
            body={"reason": reason},
            idempotency_key=idempotency_key,
        )

    def refuse_rights_request(
        self,
        request_id: str,
        *,
        reason: Literal[
            "not_verified",
            "unfounded",
            "excessive",
            "law_requires_keeping",
            "legal_hold",
            "withdrawn",
        ],
        idempotency_key: str | None = None,
    ) -> models.Rights:
        """Do not meet a request, for a reason that the law knows. A report of a child is
        lifted.

        Needs a key or a session of a tenant with the scope `privacy:rights`.
        """
        return self._post(
            models.Rights,
            path_of("/api/v1/rights-requests/{}/refuse", request_id),
            body={"reason": reason},
            idempotency_key=idempotency_key,
        )

    def lift_child_report(
        self,
        request_id: str,
        *,
        parent: str,
        document_sha256: str | UnsetType = UNSET,
        note: str | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> models.Rights:
        """A parent showed that who was reported is no child: what is held is used again within
        seconds. Not once it is confirmed and they are being erased.

        Needs a key or a session of a tenant with the scope `privacy:rights`.
        """
        return self._post(
            models.Rights,
            path_of("/api/v1/rights-requests/{}/lift", request_id),
            body={"parent": parent, "document_sha256": document_sha256, "note": note},
            idempotency_key=idempotency_key,
        )

    def appeal_rights_refusal(
        self,
        request_id: str,
        *,
        channel: Literal["api", "portal", "note"] | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> models.Rights:
        """Note that the person appeals a refusal: a request of its own, to be verified and
        decided.

        Needs a key or a session of a tenant with the scope `privacy:rights`.
        """
        return self._post(
            models.Rights,
            path_of("/api/v1/rights-requests/{}/appeal", request_id),
            body={"channel": channel},
            idempotency_key=idempotency_key,
        )

    def decide_rights_appeal(
        self,
        request_id: str,
        *,
        granted: bool,
        reason: Literal[
            "not_verified",
            "unfounded",
            "excessive",
            "law_requires_keeping",
            "legal_hold",
            "withdrawn",
        ]
        | UnsetType
        | None = UNSET,
        idempotency_key: str | None = None,
    ) -> models.Rights:
        """Decide a verified appeal; not by who refused. Granted, what was refused is taken up
        again: as a request of its own. Of a deletion that needs ``privacy:erase`` as well.
        Or decide a verified correction: what the person says stays beside their data either
        way.

        Needs a key or a session of a tenant with the scope `privacy:rights`.
        """
        return self._post(
            models.Rights,
            path_of("/api/v1/rights-requests/{}/decide", request_id),
            body={"granted": granted, "reason": reason},
            idempotency_key=idempotency_key,
        )

    def download_rights_package(
        self, request_id: str, to: Sink, *, purpose: str | None = None
    ) -> int:
        """Everything that is held of the person, as a ZIP: ``data.json``, a CSV for each
        table, ``index.html``, and what they said in recordings.

        Needs a key or a session of a tenant with the scope `privacy:rights`.
        """
        return self._download(
            path_of("/api/v1/rights-requests/{}/package", request_id), to, purpose=purpose
        )

    def get_retention(self) -> models.Retention:
        """How long the tenant's data is kept, and what it may choose.

        Needs a key or a session of a tenant with the scope `settings:read`.
        """
        return self._get(models.Retention, "/api/v1/retention")


class ProcessorsResource(Resource):
    """Operations of `client.processors`."""

    def list(self) -> models.ProcessorList:
        """Third parties that may receive personal data, with their agreements and states
        today.

        Needs a key or a session of a tenant with the scope `audit:read`.
        """
        return self._get(models.ProcessorList, "/api/v1/processors")

    def list_sent(self, *, cursor: str | None = None, limit: int | None = None) -> models.SentList:
        """What left for the tenant or was refused, newest first.

        Needs a key or a session of a tenant with the scope `audit:read`.
        """
        return self._get(
            models.SentList, "/api/v1/processors/sent", query={"cursor": cursor, "limit": limit}
        )

    def iter_sent(
        self, *, cursor: str | None = None, limit: int | None = None
    ) -> Iterator[models.Sent]:
        """All that `list_sent` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list_sent(cursor=cursor, limit=limit)
            yield from page.sent
            cursor = page.next
            if cursor is None:
                return


class PromptsResource(Resource):
    """Operations of `client.prompts`."""

    def list(self, *, before: str | None = None, limit: int | None = None) -> models.PromptList:
        """The tenant's prompts, newest first.

        Needs a key or a session of a tenant with the scope `flows:read`.
        """
        return self._get(
            models.PromptList, "/api/v1/prompts", query={"before": before, "limit": limit}
        )

    def iter(
        self, *, before: str | None = None, limit: int | None = None
    ) -> Iterator[models.Prompt]:
        """All that `list` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list(before=before, limit=limit)
            yield from page.prompts
            before = page.next
            if before is None:
                return

    def create(
        self, *, name: str, file: Upload, idempotency_key: str | None = None
    ) -> models.Prompt:
        """Upload a WAV file: PCM of 16 bit, mu-law or A-law; 8, 16, 22.05, 24, 44.1 or 48 kHz;
        mono or stereo; at most 10 MB and 10 minutes. It is kept as 8 kHz mono.

        Needs a key or a session of a tenant with the scope `flows:write`.
        """
        return self._post(
            models.Prompt,
            "/api/v1/prompts",
            form={"name": name, "file": file_of(file)},
            idempotency_key=idempotency_key,
        )

    def get(self, prompt_id: str) -> models.Prompt:
        """One of the tenant's prompts.

        Needs a key or a session of a tenant with the scope `flows:read`.
        """
        return self._get(models.Prompt, path_of("/api/v1/prompts/{}", prompt_id))

    def update(
        self, prompt: str | models.Prompt, *, name: str, etag: str | None = None
    ) -> models.Prompt:
        """Rename a prompt. Its audio never changes: upload another.

        Needs a key or a session of a tenant with the scope `flows:write`.
        """
        return self._patch(
            models.Prompt,
            path_of("/api/v1/prompts/{}", id_of(prompt)),
            body={"name": name},
            etag=etag_of(prompt, etag),
        )

    def delete(self, prompt_id: str) -> None:
        """Delete a prompt that no published flow plays.

        Needs a key or a session of a tenant with the scope `flows:write`.
        """
        self._delete(NoContent, path_of("/api/v1/prompts/{}", prompt_id))

    def download_audio(self, prompt_id: str, to: Sink) -> int:
        """The prompt as callers hear it.

        Needs a key or a session of a tenant with the scope `flows:read`.
        """
        return self._download(path_of("/api/v1/prompts/{}/audio", prompt_id), to)


class RatesResource(Resource):
    """Operations of `client.rates`."""

    def list_decks(self) -> models.DeckList:
        """The tenant's price lists, last made first.

        Needs a key or a session of a tenant with the scope `ledger:read`.
        """
        return self._get(models.DeckList, "/api/v1/rates/decks")

    def get_deck(self, deck_id: str) -> models.Deck:
        """One price list.

        Needs a key or a session of a tenant with the scope `ledger:read`.
        """
        return self._get(models.Deck, path_of("/api/v1/rates/decks/{}", deck_id))

    def list(
        self, deck_id: str, *, after: str | None = None, limit: int | None = None
    ) -> models.RateList:
        """The rates of a price list, by prefix and time.

        Needs a key or a session of a tenant with the scope `ledger:read`.
        """
        return self._get(
            models.RateList,
            path_of("/api/v1/rates/decks/{}/rates", deck_id),
            query={"after": after, "limit": limit},
        )

    def iter(
        self, deck_id: str, *, after: str | None = None, limit: int | None = None
    ) -> Iterator[models.Rate]:
        """All that `list` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list(deck_id, after=after, limit=limit)
            yield from page.rates
            after = page.next
            if after is None:
                return

    def quote(
        self,
        *,
        number: str,
        seconds: int | None = None,
        direction: Literal["inbound", "outbound"] | None = None,
        at: datetime | None = None,
    ) -> models.QuoteList:
        """What a call would cost by the price lists of now, and why. The number is not kept.

        Needs a key or a session of a tenant with the scope `ledger:read`.
        """
        return self._get(
            models.QuoteList,
            "/api/v1/rates/quote",
            query={"number": number, "seconds": seconds, "direction": direction, "at": at},
        )


class RecordingsResource(Resource):
    """Operations of `client.recordings`."""

    def list(
        self,
        *,
        call: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before: str | None = None,
        limit: int | None = None,
    ) -> models.RecordingList:
        """The tenant's recordings, newest first.

        Needs a key or a session of a tenant with the scope `recordings:read`.
        """
        return self._get(
            models.RecordingList,
            "/api/v1/recordings",
            query={"call": call, "since": since, "until": until, "before": before, "limit": limit},
        )

    def iter(
        self,
        *,
        call: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before: str | None = None,
        limit: int | None = None,
    ) -> Iterator[models.Recording]:
        """All that `list` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list(call=call, since=since, until=until, before=before, limit=limit)
            yield from page.recordings
            before = page.next
            if before is None:
                return

    def get(self, recording_id: str) -> models.Recording:
        """One recording and its tracks.

        Needs a key or a session of a tenant with the scope `recordings:read`.
        """
        return self._get(models.Recording, path_of("/api/v1/recordings/{}", recording_id))

    def delete(self, recording_id: str) -> models.Accepted:
        """Destroy a recording's keys and objects. Nobody opens it from this answer on.

        Needs a key or a session of a tenant with the scope `recordings:write`.
        """
        return self._delete(models.Accepted, path_of("/api/v1/recordings/{}", recording_id))

    def download_audio(
        self,
        recording_id: str,
        to: Sink,
        *,
        track: Literal["caller", "callee", "mixed"] | None = None,
        format: Literal["wav", "opus"] | None = None,
        purpose: str | None = None,
    ) -> int:
        """The sound of one speaker, or of both (caller left, callee right), opened for a
        purpose.

        ``Ringfence-Complete: false`` says that it was cut off. Range requests are not
        served.

        Needs a key or a session of a tenant with the scope `recordings:read`.
        """
        return self._download(
            path_of("/api/v1/recordings/{}/audio", recording_id),
            to,
            query={"track": track, "format": format},
            purpose=purpose,
        )

    def download_object(
        self, recording_id: str, track: Literal["caller", "callee"], to: Sink
    ) -> int:
        """A track as it is kept: sealed. A customer-held key opens it; nothing is opened here.

        Needs a key or a session of a tenant with the scope `recordings:read`.
        """
        return self._download(
            path_of("/api/v1/recordings/{}/tracks/{}/object", recording_id, track), to
        )

    def get_settings(self) -> models.RecordingSettings:
        """Whether and how calls are recorded.

        Needs a key or a session of a tenant with the scope `recordings:read`.
        """
        return self._get(models.RecordingSettings, "/api/v1/recording-settings")

    def put_settings(
        self,
        *,
        enabled: bool,
        gap: Literal["silence", "tone"] | UnsetType = UNSET,
        consent_override: Literal["always_announce"] | UnsetType | None = UNSET,
        prompt: str | UnsetType = UNSET,
        customer_key: str | UnsetType | None = UNSET,
        analysis_hours: int | UnsetType = UNSET,
        custody: Literal["platform", "customer"] | UnsetType | None = UNSET,
        unrecorded: str | UnsetType | None = UNSET,
    ) -> models.RecordingSettings:
        """Put new settings in force, from the next call on.

        Needs a key or a session of a tenant with the scope `recordings:write`.
        """
        return self._put(
            models.RecordingSettings,
            "/api/v1/recording-settings",
            body={
                "enabled": enabled,
                "gap": gap,
                "consent_override": consent_override,
                "prompt": prompt,
                "customer_key": customer_key,
                "analysis_hours": analysis_hours,
                "custody": custody,
                "unrecorded": unrecorded,
            },
        )


class SsoResource(Resource):
    """Operations of `client.sso`."""

    def get(self) -> models.Sso:
        """The identity provider that the tenant's people sign in with. Its secret is never
        shown.

        Needs a key or a session of a tenant with the scope `settings:read`.
        """
        return self._get(models.Sso, "/api/v1/tenant/sso")

    def confirm_domain(
        self,
        tenant_id: str,
        *,
        domain: str,
        verified: bool | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> models.Domain:
        """Vouch that a domain is a tenant's, as the operator knows by other means, or not any
        more.

        Needs a key or a session of the operator with the scope `tenants:write`.
        """
        return self._post(
            models.Domain,
            path_of("/api/v1/tenants/{}/sso/domains", tenant_id),
            body={"domain": domain, "verified": verified},
            idempotency_key=idempotency_key,
        )


class TargetsResource(Resource):
    """Operations of `client.targets`."""

    def list(self, *, before: str | None = None, limit: int | None = None) -> models.TargetList:
        """The tenant's targets, newest first.

        Needs a key or a session of a tenant with the scope `flows:read`.
        """
        return self._get(
            models.TargetList, "/api/v1/targets", query={"before": before, "limit": limit}
        )

    def iter(
        self, *, before: str | None = None, limit: int | None = None
    ) -> Iterator[models.Target]:
        """All that `list` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list(before=before, limit=limit)
            yield from page.targets
            before = page.next
            if before is None:
                return

    def create(
        self,
        *,
        name: str,
        kind: Literal["number", "sip", "device"],
        trunk: str | UnsetType | None = UNSET,
        number: str | UnsetType | None = UNSET,
        sip: str | UnsetType | None = UNSET,
        device: str | UnsetType | None = UNSET,
        enabled: bool | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> models.Target:
        """Name a destination, for flows to dial.

        Needs a key or a session of a tenant with the scope `flows:write`.
        """
        return self._post(
            models.Target,
            "/api/v1/targets",
            body={
                "name": name,
                "kind": kind,
                "trunk": trunk,
                "number": number,
                "sip": sip,
                "device": device,
                "enabled": enabled,
            },
            idempotency_key=idempotency_key,
        )

    def get(self, target_id: str) -> models.Target:
        """One of the tenant's targets.

        Needs a key or a session of a tenant with the scope `flows:read`.
        """
        return self._get(models.Target, path_of("/api/v1/targets/{}", target_id))

    def update(
        self,
        target: str | models.Target,
        *,
        name: str | UnsetType = UNSET,
        kind: Literal["number", "sip", "device"] | UnsetType | None = UNSET,
        trunk: str | UnsetType | None = UNSET,
        number: str | UnsetType | None = UNSET,
        sip: str | UnsetType | None = UNSET,
        device: str | UnsetType | None = UNSET,
        enabled: bool | UnsetType = UNSET,
        etag: str | None = None,
    ) -> models.Target:
        """Change a target, or pass over it; calls that start from now on get it so.

        Needs a key or a session of a tenant with the scope `flows:write`.
        """
        return self._patch(
            models.Target,
            path_of("/api/v1/targets/{}", id_of(target)),
            body={
                "name": name,
                "kind": kind,
                "trunk": trunk,
                "number": number,
                "sip": sip,
                "device": device,
                "enabled": enabled,
            },
            etag=etag_of(target, etag),
        )

    def delete(self, target_id: str) -> None:
        """Delete a target that no published flow dials.

        Needs a key or a session of a tenant with the scope `flows:write`.
        """
        self._delete(NoContent, path_of("/api/v1/targets/{}", target_id))


class TenantResource(Resource):
    """Operations of `client.tenant`."""

    def get(self) -> models.Tenant:
        """The caller's own tenant.

        Needs a key or a session of a tenant with the scope `tenant:read`.
        """
        return self._get(models.Tenant, "/api/v1/tenant")

    def get_settings(self) -> models.Settings:
        """What the tenant settled for itself.

        Needs a key or a session of a tenant with the scope `settings:read`.
        """
        return self._get(models.Settings, "/api/v1/tenant/settings")


class TenantsResource(Resource):
    """Operations of `client.tenants`."""

    def list_plans(self) -> models.PlanList:
        """The plans of the operator, by code.

        Needs a key or a session of the operator with the scope `plans:read`.
        """
        return self._get(models.PlanList, "/api/v1/plans")

    def create_plan(
        self, *, code: str, name: str, idempotency_key: str | None = None
    ) -> models.Plan:
        """Name a plan. Prices and limits of plans come with billing.

        Needs a key or a session of the operator with the scope `plans:write`.
        """
        return self._post(
            models.Plan,
            "/api/v1/plans",
            body={"code": code, "name": name},
            idempotency_key=idempotency_key,
        )

    def list(self, *, before: str | None = None, limit: int | None = None) -> models.TenantList:
        """The tenants of the installation, or those below a reseller, newest first.

        Needs a key or a session of the operator or of a reseller with the scope
        `tenants:read`.
        """
        return self._get(
            models.TenantList, "/api/v1/tenants", query={"before": before, "limit": limit}
        )

    def iter(
        self, *, before: str | None = None, limit: int | None = None
    ) -> Iterator[models.Tenant]:
        """All that `list` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list(before=before, limit=limit)
            yield from page.tenants
            before = page.next
            if before is None:
                return

    def create(
        self,
        *,
        name: str,
        kind: Literal["tenant", "reseller"] | UnsetType = UNSET,
        plan: str | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> models.Tenant:
        """Take on a business customer. It has no member and no API key yet: invite its owner.

        Needs a key or a session of the operator or of a reseller with the scope
        `tenants:write`.
        """
        return self._post(
            models.Tenant,
            "/api/v1/tenants",
            body={"name": name, "kind": kind, "plan": plan},
            idempotency_key=idempotency_key,
        )

    def get(self, tenant_id: str) -> models.Tenant:
        """One tenant of the installation, or below a reseller.

        Needs a key or a session of the operator or of a reseller with the scope
        `tenants:read`.
        """
        return self._get(models.Tenant, path_of("/api/v1/tenants/{}", tenant_id))

    def update(
        self,
        tenant: str | models.Tenant,
        *,
        name: str | UnsetType | None = UNSET,
        status: Literal["active", "suspended"] | UnsetType | None = UNSET,
        plan: str | UnsetType | None = UNSET,
        requests_per_minute: int | UnsetType | None = UNSET,
        etag: str | None = None,
    ) -> models.Tenant:
        """Rename, suspend or readmit a tenant, give it another plan or limit.

        Needs a key or a session of the operator or of a reseller with the scope
        `tenants:write`.
        """
        return self._patch(
            models.Tenant,
            path_of("/api/v1/tenants/{}", id_of(tenant)),
            body={
                "name": name,
                "status": status,
                "plan": plan,
                "requests_per_minute": requests_per_minute,
            },
            etag=etag_of(tenant, etag),
        )

    def close(self, tenant_id: str, *, idempotency_key: str | None = None) -> models.Tenant:
        """Close a tenant: nothing of it is served any more. Until ``ends_at`` it may come
        back.

        Needs a key or a session of the operator or of a reseller with the scope
        `tenants:write`.
        """
        return self._post(
            models.Tenant,
            path_of("/api/v1/tenants/{}/close", tenant_id),
            idempotency_key=idempotency_key,
        )

    def reactivate(self, tenant_id: str, *, idempotency_key: str | None = None) -> models.Tenant:
        """Take a closed tenant back.

        Needs a key or a session of the operator or of a reseller with the scope
        `tenants:write`.
        """
        return self._post(
            models.Tenant,
            path_of("/api/v1/tenants/{}/reactivate", tenant_id),
            idempotency_key=idempotency_key,
        )

    def create_key(
        self,
        tenant_id: str,
        *,
        name: str,
        scopes: Sequence[str],
        purposes: Sequence[str] | UnsetType = UNSET,
        expires_at: datetime | UnsetType | None = UNSET,
        allowed_networks: Sequence[str] | UnsetType = UNSET,
        requests_per_minute: int | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> models.NewApiKey:
        """Make a key of a tenant, such as its first: for programs of the operator that
        provision, never for its staff. The secret is in this answer and never shown again.

        Needs a key or a session of the operator with the scope `tenants:provision`.
        """
        return self._post(
            models.NewApiKey,
            path_of("/api/v1/tenants/{}/keys", tenant_id),
            body={
                "name": name,
                "scopes": scopes,
                "purposes": purposes,
                "expires_at": expires_at,
                "allowed_networks": allowed_networks,
                "requests_per_minute": requests_per_minute,
            },
            idempotency_key=idempotency_key,
        )

    def get_wallet(self, tenant_id: str, currency: str) -> models.Wallet:
        """A tenant's wallet; empty and without limits where nobody made one yet.

        Needs a key or a session of the operator with the scope `ledger:read`.
        """
        return self._get(
            models.Wallet, path_of("/api/v1/tenants/{}/wallets/{}", tenant_id, currency)
        )

    def update_wallet(
        self,
        tenant_id: str,
        currency: str,
        *,
        credit_limit_micros: int | UnsetType | None = UNSET,
        low_balance_micros: int | UnsetType | None = UNSET,
        etag: str,
    ) -> models.Wallet:
        """Set how far below zero calls may start, and below which balance the tenant is told.

        Needs a key or a session of the operator with the scope `ledger:write`.
        """
        return self._patch(
            models.Wallet,
            path_of("/api/v1/tenants/{}/wallets/{}", tenant_id, currency),
            body={
                "credit_limit_micros": credit_limit_micros,
                "low_balance_micros": low_balance_micros,
            },
            etag=etag,
        )

    def top_up(
        self,
        tenant_id: str,
        *,
        amount_micros: int,
        currency: str,
        reference: str,
        idempotency_key: str | None = None,
    ) -> models.Entry:
        """Add a payment to a tenant's wallet, which is made when missing. The same reference
        again with the same amount returns the first entry.

        Needs a key or a session of the operator with the scope `ledger:write`.
        """
        return self._post(
            models.Entry,
            path_of("/api/v1/tenants/{}/wallet/top-ups", tenant_id),
            body={"amount_micros": amount_micros, "currency": currency, "reference": reference},
            idempotency_key=idempotency_key,
        )

    def create_deck(
        self,
        tenant_id: str,
        *,
        name: str,
        kind: Literal["sell", "buy"],
        currency: str,
        direction: Literal["inbound", "outbound"] | UnsetType = UNSET,
        csv: str | UnsetType | None = UNSET,
        rates: Sequence[models.RateIn] | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> models.Deck:
        """Import a price list of a tenant, whole or not at all; it never changes after that.

        Needs a key or a session of the operator with the scope `ledger:write`.
        """
        return self._post(
            models.Deck,
            path_of("/api/v1/tenants/{}/rates/decks", tenant_id),
            body={
                "name": name,
                "kind": kind,
                "currency": currency,
                "direction": direction,
                "csv": csv,
                "rates": rates,
            },
            idempotency_key=idempotency_key,
        )

    def invite_owner(
        self, tenant_id: str, *, email: str, idempotency_key: str | None = None
    ) -> models.Invitation:
        """Invite the first owner of a tenant that has none.

        Needs a key or a session of the operator or of a reseller with the scope
        `tenants:write`.
        """
        return self._post(
            models.Invitation,
            path_of("/api/v1/tenants/{}/owner", tenant_id),
            body={"email": email},
            idempotency_key=idempotency_key,
        )

    def create_trunk(
        self,
        tenant_id: str,
        *,
        name: str,
        username: str | UnsetType | None = UNSET,
        password: str | UnsetType | None = UNSET,
        peer_host: str | UnsetType | None = UNSET,
        peer_port: int | UnsetType = UNSET,
        peer_transport: Literal["udp", "tcp"] | UnsetType = UNSET,
        auth_username: str | UnsetType | None = UNSET,
        auth_password: str | UnsetType | None = UNSET,
        format: models.NumberFormatIn | UnsetType = UNSET,
        max_calls_per_second: int | UnsetType | None = UNSET,
        max_channels: int | UnsetType | None = UNSET,
        sources: Sequence[str] | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> models.Trunk:
        """Connect a carrier or a PBX of a tenant, which may be recognised by where it calls
        from.

        Needs a key or a session of the operator with the scope `trunks:write`.
        """
        return self._post(
            models.Trunk,
            path_of("/api/v1/tenants/{}/trunks", tenant_id),
            body={
                "name": name,
                "username": username,
                "password": password,
                "peer_host": peer_host,
                "peer_port": peer_port,
                "peer_transport": peer_transport,
                "auth_username": auth_username,
                "auth_password": auth_password,
                "format": format,
                "max_calls_per_second": max_calls_per_second,
                "max_channels": max_channels,
                "sources": sources,
            },
            idempotency_key=idempotency_key,
        )

    def set_trunk_sources(
        self, tenant_id: str, trunk_id: str, *, sources: Sequence[str]
    ) -> models.Trunk:
        """Say from where a tenant's trunk calls: whoever calls from there is that trunk.

        Needs a key or a session of the operator with the scope `trunks:write`.
        """
        return self._put(
            models.Trunk,
            path_of("/api/v1/tenants/{}/trunks/{}/sources", tenant_id, trunk_id),
            body={"sources": sources},
        )


class TrunksResource(Resource):
    """Operations of `client.trunks`."""

    def list(self) -> models.TrunkList:
        """The tenant's trunks, oldest first.

        Needs a key or a session of a tenant with the scope `trunks:read`.
        """
        return self._get(models.TrunkList, "/api/v1/trunks")

    def create(
        self,
        *,
        name: str,
        username: str | UnsetType | None = UNSET,
        password: str | UnsetType | None = UNSET,
        peer_host: str | UnsetType | None = UNSET,
        peer_port: int | UnsetType = UNSET,
        peer_transport: Literal["udp", "tcp"] | UnsetType = UNSET,
        auth_username: str | UnsetType | None = UNSET,
        auth_password: str | UnsetType | None = UNSET,
        format: models.NumberFormatIn | UnsetType = UNSET,
        max_calls_per_second: int | UnsetType | None = UNSET,
        max_channels: int | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> models.Trunk:
        """Connect a carrier or a PBX. Calls may use it within 2 seconds. Whoever calls over it
        authenticates by user name, unless the operator names the networks that it calls
        from.

        Needs a key or a session of a tenant with the scope `trunks:write`.
        """
        return self._post(
            models.Trunk,
            "/api/v1/trunks",
            body={
                "name": name,
                "username": username,
                "password": password,
                "peer_host": peer_host,
                "peer_port": peer_port,
                "peer_transport": peer_transport,
                "auth_username": auth_username,
                "auth_password": auth_password,
                "format": format,
                "max_calls_per_second": max_calls_per_second,
                "max_channels": max_channels,
            },
            idempotency_key=idempotency_key,
        )

    def get(self, trunk_id: str) -> models.Trunk:
        """One of the tenant's trunks.

        Needs a key or a session of a tenant with the scope `trunks:read`.
        """
        return self._get(models.Trunk, path_of("/api/v1/trunks/{}", trunk_id))

    def update(
        self,
        trunk: str | models.Trunk,
        *,
        username: str | UnsetType | None = UNSET,
        password: str | UnsetType | None = UNSET,
        peer_host: str | UnsetType | None = UNSET,
        peer_port: int | UnsetType = UNSET,
        peer_transport: Literal["udp", "tcp"] | UnsetType = UNSET,
        auth_username: str | UnsetType | None = UNSET,
        auth_password: str | UnsetType | None = UNSET,
        format: models.NumberFormatIn | UnsetType = UNSET,
        max_calls_per_second: int | UnsetType | None = UNSET,
        max_channels: int | UnsetType | None = UNSET,
        name: str | UnsetType = UNSET,
        etag: str | None = None,
    ) -> models.Trunk:
        """Change a trunk. Calls follow within 2 seconds; those in progress go on.

        Needs a key or a session of a tenant with the scope `trunks:write`.
        """
        return self._patch(
            models.Trunk,
            path_of("/api/v1/trunks/{}", id_of(trunk)),
            body={
                "username": username,
                "password": password,
                "peer_host": peer_host,
                "peer_port": peer_port,
                "peer_transport": peer_transport,
                "auth_username": auth_username,
                "auth_password": auth_password,
                "format": format,
                "max_calls_per_second": max_calls_per_second,
                "max_channels": max_channels,
                "name": name,
            },
            etag=etag_of(trunk, etag),
        )

    def delete(self, trunk_id: str) -> None:
        """Disconnect a trunk that no number, target or flow uses. Calls in progress go on.

        Needs a key or a session of a tenant with the scope `trunks:write`.
        """
        self._delete(NoContent, path_of("/api/v1/trunks/{}", trunk_id))


class WalletResource(Resource):
    """Operations of `client.wallet`."""

    def get(self) -> models.WalletList:
        """The tenant's wallets, one for each currency.

        Needs a key or a session of a tenant with the scope `ledger:read`.
        """
        return self._get(models.WalletList, "/api/v1/wallet")


class WebhooksResource(Resource):
    """Operations of `client.webhooks`."""

    def list(self) -> models.WebhookList:
        """The tenant's webhooks, oldest first, without their secrets.

        Needs a key or a session of a tenant with the scope `webhooks:read`.
        """
        return self._get(models.WebhookList, "/api/v1/webhooks")

    def create(
        self,
        *,
        url: str,
        events: Sequence[str],
        description: str | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> models.WebhookWithSecret:
        """Be told of events from now on. The secret that signs messages is shown here only.

        Needs a key or a session of a tenant with the scope `webhooks:write`.
        """
        return self._post(
            models.WebhookWithSecret,
            "/api/v1/webhooks",
            body={"url": url, "events": events, "description": description},
            idempotency_key=idempotency_key,
        )

    def get(self, webhook_id: str) -> models.Webhook:
        """One webhook, without its secret.

        Needs a key or a session of a tenant with the scope `webhooks:read`.
        """
        return self._get(models.Webhook, path_of("/api/v1/webhooks/{}", webhook_id))

    def update(
        self,
        webhook: str | models.Webhook,
        *,
        url: str | UnsetType | None = UNSET,
        events: Sequence[str] | UnsetType | None = UNSET,
        description: str | UnsetType | None = UNSET,
        enabled: bool | UnsetType | None = UNSET,
        etag: str | None = None,
    ) -> models.Webhook:
        """Change a webhook. What waits for one that is disabled is dead at once; it can be
        replayed.

        Needs a key or a session of a tenant with the scope `webhooks:write`.
        """
        return self._patch(
            models.Webhook,
            path_of("/api/v1/webhooks/{}", id_of(webhook)),
            body={"url": url, "events": events, "description": description, "enabled": enabled},
            etag=etag_of(webhook, etag),
        )

    def delete(self, webhook_id: str) -> None:
        """Delete a webhook and all its deliveries.

        Needs a key or a session of a tenant with the scope `webhooks:write`.
        """
        self._delete(NoContent, path_of("/api/v1/webhooks/{}", webhook_id))

    def rotate_secret(
        self, webhook_id: str, *, idempotency_key: str | None = None
    ) -> models.WebhookWithSecret:
        """A new secret, shown here only. For 24 hours messages carry signatures by both.

        Needs a key or a session of a tenant with the scope `webhooks:write`.
        """
        return self._post(
            models.WebhookWithSecret,
            path_of("/api/v1/webhooks/{}/rotate", webhook_id),
            idempotency_key=idempotency_key,
        )

    def test(self, webhook_id: str, *, idempotency_key: str | None = None) -> models.Delivery:
        """Send a message of the type ``webhook.test``.

        Needs a key or a session of a tenant with the scope `webhooks:write`.
        """
        return self._post(
            models.Delivery,
            path_of("/api/v1/webhooks/{}/test", webhook_id),
            idempotency_key=idempotency_key,
        )

    def replay(
        self, webhook_id: str, *, since: datetime, idempotency_key: str | None = None
    ) -> models.Replay:
        """Try all dead deliveries again that were created since a time.

        Needs a key or a session of a tenant with the scope `webhooks:write`.
        """
        return self._post(
            models.Replay,
            path_of("/api/v1/webhooks/{}/replay", webhook_id),
            body={"since": since},
            idempotency_key=idempotency_key,
        )

    def list_deliveries(
        self,
        webhook_id: str,
        *,
        state: Literal["pending", "delivered", "dead"] | None = None,
        before: str | None = None,
        limit: int | None = None,
    ) -> models.DeliveryList:
        """What was and is to be sent to a webhook, newest first.

        Needs a key or a session of a tenant with the scope `webhooks:read`.
        """
        return self._get(
            models.DeliveryList,
            path_of("/api/v1/webhooks/{}/deliveries", webhook_id),
            query={"state": state, "before": before, "limit": limit},
        )

    def iter_deliveries(
        self,
        webhook_id: str,
        *,
        state: Literal["pending", "delivered", "dead"] | None = None,
        before: str | None = None,
        limit: int | None = None,
    ) -> Iterator[models.Delivery]:
        """All that `list_deliveries` finds, page after page of `limit` as it is consumed."""
        while True:
            page = self.list_deliveries(webhook_id, state=state, before=before, limit=limit)
            yield from page.deliveries
            before = page.next
            if before is None:
                return

    def get_delivery(self, delivery_id: str) -> models.Delivery:
        """One delivery with its attempts.

        Needs a key or a session of a tenant with the scope `webhooks:read`.
        """
        return self._get(models.Delivery, path_of("/api/v1/deliveries/{}", delivery_id))

    def replay_delivery(
        self, delivery_id: str, *, idempotency_key: str | None = None
    ) -> models.Delivery:
        """Try a delivery again, whatever became of it; its ``webhook-id`` stays the same.

        Needs a key or a session of a tenant with the scope `webhooks:write`.
        """
        return self._post(
            models.Delivery,
            path_of("/api/v1/deliveries/{}/replay", delivery_id),
            idempotency_key=idempotency_key,
        )


class Operations:
    """All resources of the API."""

    def __init__(self, transport: Transport) -> None:
        self.audit = AuditResource(transport)
        self.calls = CallsResource(transport)
        self.consents = ConsentsResource(transport)
        self.cpni = CpniResource(transport)
        self.devices = DevicesResource(transport)
        self.events = EventsResource(transport)
        self.flows = FlowsResource(transport)
        self.health = HealthResource(transport)
        self.keys = KeysResource(transport)
        self.ledger = LedgerResource(transport)
        self.live = LiveResource(transport)
        self.members = MembersResource(transport)
        self.numbers = NumbersResource(transport)
        self.policy = PolicyResource(transport)
        self.privacy = PrivacyResource(transport)
        self.processors = ProcessorsResource(transport)
        self.prompts = PromptsResource(transport)
        self.rates = RatesResource(transport)
        self.recordings = RecordingsResource(transport)
        self.sso = SsoResource(transport)
        self.targets = TargetsResource(transport)
        self.tenant = TenantResource(transport)
        self.tenants = TenantsResource(transport)
        self.trunks = TrunksResource(transport)
        self.wallet = WalletResource(transport)
        self.webhooks = WebhooksResource(transport)
