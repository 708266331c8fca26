"""Templates: what their places hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.content import is_well_formed, resolve

USUAL = {"1": "friend", "shop": "ACME"}


@pytest.mark.parametrize(
    ("body", "given_", "expected"),
    [
        ("Hello {{1}}, {{shop}} here", {}, "Hello friend, ACME here"),
        ("Hello {{1}}, {{shop}} here", {"1": "Anna"}, "Hello Anna, ACME here"),
        ("{{1}}{{1}}", {"1": "x", "unused": "y"}, "xx"),
        ("no places", {}, "no places"),
        ("{{1}}", {"1": "{{shop}}"}, "{{shop}}"),
        ("{{2}}", {}, None),
        ("{{1}}", {"1": ""}, None),
        ("{{1}}", {"1": "a\nb"}, None),
        ("{{1}}", {"1": "a     b"}, None),
        ("{{}}", {}, None),
        ("{{1}", {}, None),
        ("{{1}} }}", {}, None),
    ],
)
def test_places_are_filled_or_the_whole_is_refused(body: str, given_: dict[str, str], expected: str | None) -> None:
    assert resolve(body, USUAL, given_) == expected


@given(st.text(alphabet="{}1a ", max_size=30))
def test_what_is_well_formed_can_be_filled(body: str) -> None:
    filled = resolve(body, dict.fromkeys(("1", "a", "1a", "a1", "11", "aa"), "v"), {})
    assert is_well_formed(body) or filled is None
