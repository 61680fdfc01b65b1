"""What a call costs.

A call is priced by the rate of the longest prefix of the dialled number that is in effect when the
call is answered. Its seconds, at least the minimum, are rounded up to increments: the first one,
then as many of the next as it takes. The price is that of the billed seconds at the price per
minute, rounded half up at the micro, plus the connection fee. What was not answered costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ringfence.domains.ledger.contracts import Explanation, Rated, RateInfo, Step
from ringfence.kernel.money import Money

RULE = "rating/1"
"""Changes with any change of a result; entries name the version that computed them."""
MAX_PREFIX = 9


def find_rate(rates: Iterable[RateInfo], digits: str, at: datetime) -> RateInfo | None:
    """The rate of the longest prefix of ``digits`` (E.164 without ``+``) in effect at a moment."""
    fitting = (rate for rate in rates if digits.startswith(rate.prefix) and _in_effect(rate, at))
    return max(fitting, key=lambda rate: len(rate.prefix), default=None)


def _in_effect(rate: RateInfo, at: datetime) -> bool:
    return rate.effective_from <= at and (rate.effective_to is None or at < rate.effective_to)


def rate_seconds(rate: RateInfo, seconds: int) -> Rated:
    """What ``seconds`` of connected time cost at a rate."""
    if seconds <= 0:
        explanation = Explanation(RULE, deck=rate.deck_id, rate=rate.id, billed_seconds=0)
        return Rated(Money(0, rate.currency), rate.prefix, 0, explanation)
    counted = max(seconds, rate.minimum_seconds)
    following = -(-max(0, counted - rate.first_seconds) // rate.next_seconds) * rate.next_seconds
    billed = rate.first_seconds + following
    usage = (2 * billed * rate.price_per_minute_micros + 60) // 120
    steps = (
        Step("used", seconds),
        Step("at_least_minimum", counted),
        Step("first_increment", rate.first_seconds),
        Step("next_increments", following),
        Step("usage", billed, usage),
        Step("connection_fee", 0, rate.connection_fee_micros),
    )
    explanation = Explanation(
        RULE, deck=rate.deck_id, rate=rate.id, billed_seconds=billed, steps=steps
    )
    amount = Money(usage + rate.connection_fee_micros, rate.currency)
    return Rated(amount, rate.prefix, billed, explanation)
