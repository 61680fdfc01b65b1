"""When a call may start, and when a wallet has become low."""

from __future__ import annotations


def may_start(*, balance_micros: int, credit_limit_micros: int, emergency: bool) -> bool:
    """Whether a call may start. An emergency call always may; any other needs something left of
    balance and credit. A call that has started is never cut by the wallet."""
    return emergency or balance_micros + credit_limit_micros > 0


def becomes_low(before_micros: int, after_micros: int, threshold_micros: int | None) -> bool:
    """Whether the balance crossed the threshold downwards: once per crossing, not per charge."""
    return threshold_micros is not None and after_micros < threshold_micros <= before_micros
