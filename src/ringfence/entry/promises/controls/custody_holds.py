"""What a customer alone may open is sealed for the customer's key, and for no other reader."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from ringfence.entry.demo.own_key import read_wraps
from ringfence.entry.demo.rest import ApiRefused
from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.site import Site

_CLAUSES = ("CCA-05.0-03",)
_RSA, _LEAST_RSA_BYTES = 2, 384
_HEAD = 64 << 10
"""Bytes: more than the wraps of any object."""
_OWED = """
    SELECT r.id, r.tenant_id, r.day, r.custody, r.customer_keys
    FROM recordings_recording r JOIN accounts_tenant t ON t.id = r.tenant_id
    LEFT JOIN calls_call c ON c.id = r.call_id
    WHERE r.state <> 'deleted' AND (r.custody = 'customer' OR NOT EXISTS (
        SELECT 1 FROM (VALUES (coalesce(c.started_at, r.started_at)), (r.started_at)) m (at)
        WHERE (
            SELECT v.values #>> '{recordings,key_custody}' FROM policy_version v
            WHERE v.effective_at <= m.at AND NOT EXISTS (
                SELECT 1 FROM policy_version w WHERE w.number <= v.number AND w.needs_consent
                AND w.effective_at > t.created_at AND NOT EXISTS (
                    SELECT 1 FROM policy_acceptance a WHERE a.tenant_id = t.id
                    AND a.accepted_at <= m.at AND a.number BETWEEN w.number AND v.number))
            ORDER BY v.number DESC LIMIT 1
        ) IS DISTINCT FROM 'customer'))
    ORDER BY r.id
"""
"""Recordings that their tenant had sealed so, and those made while a version of the policy bound it
that has it so: when the call began, and still when the recording did."""
_TRACKS = "SELECT recording_id, id FROM recordings_track WHERE recording_id = ANY(%s)"
_VERSION = """
    WITH made AS (
        INSERT INTO policy_version (number, profile, profile_hash, values, clauses, changes,
            notice_days, needs_consent, published_at, effective_at, published_by, build, report,
            html, digest)
        SELECT coalesce(max(number), 0) + 1, 'strict', '',
            '{"recordings": {"key_custody": "customer"}}', '[]', '[]', 0, false, '2000-01-01',
            '2000-01-01', 'examination', '', 0, '', '' FROM policy_version
        RETURNING number
    )
    INSERT INTO policy_acceptance (id, tenant_id, number, digest, accepted_at, actor)
    SELECT gen_random_uuid(), %s, number, '', '2000-01-01', 'examination' FROM made
"""


class _Owed(NamedTuple):
    id: UUID
    tenant: UUID
    day: int
    custody: str
    keys: list[str]


def _owed(site: Site) -> list[_Owed]:
    return [_Owed(*row) for row in site.database.execute(_OWED).fetchall()]


def _check(site: Site) -> list[Finding]:
    owed = {one.id: one for one in _owed(site)}
    found = [
        Finding("keys_of_the_platform", _name(one.id))
        for one in owed.values()
        if one.custody != "customer" or not one.keys
    ]
    for recording, track in site.database.execute(_TRACKS, [list(owed)]).fetchall():
        one = owed[recording]
        for folder, path in _places(site, one, track):
            if problem := _problem(path, one.keys):
                found.append(Finding(problem, str(path.relative_to(folder))))
    return [*found, *_of_canary(site)]


def _places(site: Site, one: _Owed, track: UUID) -> list[tuple[Path, Path]]:
    """Wherever a track may lie, and the folder above."""
    day = date(1970, 1, 1) + timedelta(days=one.day)
    tracks = site.settings.track_dir
    return [
        (site.objects, site.objects / one.tenant.hex / f"tracks/{day:%Y/%m/%d}" / track.hex),
        (tracks, tracks / one.tenant.hex / track.hex),
    ]


def _problem(path: Path, keys: list[str]) -> str:
    """Why somebody else than the customer could open it; empty when nobody can."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        return ""
    wraps, _ = read_wraps(head)
    if not wraps:
        return "not_sealed"
    if any(kind != _RSA for kind, _, _ in wraps):
        return "wrapped_for_the_platform"
    if any(len(wrapped) < _LEAST_RSA_BYTES for _, _, wrapped in wraps):
        return "weak_key"
    return "" if {id_.hex() for _, id_, _ in wraps} <= set(keys) else "wrapped_for_a_stranger"


