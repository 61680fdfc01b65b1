"""A verified request for a copy: everything of the person in one sealed package."""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from django.conf import settings

from ringfence.domains.privacy.contracts import RightsInfo, RightsRequestNotFound
from ringfence.domains.privacy.models import RightsRequest
from ringfence.domains.privacy.package_items import object_key, object_store, place
from ringfence.domains.privacy.package_parts import parts_of_person
from ringfence.domains.privacy.rights_queries import rights_info
from ringfence.domains.privacy.rights_vocabulary import RightsKind, RightsState
from ringfence.domains.privacy.rules import package, rights
from ringfence.domains.privacy.usecases.collect_values import Table, collect_values
from ringfence.domains.privacy.usecases.complete_rights import complete
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform.keys.client import given
from ringfence.platform.keys.errors import KeyDestroyed, KeyUnknown
from ringfence.platform.keys.messages import SEAL
from ringfence.platform.keys.names import LeafRef, day_number
from ringfence.platform.keys.objects import Leaf, Sealer
from ringfence.platform.keys.persons import NewItem
from ringfence.platform_django.clock import clock, new_id
from ringfence.platform_django.keys import keys
from ringfence.platform_django.tenancy import OPERATOR, across_tenants
from ringfence.platform_django.use import using

PURPOSE = "rights"
_ACTOR = "job:rights"


def build_package(request_id: UUID) -> RightsInfo:
    """Make the package of a request, as far as it is not made; it is ``done`` then.

    Repeatable: a job that is killed leaves nothing in clear, and begins again. Raises
    RightsRequestNotFound, Unavailable, StorageUnavailable, django.db.Error.
    """
    row = RightsRequest.objects.using(OPERATOR).filter(id=request_id).first()
    if row is None or not rights.is_copy(RightsKind(row.kind)):
        raise RightsRequestNotFound("no such request")
    if row.state not in (RightsState.VERIFIED, RightsState.RUNNING):
        return rights_info(row)
    _begin(row, row.package_id)
    with using(PURPOSE, _ACTOR):
        try:
            leaf = _leaf(row)
        except KeyDestroyed:  # with the person, while an earlier run was at it
            _begin(row, new_id())
            leaf = _leaf(row)
        result = _build(row, leaf)
    return complete(row.id, result, package_bytes=result["bytes"])


def _begin(row: RightsRequest, package_id: UUID) -> None:
    """What is made is noted before, so that an erasure meanwhile knows of it."""
    row.state, row.package_day = RightsState.RUNNING, day_number(clock().now())
    row.package_id = package_id
    with across_tenants("rights") as db:
        rows = RightsRequest.objects.using(db).filter(
            id=row.id, state__in=(RightsState.VERIFIED, RightsState.RUNNING)
        )
        rows.update(state=row.state, package_day=row.package_day, package_id=row.package_id)


def _build(row: RightsRequest, leaf: Leaf) -> dict[str, Any]:
    """Sealed on its way: the file beside the store never holds a byte in clear."""
    with tempfile.TemporaryDirectory(dir=settings.RINGFENCE.data_dir, prefix="package-") as folder:
        path = Path(folder) / "sealed"
        with path.open("wb") as file:
            sink = _Sink(file, Sealer(leaf))
            result = _write(row, sink)
            sink.finish()
        object_store().put_file(object_key(row.tenant_id, row.package_id), path)
    return result | {"bytes": sink.length, "sha256": sink.digest.hexdigest()}


def _leaf(row: RightsRequest) -> Leaf:
    assert row.package_day is not None
    where = place(row, row.package_day)
    assert where.bucket is not None
    item, ref = row.package_id, LeafRef(where.bucket, items=(row.package_id,))
    keys().resolve(row.tenant_id, (), [NewItem(item, (), where.bucket)])
    named = [public_id(Prefix.RIGHTS_REQUEST, row.id)]
    leaves = keys().leaves(row.tenant_id, SEAL, [ref], actor=_ACTOR, objects=named)
    return Leaf(given(leaves[ref]), where)


class _Sink:
    """A file for ``zipfile`` that cannot be sought in: what is written leaves it sealed."""

    def __init__(self, file: BinaryIO, sealer: Sealer) -> None:
        self.length = 0
        self.digest = hashlib.sha256()
        self._file, self._sealer = file, sealer
        file.write(sealer.header)

    def write(self, data: bytes) -> int:
        self.length += len(data)
        self.digest.update(data)
        self._file.write(self._sealer.update(data))
        return len(data)

    def flush(self) -> None:
        """What is not a whole chunk yet stays."""

    def finish(self) -> None:
        self._file.write(self._sealer.finish())


def _write(row: RightsRequest, sink: _Sink) -> dict[str, Any]:
    """The package; what its receipt says of it."""
    known, erased = _known_as(row)
    assert row.person_id is not None
    tables = [] if erased else collect_values(row.tenant_id, row.person_id)
    files: list[dict[str, Any]] = []
    # Of a file that it cannot seek in, zipfile wants write() and flush() alone; its stub, more.
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        for part in () if erased else parts_of_person(row.tenant_id, row.person_id):
            if part.body is not None:
                _add(archive, part.name, part.body)
            files.append(
                {
                    "file": None if part.body is None else part.name,
                    "about": dict(part.about),
                    "error": part.error,
                }
            )
        data = _data(row, known, tables, files)
        archive.writestr("data.json", package.json_text(data))
        for table in data["tables"]:
            text = package.csv_text(table["fields"], table["rows"])
            archive.writestr(f"csv/{table['table']}.csv", text)
        archive.writestr("index.html", package.page_text(data))
    held = [one for table in tables for one in table.rows]
    return {
        "held": not erased,
        "erased": erased,
        "rows": {table.name: len(table.rows) for table in tables if table.rows},
        "values": sum(len(one.values) for one in held),
        "unreadable": sum(len(one.unreadable) for one in held),
        "files": sum(one["file"] is not None for one in files),
        "files_missing": sum(one["file"] is None for one in files),
    }


def _data(
    row: RightsRequest, known: str | None, tables: list[Table], files: list[dict[str, Any]]
) -> dict[str, Any]:
    assert row.person_id is not None
    return {
        "form": package.FORM,
        "request": public_id(Prefix.RIGHTS_REQUEST, row.id),
        "kind": row.kind,
        "person": public_id(Prefix.PERSON, row.person_id),
        "known_as": known,
        "made_at": clock().now().isoformat(),
        "tables": [
            {
                "table": table.name,
                "fields": table.fields,
                "rows": [_named(asdict(one)) for one in table.rows],
            }
            for table in tables
        ],
        "files": files,
    }


def _named(row: dict[str, Any]) -> dict[str, Any]:
    return {"row": row.pop("key")} | row


def _known_as(row: RightsRequest) -> tuple[str | None, bool]:
    """What the person is known by, and whether they were erased: nobody can then be shown to be
    meant by what stays of them."""
    assert row.person_id is not None
    try:
        found = keys().person_identifier(row.tenant_id, row.person_id, PURPOSE, actor=_ACTOR)
    except (KeyDestroyed, KeyUnknown):
        return None, True
    return (found.text or None) if found is not None else None, False


def _add(archive: zipfile.ZipFile, name: str, body: Iterator[bytes]) -> None:
    with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as file:
        for piece in body:
            file.write(piece)
