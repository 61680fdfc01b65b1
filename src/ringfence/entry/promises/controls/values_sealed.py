"""Numbers and names of persons stand nowhere in the database where they can be read."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import AbstractContextManager

from psycopg import sql

from ringfence.entry.promises.control import Control, Finding, Violation
from ringfence.entry.promises.site import Site

_CLAUSES = ("CCA-05.0-01", "CMX-06.0-03")
_COLUMNS = """
    SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum),
           bool_or(a.attname = 'id'), bool_or(a.attname = 'tenant_id')
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
    GROUP BY c.relname ORDER BY c.relname
"""
_SEALED = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND column_name LIKE '%%\\_sealed' AND data_type = 'bytea'
    ORDER BY 1, 2
"""


def _spellings(number: str) -> list[str]:
    """What a number looks like in the text of a row, its bytes as PostgreSQL prints them."""
    forms = {number, number[1:], number[2:], f"{number[2:5]}-{number[5:8]}-{number[8:]}"}
    return sorted(
        {one for form in forms for one in (form, form.encode().hex())}
        | {base64.b64encode(number.encode()).decode().rstrip("=")}
    )


def _population(site: Site) -> int:
    """Sealed values of the canary's rows that are there to be wrong."""
    count = 0
    for table, column in site.database.execute(_SEALED).fetchall():
        if not _has_tenant(site, table):
            continue
        query = sql.SQL("SELECT count({}) FROM {} WHERE tenant_id = ANY(%s)").format(
            sql.Identifier(column), sql.Identifier(table)
        )
        row = site.database.execute(query, [_tenants(site)]).fetchone()
        count += row[0] if row else 0
    return count


def _has_tenant(site: Site, table: str) -> bool:
    found = site.database.execute(
        "SELECT 1 FROM information_schema.columns WHERE table_schema = 'public'"
        " AND table_name = %s AND column_name = 'tenant_id'",
        [table],
    )
    return found.fetchone() is not None


def _tenants(site: Site) -> list[object]:
    return [site.canary.tenant, site.canary.quiet]


def _check(site: Site) -> list[Finding]:
    """Every column of every row of the canaries, and of the tables that belong to no tenant."""
    return list(_readable(site))


def _readable(site: Site) -> Iterator[Finding]:
    numbers = (site.canary.caller, _neighbour(site))
    patterns = [f"%{spelling}%" for number in numbers for spelling in _spellings(number)]
    for table, columns, has_id, has_tenant in site.database.execute(_COLUMNS).fetchall():
        for column in columns:
            name = sql.Identifier(column)
            query = sql.SQL("SELECT {} FROM {} WHERE {}::text ILIKE ANY(%s)").format(
                sql.SQL("id::text") if has_id else sql.SQL("''"), sql.Identifier(table), name
            )
            values: list[object] = [patterns]
            if has_tenant:
                query += sql.SQL(" AND (tenant_id IS NULL OR tenant_id = ANY(%s))")
                values.append(_tenants(site))
            for (row,) in site.database.execute(query, values).fetchall():
                yield Finding("readable_number", f"{table}.{column} {row}".rstrip())


def _neighbour(site: Site) -> str:
    """A number that nobody called from. It is what the violations plant: a row that is never
    committed stands in the write-ahead log all the same, where files-clear looks for the caller's.
    """
    return f"+1213{site.canary.caller[5:]}"


def _in_text(site: Site) -> AbstractContextManager[str]:
    return site.planted(
        f"calls_call.dialled {site.canary.call}",
        "UPDATE calls_call SET dialled = %s WHERE id = %s",
        _neighbour(site),
        site.canary.call,
    )


def _in_json(site: Site) -> AbstractContextManager[str]:
    return site.planted(
        "calls_journal.data",
        "UPDATE calls_journal SET data = data || jsonb_build_object('note', %s::text)"
        " WHERE call_id = %s AND kind = 'call.started'",
        f"call from {_neighbour(site)[2:]}",
        site.canary.call,
    )


def _in_bytes(site: Site) -> AbstractContextManager[str]:
    """In the form of a sealed value, as the database's own constraint demands, but not sealed."""
    clear = b"\x01" + bytes(40) + _neighbour(site).encode()
    return site.planted(
        f"calls_call.caller_sealed {site.canary.call}",
        "UPDATE calls_call SET caller_sealed = %s WHERE id = %s",
        clear,
        site.canary.call,
    )


VALUES_SEALED = Control(
    name="values-sealed",
    says="Numbers of callers stand in the database sealed with AES-256-GCM, and nowhere readable.",
    limits="Looks for the canary caller's number, and one more, in 9 spellings; other values, and"
    " rows of other tenants, are of the same columns but not searched.",
    population=_population,
    check=_check,
    violations=(
        Violation("number-in-text", _CLAUSES, _in_text),
        Violation("number-in-json", _CLAUSES, _in_json),
        Violation("number-in-bytes", _CLAUSES, _in_bytes),
    ),
)
