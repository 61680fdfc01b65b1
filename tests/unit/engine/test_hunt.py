"""Which target a Dial tries next, and what the caller is told."""

from __future__ import annotations

from uuid import UUID

import pytest

from ringfence.engine.signalling.causes import (
    CAUSES,
    LIMIT,
    NO_ANSWER,
    NO_RESPONSE,
    Next,
    cause_of,
)
from ringfence.engine.verbs.hunt import Hunt
from ringfence.engine.verbs.model import Dial, SipTarget, TrunkTarget

ROUTE_A = TrunkTarget(UUID(int=1), "+15551230001")
ROUTE_B = TrunkTarget(UUID(int=2), "+15551230001")
OTHER = SipTarget("sip:desk@192.0.2.1")


def hunt() -> Hunt:
    return Hunt(Dial((ROUTE_A, ROUTE_B, OTHER)))


def test_targets_in_order_until_none_is_left() -> None:
    it = hunt()
    assert [it.next(), it.next(), it.next(), it.next()] == [ROUTE_A, ROUTE_B, OTHER, None]


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 403, 488])
def test_a_route_that_failed_is_followed_by_the_next_route(status: int) -> None:
    it = hunt()
    it.next()
    it.failed(ROUTE_A, cause_of(status))
    assert it.next() == ROUTE_B


@pytest.mark.parametrize("status", [404, 410, 480, 484, 486])
def test_a_destination_that_refused_is_not_rung_by_another_route(status: int) -> None:
    it = hunt()
    it.next()
    it.failed(ROUTE_A, cause_of(status))
    assert it.next() == OTHER


@pytest.mark.parametrize("status", [600, 603, 604, 606, 607, 608, 699])
def test_a_global_refusal_ends_the_dial(status: int) -> None:
    it = hunt()
    it.next()
    it.failed(ROUTE_A, cause_of(status))
    assert it.next() is None


def test_a_verdict_of_the_destination_outweighs_a_failed_route() -> None:
    it = hunt()
    it.failed(ROUTE_A, cause_of(486))
    it.failed(OTHER, cause_of(503))
    assert it.outcome == cause_of(486)
    assert hunt().outcome is None


def test_no_answer_and_no_response() -> None:
    assert (NO_ANSWER.next, NO_ANSWER.status, NO_ANSWER.q850) == (Next.TARGET, 480, 19)
    assert (NO_RESPONSE.next, NO_RESPONSE.q850) == (Next.ROUTE, 102)
    assert LIMIT.next is Next.ROUTE


@pytest.mark.parametrize(
    ("status", "q850"),
    # RFC 3398 section 8.2.6.1
    [
        (400, 41), (401, 21), (402, 21), (403, 21), (404, 1), (405, 63), (406, 79), (407, 21),
        (408, 102), (410, 22), (415, 79), (416, 127), (420, 127), (480, 18), (481, 41), (482, 25),
        (483, 25), (484, 28), (485, 1), (486, 17), (500, 41), (501, 79), (502, 38), (503, 41),
        (504, 102), (600, 17), (603, 21), (604, 1), (606, 79),
    ],
)  # fmt: skip
def test_q850_values(status: int, q850: int) -> None:
    assert cause_of(status).q850 == q850


def test_every_final_status_has_a_cause_and_none_leaks_a_challenge() -> None:
    for status in range(300, 700):
        cause = cause_of(status)
        assert 400 <= cause.status < 700
        assert cause.status not in (401, 407), "the caller cannot answer our carrier's challenge"
        assert 1 <= cause.q850 <= 127
    assert set(CAUSES) <= set(range(300, 700))
