"""What a search on the page of phones finds, and where a text has a one-time code."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.model import Direction, Message
from limpet.core.status import Status
from limpet.pages.phones.bubble import Piece, bubble_of, element_id, phones_of, pieces_of, spelled
from limpet.pages.phones.search import WORDS_MAX, Word, read_search
from tests.support.clock import NOW


def message(number: int = 1, body: str = "Hello you", **changes: object) -> Message:
    values = {
        "bucket": 7, "id": number, "account_id": 1, "service_id": 1, "direction": Direction.OUTBOUND_API, "status": Status.FAILED,
        "recipient": "+14155550199", "sender": "+12025550101", "body": body, "num_segments": 1, "num_media": 0,
        "error_code": 21610, "reason": "area_code", "sticky": "created", "created_at": NOW, "updated_at": NOW, "sent_at": None,
    }  # fmt: skip
    return Message(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["", "hello", "HELLO you", "to:+1415", 'to:"(415) 555-0199"', "from:2025550101", "status:failed", "error:21610",
             "body:you", 'body:"hello you"', "21610", "status:FAILED to:0199", "0199 failed", "to: +1415 body: hello"],
)  # fmt: skip
def test_what_is_found(text: str) -> None:
    assert read_search(text).matches(message())


@pytest.mark.parametrize(
    "text", ["bye", "to:2025550101", "from:0199", "status:fail", "error:2161", "body:failed", "hello bye", "to:x", "to:+",
             'body:"you hello"'],
)  # fmt: skip
def test_what_is_not_found(text: str) -> None:
    assert not read_search(text).matches(message())


def test_of_what_a_person_writes_to_is_our_number() -> None:
    written = message(direction=Direction.INBOUND)
    assert read_search("to:2025550101 from:0199").matches(written)
    assert not read_search("to:0199").matches(written)


def test_words_of_no_field_are_looked_for_as_they_are() -> None:
    assert read_search("https://x re:you").words == (Word("", "https://x"), Word("", "re:you"))
    assert len(read_search("a " * 500).words) == WORDS_MAX


@given(st.text(max_size=400))
def test_any_search_can_be_read(text: str) -> None:
    read_search(text).matches(message())


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ("Your code is 482913.", ["482913"]),
        ("123-456 is your code", ["123-456"]),
        ("1234", ["1234"]),
        ("G-482913 or 482913, or (4829)", ["482913", "4829"]),
        ("Code:\n12345678", ["12345678"]),
        ("123 or 123456789", []),
        ("Call +14155550199 or 415-555-0199", []),
        ("It costs $1250 or 12.5000, or 1,2500", []),
        ("https://example.com/482913?x=48291", []),
        ("on 2026-11-29 at 12:3000", []),
        ("", []),
    ],
)
def test_one_time_codes(body: str, codes: list[str]) -> None:
    pieces = list(pieces_of(body))
    assert [piece.text for piece in pieces if piece.is_code] == codes
    assert "".join(piece.text for piece in pieces) == body


@given(st.text(alphabet="0123456789- .+ab", max_size=60))
def test_a_text_is_not_changed_by_being_cut(body: str) -> None:
    assert "".join(piece.text for piece in pieces_of(body)) == body


def test_a_bubble_says_why_and_what_became_of_it() -> None:
    bubble = bubble_of(message(body="Code 4829"), "SM1", (), ())
    assert (bubble.why, bubble.tone, bubble.error_code, bubble.encoding) == ("geomatch", "bad", 21610, "GSM-7")
    assert "opted out" in bubble.error
    assert bubble.pieces == (Piece("Code ", False), Piece("4829", True))
    assert bubble_of(message(reason="sticky", sticky="used"), "SM1", (), ()).why == "sticky"
    assert bubble_of(message(reason="country", sticky="replaced"), "SM1", (), ()).why == "new number"
    assert bubble_of(message(reason=None, sticky=None), "SM1", (), ()).why == ""
    assert bubble_of(message(body="Привет"), "SM1", (), ()).encoding == "UCS-2"


def test_phones_are_in_the_order_in_which_they_were_heard_of() -> None:
    told = [
        message(n, recipient=f"+1415555010{n % 3}", sender=f"+120255501{n:02}", created_at=NOW + timedelta(seconds=n))
        for n in range(8)
    ]
    phones = phones_of((bubble_of(one, "SM1", (), ()) for one in told), 2, 2)
    assert [phone.person for phone in phones] == ["+14155550101", "+14155550100"]
    assert [[bubble.order for bubble in phone.bubbles] for phone in phones] == [[4, 7], [3, 6]]
    assert phones[0].number == "+12025550107"


def test_names_within_a_page_are_names() -> None:
    assert element_id("+14155550199") == "p-14155550199"
    assert element_id("whatsapp:+1") == "p-whatsapp_3a__2b_1"
    assert element_id('"><script>') == "p-_22__3e__3c_script_3e_"
    assert spelled("+14155550199") == "+1 415-555-0199"
    assert (spelled("12345"), spelled("ACME"), spelled("+1")) == ("12345", "ACME", "+1")
