"""Media by their URLs, and the links that stand for them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.media import CODE_LENGTH, UNKNOWN_TYPE, content_type, link_code, with_link


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com/a.jpg", "image/jpeg"),
        ("https://example.com/a.PNG?size=2", "image/png"),
        ("https://example.com/cards/me.vcf#x", "text/vcard"),
        ("https://example.com/a", UNKNOWN_TYPE),
        ("https://example.com/a.unknown", UNKNOWN_TYPE),
        ("https://example.png", UNKNOWN_TYPE),
    ],
)
def test_what_a_url_leads_to(url: str, expected: str) -> None:
    assert content_type(url) == expected


@given(st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1))
def test_codes_are_short_plain_and_differ(one: int, other: int) -> None:
    assert len(link_code(one)) == CODE_LENGTH
    assert link_code(one).isalnum()
    size = 59**CODE_LENGTH
    assert (link_code(one) == link_code(other)) == (one % size == other % size)


def test_a_link_follows_the_text_or_is_all_of_it() -> None:
    assert with_link("Look:", "http://x/m/1") == "Look: http://x/m/1"
    assert with_link("", "http://x/m/1") == "http://x/m/1"