def _of_canary(site: Site) -> Iterator[Finding]:
    """Its own key opens every track, no other does, and the platform plays none."""
    canary = site.canary
    if canary.key is None:
        return
    for role, track in canary.tracks.items():
        place = f"/recordings/{canary.recording}"
        try:
            canary.api.read(f"{place}/audio?track={role}")
        except ApiRefused as refused:
            if refused.details.get("code") != "customer_held":
                yield Finding("refused_otherwise", f"track {track}", refused.message)
        else:
            yield Finding("played_without_the_key", f"track {track}")
        (path,) = site.objects.glob(f"{canary.tenant.hex}/tracks/*/*/*/{track.hex}")
        if canary.key.opened(path.read_bytes()) is None:
            yield Finding("does_not_open", f"track {track}")


def _name(recording: UUID) -> str:
    return f"recordings_recording {recording}"


def _recording(site: Site) -> UUID:
    return UUID(site.canary.recording[2:])


@contextlib.contextmanager
def _bound(site: Site) -> Iterator[None]:
    """As if a policy had always bound the canary that leaves the keys to the customer."""
    with site.planted("a version", _VERSION, site.canary.tenant):
        yield


@contextlib.contextmanager
def _row(site: Site) -> Iterator[str]:
    """The canary's recording is as those are that the platform opens."""
    with (
        _bound(site),
        site.planted(
            _name(_recording(site)),
            "UPDATE recordings_recording SET custody = 'platform' WHERE id = %s",
            _recording(site),
        ) as subject,
    ):
        yield subject


@contextlib.contextmanager
def _without_key(site: Site) -> Iterator[str]:
    with (
        _bound(site),
        site.planted(
            _name(_recording(site)),
            "UPDATE recordings_recording SET customer_keys = '[]' WHERE id = %s",
            _recording(site),
        ) as subject,
    ):
        yield subject


def _place(site: Site, *, spooled: bool) -> tuple[Path, Path, Path]:
    """Of the canary's track: the object, where the copy is planted, and the folder above that."""
    track = site.canary.tracks["caller"].hex
    (path,) = site.objects.glob(f"{site.canary.tenant.hex}/tracks/*/*/*/{track}")
    if not spooled:
        return path, path, site.objects
    folder = site.settings.track_dir
    return path, folder / site.canary.tenant.hex / track, folder


def _file(
    change: Callable[[bytes], bytes], *, spooled: bool = False
) -> Callable[[Site], AbstractContextManager[str]]:
    """The canary's track, changed, where tracks are kept or where they are first written."""

    @contextlib.contextmanager
    def plant(site: Site) -> Iterator[str]:
        real, path, folder = _place(site, spooled=spooled)
        content = change(real.read_bytes())
        subject = str(path.relative_to(folder))
        with _bound(site), site.planted_file(path, content, subject):
            yield subject

    return plant


def _with_a_wrap(sealed: bytes, kind: int, id_: bytes, wrapped: bytes) -> bytes:
    """One reader more."""
    wrap = bytes((kind,)) + id_ + len(wrapped).to_bytes(2, "big") + wrapped
    return sealed[:1] + bytes((sealed[1] + 1,)) + wrap + sealed[2:]


def _for_the_platform(sealed: bytes) -> bytes:
    return _with_a_wrap(sealed, 1, bytes(32), b"\x01" + secrets.token_bytes(60))


def _for_a_stranger(sealed: bytes) -> bytes:
    return _with_a_wrap(sealed, 2, secrets.token_bytes(32), secrets.token_bytes(384))


CUSTODY_HOLDS = Control(
    name="custody-holds",
    says="What is recorded while a policy binds that leaves the keys to the customer is sealed for"
    " the customer's key before its first byte, and nothing of the platform opens it: not where it"
    " is written first, not where it is kept, not by the API.",
    limits="Whose private key belongs to a registered public key is seen of the canary alone. What"
    " the call plane hears while the call lives, it hears. Objects in a local folder alone.",
    population=lambda site: len(_owed(site)),
    check=_check,
    violations=(
        Violation("platform-held-though-bound", _CLAUSES, _row),
        Violation("recorded-without-a-key", _CLAUSES, _without_key),
        Violation("second-wrap-for-the-platform", _CLAUSES, _file(_for_the_platform)),
        Violation("wrap-for-a-stranger", _CLAUSES, _file(_for_a_stranger)),
        Violation("copy-left-on-the-spool", _CLAUSES, _file(_for_the_platform, spooled=True)),
    ),
)
