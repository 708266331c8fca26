"""Grapheme clusters of Unicode 10, and the three habits of the program that Twilio's calculator asks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.graphemes import clusters

FLAG = "🇩🇪"
PREPEND = "\u0600"


@pytest.mark.parametrize(
    "parts",
    [
        [],
        ["a", "b"],
        ["\r", "\n", "a"],
        ["e\u0301\u0323", "x"],
        ["\u0301\u0301", "x"],
        ["नि", "क्", "ष"],
        ["กำ", "ก"],
        [PREPEND + PREPEND + "1", PREPEND],
        [PREPEND, "\u200b", "\u0301"],
        ["\u1100\u1100\u1161\u11a8", "\u1100"],
        ["가\u1161\u11a8", "가"],
        ["가\u11a8", "각\u11a8", "\u1161\u11a8", "가"],
        ["👍🏽", "a", "🏽"],
        ["👍🏽", "🏽"],
        ["☝\ufe0f🏽"],
        ["👨\u200d👩\u200d👧🏽", "🤷\u200d", "🤷"],
        ["👩\u200d❤\ufe0f\u200d💋\u200d👨"],
        [FLAG, FLAG, "🇦"],
        ["🇦\u0301", "🇦\u0301\u0301"],
    ],
)
def test_gb3_to_gb13_of_unicode_10(parts: list[str]) -> None:
    assert clusters("".join(parts)) == parts


@pytest.mark.parametrize(
    "parts",
    [
        [FLAG + "\ufe0f", "\u20e3", "a"],
        [PREPEND + "🇩", "🇪"],
        [PREPEND + "🇩\u0301", "\u0301"],
        [PREPEND + PREPEND + "🇩\u0301\u0301", "🇪"],
        ["☝\ufe0f\ufe0f", "🏽"],
        ["👩\u200d❤\ufe0f\u200d👨", "🏽"],
        ["👩\u0301\u200d👨\ufe0f🏽"],
    ],
)
def test_habits_of_the_program_that_twilio_asks(parts: list[str]) -> None:
    assert clusters("".join(parts)) == parts


@given(st.text(st.sampled_from("a\r\n\u0301\u0903\u200d\ufe0f👩☝🏽❤🇩\u0600\u1100\u1161\u11a8가각\u00ad")))
def test_clusters_join_to_the_text(text: str) -> None:
    parts = clusters(text)
    assert "".join(parts) == text
    assert all(parts)
