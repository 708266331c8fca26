"""Addresses of SMPP customers on messages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

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
