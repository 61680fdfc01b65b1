"""Sums of long accounts are noted, so that a balance need not add up years of lines."""

from __future__ import annotations

from django.db import OperationalError, connections

from ringfence.platform_django.tenancy import across_tenants

LINES = 1000
"""An account gets a new checkpoint when that many lines lie behind its last one."""
_LOCK_NOT_AVAILABLE = "55P03"
_NOTE = """
    INSERT INTO ledger_checkpoint AS c (account_id, tenant_id, position, sum_micros)
    SELECT a.id, a.tenant_id, %(mark)s, coalesce(k.sum_micros, 0) + s.total
    FROM ledger_account a LEFT JOIN ledger_checkpoint k ON k.account_id = a.id,
    LATERAL (
        SELECT count(*) AS lines, sum(behind.amount_micros)::bigint AS total FROM (
            SELECT l.amount_micros FROM ledger_line l
            WHERE l.tenant_id = a.tenant_id AND l.account_id = a.id
                AND l.position > coalesce(k.position, 0) AND l.position <= %(mark)s
            ORDER BY l.tenant_id, l.account_id, l.position
        ) AS behind
    ) AS s
    WHERE s.lines >= %(lines)s
    ON CONFLICT (account_id) DO UPDATE
    SET position = excluded.position, sum_micros = excluded.sum_micros
    WHERE c.position < excluded.position
"""
_WRONG = """
    SELECT count(*) FROM ledger_checkpoint c WHERE c.sum_micros <> (
        SELECT coalesce(sum(l.amount_micros), 0) FROM ledger_line l
        WHERE l.tenant_id = c.tenant_id AND l.account_id = c.account_id
            AND l.position <= c.position)
"""


def checkpoint(lines: int = LINES) -> int:
    """Note the sums of accounts that grew; how many. Raises django.db.Error.

    The position that they reach to is taken while nobody is writing lines: whoever was has
    committed or failed, and every later line gets a higher one. When writers do not pause within
    half a second it is left for the next time.
    """
    try:
        with across_tenants("checkpoint mark") as alias, connections[alias].cursor() as cursor:
            cursor.execute("SELECT ringfence_ledger_mark()")
            ((mark,),) = cursor.fetchall()
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            return 0
        raise
    with across_tenants("checkpoint") as alias, connections[alias].cursor() as cursor:
        cursor.execute(_NOTE, {"mark": mark, "lines": max(1, lines)})
        return int(cursor.rowcount)


def wrong_checkpoints() -> int:
    """How many checkpoints differ from the lines that they stand for: 0."""
    with across_tenants("checkpoint") as alias, connections[alias].cursor() as cursor:
        cursor.execute(_WRONG)
        ((count,),) = cursor.fetchall()
    return int(count)
