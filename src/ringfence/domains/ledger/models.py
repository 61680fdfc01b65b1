"""Books of tenants: accounts, entries, lines; and rate decks."""

from __future__ import annotations

from django.db import models

from ringfence.domains.ledger.contracts import (
    MAX_MICROS,
    AccountKind,
    DeckKind,
    Direction,
    EntryKind,
    UnratedState,
)
from ringfence.platform_django.models import TenantModel

_CURRENCY = "^[A-Z]{3}$"


class Account(TenantModel):
    """An account of a tenant's books in one currency."""

    kind = models.CharField(max_length=16)
    currency = models.CharField(max_length=3)
    credit_limit_micros = models.BigIntegerField(default=0)
    low_balance_micros = models.BigIntegerField(null=True)

    class Meta:
        db_table = "ledger_account"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "kind", "currency"], name="ledger_account_unique"
            ),
            models.UniqueConstraint(fields=["tenant_id", "id"], name="ledger_account_tenant"),
            models.CheckConstraint(
                name="ledger_account_kind",
                condition=models.Q(kind__in=[kind.value for kind in AccountKind]),
            ),
            models.CheckConstraint(
                name="ledger_account_currency", condition=models.Q(currency__regex=_CURRENCY)
            ),
            models.CheckConstraint(
                name="ledger_account_limits",
                condition=models.Q(credit_limit_micros__range=(0, MAX_MICROS))
                & models.Q(low_balance_micros__range=(-MAX_MICROS, MAX_MICROS)),
            ),
            models.CheckConstraint(
                name="ledger_account_wallet",
                condition=models.Q(kind=AccountKind.WALLET.value)
                | models.Q(credit_limit_micros=0, low_balance_micros=None),
            ),
        ]


class Entry(TenantModel):
    """One entry; with its lines it is complete when its transaction ends, and never changes.

    Without lines it tells of something that was used and costs nothing.
    """

    occurred_at = models.DateTimeField()
    kind = models.CharField(max_length=16)
    idempotency_key = models.CharField(max_length=128)
    reference_type = models.CharField(max_length=32)
    reference_id = models.CharField(max_length=64)
    explanation = models.JSONField()
    line_count = models.SmallIntegerField()

    class Meta:
        db_table = "ledger_entry"
        indexes = [
            models.Index(
                fields=["tenant_id", "reference_type", "reference_id", "id"],
                name="ledger_entry_reference",
            ),
            models.Index(fields=["tenant_id", "kind", "id"], name="ledger_entry_of_kind"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "idempotency_key"], name="ledger_entry_idempotency"
            ),
            models.UniqueConstraint(fields=["tenant_id", "id"], name="ledger_entry_tenant"),
            models.CheckConstraint(
                name="ledger_entry_kind",
                condition=models.Q(kind__in=[kind.value for kind in EntryKind]),
            ),
            models.CheckConstraint(
                name="ledger_entry_lines",
                condition=models.Q(line_count__range=(2, 100)) | models.Q(line_count=0),
            ),
        ]


class Line(models.Model):
    """One line of an entry. The database holds entry, account and line to one tenant.

    It also numbers them (column ``position``, which nobody may set): checkpoints sum up to one.
    """

    pk = models.CompositePrimaryKey("entry_id", "seq")
    entry_id = models.UUIDField()
    seq = models.SmallIntegerField()
    tenant_id = models.UUIDField()
    account_id = models.UUIDField()
    amount_micros = models.BigIntegerField()

    class Meta:
        db_table = "ledger_line"
        constraints = [
            models.CheckConstraint(
                name="ledger_line_amount",
                condition=models.Q(amount_micros__range=(-MAX_MICROS, MAX_MICROS))
                & ~models.Q(amount_micros=0),
            )
        ]


class RateDeck(TenantModel):
    """A price list of a tenant."""

    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=8)
    direction = models.CharField(max_length=8)
    currency = models.CharField(max_length=3)
    effective_from = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "ledger_rate_deck"
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "id"], name="ledger_deck_tenant"),
            models.CheckConstraint(
                name="ledger_deck_kind",
                condition=models.Q(kind__in=[kind.value for kind in DeckKind]),
            ),
            models.CheckConstraint(
                name="ledger_deck_direction",
                condition=models.Q(direction__in=[item.value for item in Direction]),
            ),
            models.CheckConstraint(
                name="ledger_deck_currency", condition=models.Q(currency__regex=_CURRENCY)
            ),
        ]


class Rate(TenantModel):
    """A price of a deck. It never changes, so that an entry can be computed again."""

    deck_id = models.UUIDField()
    prefix = models.CharField(max_length=9)
    price_per_minute_micros = models.BigIntegerField()
    connection_fee_micros = models.BigIntegerField()
    minimum_seconds = models.IntegerField()
    first_seconds = models.IntegerField()
    next_seconds = models.IntegerField()
    effective_from = models.DateTimeField()
    effective_to = models.DateTimeField(null=True)

    class Meta:
        db_table = "ledger_rate"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "deck_id", "prefix", "effective_from"],
                name="ledger_rate_unique",
            ),
            models.CheckConstraint(
                name="ledger_rate_sane",
                condition=models.Q(
                    prefix__regex="^[0-9]{1,9}$",
                    price_per_minute_micros__gte=0,
                    connection_fee_micros__gte=0,
                    minimum_seconds__gte=0,
                    first_seconds__gte=1,
                    next_seconds__gte=1,
                ),
            ),
            models.CheckConstraint(
                name="ledger_rate_effective",
                condition=models.Q(effective_to=None)
                | models.Q(effective_to__gt=models.F("effective_from")),
            ),
        ]


class Checkpoint(models.Model):
    """The sum of an account's lines up to a position, behind which no line can appear any more."""

    account_id = models.UUIDField(primary_key=True)
    tenant_id = models.UUIDField()
    position = models.BigIntegerField()
    sum_micros = models.BigIntegerField()

    class Meta:
        db_table = "ledger_checkpoint"


class UnratedUsage(TenantModel):
    """A leg that could not be rated, by one kind of decks: the error queue."""

    leg_id = models.UUIDField()
    call_id = models.UUIDField()
    kind = models.CharField(max_length=8)
    direction = models.CharField(max_length=8)
    reason = models.CharField(max_length=32)
    attempts = models.IntegerField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    state = models.CharField(max_length=16)
    note = models.CharField(max_length=200, null=True)

    class Meta:
        db_table = "ledger_unrated"
        indexes = [
            models.Index(fields=["tenant_id", "state", "id"], name="ledger_unrated_state"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "leg_id", "kind"], name="ledger_unrated_once"
            ),
            models.CheckConstraint(
                name="ledger_unrated_kind",
                condition=models.Q(kind__in=[kind.value for kind in DeckKind]),
            ),
            models.CheckConstraint(
                name="ledger_unrated_states",
                condition=models.Q(state__in=[state.value for state in UnratedState]),
            ),
        ]


class RatingCursor(models.Model):
    """How far rating has read the journal."""

    name = models.CharField(max_length=16, primary_key=True)
    position = models.BigIntegerField()

    class Meta:
        db_table = "ledger_cursor"
