"""Roles and their permissions, read from ``roles.md`` beside this file: the file is the rule."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources

API_KEY = "api-key"
"""The column of API keys and OAuth clients."""


class Cell(StrEnum):
    """What a role may do with a permission."""

    NEVER = "."
    ALLOWED = "x"
    STEP_UP = "s"
    """Allowed soon after a fresh authentication."""
    GRANTED = "g"
    """Allowed to the operator's staff in a tenant, under an access grant."""
    BY_NAME = "n"
    """Of an API key: allowed when the permission was named."""
    OPERATOR = "o"
    """Of an API key: allowed to the operator's own."""


class MatrixError(ValueError):
    """The file does not define what it must."""


@dataclass(frozen=True, slots=True)
class RoleInfo:
    """What a role is, without its permissions."""

    name: str
    realm: str
    """``tenant`` or ``operator``: whose people have it."""
    mfa_required: bool
    purposes: tuple[str, ...]
    """What personal data may be opened for, the usual one first."""
    visible: bool
    description: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """The tables of the file."""

    cells: Mapping[tuple[str, str], Cell]
    """By permission and role, ``api-key`` among the roles."""
    roles: Mapping[str, RoleInfo]
    permissions: tuple[str, ...]

    def of(self, role: str, *kinds: Cell) -> frozenset[str]:
        """The permissions whose cell in the role's column is one of ``kinds``."""
        return frozenset(p for p in self.permissions if self.cells[p, role] in kinds)


def parse(text: str) -> Matrix:
    """The matrix that a file defines. Raises MatrixError."""
    tables = list(_tables(text))
    if len(tables) != 2 or any(len(table) < 2 for table in tables):
        raise MatrixError("there are two tables: permissions and roles")
    (head, *rows), (names, *described) = tables
    roles = {info.name: info for info in (_role(names, row) for row in described)}
    if set(head[1:]) != {*roles, API_KEY}:
        raise MatrixError("the columns of the permissions are the roles and api-key")
    cells: dict[tuple[str, str], Cell] = {}
    for permission, *marks in rows:
        for role, mark in zip(head[1:], marks, strict=True):
            cell = _cell(mark)
            if not _fits(cell, roles.get(role)):
                raise MatrixError(f"{permission}, {role}: {mark} means nothing there")
            if cells.setdefault((permission, role), cell) is not cell:
                raise MatrixError(f"{permission} stands twice")
    if len(cells) != len(rows) * (len(head) - 1):
        raise MatrixError("a permission stands twice")
    return Matrix(cells, roles, tuple(permission for permission, *_ in rows))


@functools.cache
def matrix() -> Matrix:
    """The matrix in force."""
    return parse(resources.files("ringfence.policies").joinpath("roles.md").read_text("utf-8"))


def _tables(text: str) -> Iterator[list[list[str]]]:
    rows: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if rows and len(cells) != len(rows[0]):
                raise MatrixError(f"this row has not as many cells as its head: {line}")
            if set(line) - set("|-"):
                rows.append(cells)
        elif rows:
            yield rows
            rows = []


def _cell(mark: str) -> Cell:
    try:
        return Cell(mark)
    except ValueError:
        raise MatrixError(f"no such mark: {mark}") from None


def _fits(cell: Cell, role: RoleInfo | None) -> bool:
    if role is None:
        return cell in (Cell.ALLOWED, Cell.BY_NAME, Cell.OPERATOR, Cell.NEVER)
    return cell not in (Cell.BY_NAME, Cell.OPERATOR) and (
        cell is not Cell.GRANTED or role.realm == "operator"
    )


def _role(names: list[str], row: list[str]) -> RoleInfo:
    given = dict(zip(names, row, strict=True))
    try:
        realm, mfa, visible = given["realm"], given["mfa"], given["visible"]
        info = RoleInfo(
            name=given["role"],
            realm=realm,
            mfa_required=mfa == "required",
            purposes=tuple(given["purposes"].split()),
            visible=visible == "yes",
            description=given["for"],
        )
    except KeyError as error:
        raise MatrixError(f"the roles need a column {error}") from None
    if realm not in ("tenant", "operator") or mfa not in ("required", "optional"):
        raise MatrixError(f"{info.name}: realm is tenant or operator, mfa required or optional")
    return info
