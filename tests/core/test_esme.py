"""Addresses of SMPP customers on messages, and how many messages of theirs a second are taken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from limpet.core.allowance import ACCOUNTS_MAX, Allowance
from limpet.core.esme import (
    ALWAYS,
    ON_FAILURE,
    ON_SUCCESS,
    Ask,
    address_of,
    asks_in,
    events_for,
    is_esme_address,
    split_address,
)
from limpet.core.status import parse_callback_events

ASKS = st.lists(
    st.builds(Ask, st.none() | st.integers(0, 2**63 - 1), st.sampled_from([ALWAYS, ON_FAILURE, ON_SUCCESS])), max_size=5
)


@given(st.from_regex(r"[a-zA-Z0-9]{1,34}", fullmatch=True), ASKS)
def test_an_address_says_who_and_what(esme: str, asks: list[Ask]) -> None:
    address = address_of(esme, asks)
    assert is_esme_address(address)
    name, asked = split_address(address)
    assert (name, asks_in(asked)) == (esme, asks)


def test_a_web_address_is_none() -> None:
    assert not is_esme_address("https://example.com/smpp:x")


def test_the_events_cover_what_is_asked_for() -> None:
    assert events_for([Ask(None, ON_SUCCESS)]) == "delivered"
    assert events_for([Ask(None, ON_FAILURE)]) == "canceled,failed,undelivered"
    both = events_for([Ask(1, ON_FAILURE), Ask(None, ON_SUCCESS)])
    assert both == events_for([Ask(None, ALWAYS)]) == "canceled,delivered,failed,undelivered"
    assert parse_callback_events(both) is not None


def test_a_seconds_worth_may_come_at_once_and_then_the_rate_counts() -> None:
    allowance = Allowance(4)
    assert [allowance.take(1, 10.0) for _ in range(5)] == [True] * 4 + [False]
    assert allowance.take(2, 10.0)
    assert [allowance.take(1, 10.25) for _ in range(2)] == [True, False]
    assert [allowance.take(1, 100.0) for _ in range(5)] == [True] * 4 + [False]


def test_without_a_limit_everything_is_taken_and_nothing_is_kept() -> None:
    allowance = Allowance(None)
    assert all(allowance.take(1, 0.0) for _ in range(100))


def test_who_has_been_quiet_is_forgotten() -> None:
    allowance = Allowance(1)
    for who in range(ACCOUNTS_MAX + 1):
        assert allowance.take(who, float(who))
    assert len(allowance._paid_until) < 10
