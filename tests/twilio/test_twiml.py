"""What a customer's answer to an inbound text asks for, and what is wrong with it by Twilio's numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.twiml.messaging_response import MessagingResponse

from limpet.twilio.twiml import DOCUMENT_BYTES_MAX, REPLIES_MAX, Redirect, Reply, Script, TwimlError, read_answer

XML = "text/xml; charset=utf-8"


def read(document: str, kind: str = XML) -> Script:
    return read_answer(kind, document.encode())


def test_the_official_builder_is_understood() -> None:
    made = MessagingResponse()
    message = made.message("first", to="+1 415 555 0100", from_="ACME", status_callback="/status")
    message.media("https://example.com/a.png")
    second = made.message()
    second.body("Grüße & <more>")
    made.redirect("/next", method="GET")
    made.message("never")
    for kind in (XML, "application/xml", ""):
        assert read(str(made), kind) == Script(
            (
                Reply("first", ("https://example.com/a.png",), "+14155550100", "ACME", "/status"),
                Reply("Grüße & <more>"),
            ),
            Redirect("/next", "GET"),
        )


@pytest.mark.parametrize(
    ("document", "kind", "expected"),
    [
        ("", XML, Script()),
        ("  \n", "text/plain", Script()),
        ("<Response/>", XML, Script()),
        ("Hello there", "text/plain", Script((Reply("Hello there"),))),
        ("Hello there", "text/html", Script((Reply("Hello there"),))),
        ("<Response><Message>x</Message></Response>", "text/html", Script((Reply("x"),))),
        ("<Response><Sms>old</Sms></Response>", XML, Script((Reply("old"),))),
        (
            "<Response><Message action='/done'>x</Message></Response>",
            XML,
            Script((Reply("x", status_callback="/done"),)),
        ),
        ("<Response><Message> a <Body>b</Body> c </Message></Response>", XML, Script((Reply("a b c"),))),
    ],
)
def test_answers_that_are_well_formed(document: str, kind: str, expected: Script) -> None:
    assert read(document, kind) == expected


@pytest.mark.parametrize(
    ("document", "kind", "code", "replies"),
    [
        ("<Response><Message>x", XML, 12100, 0),
        ("<Antwort/>", XML, 12100, 0),
        ("not xml", XML, 12100, 0),
        ("<!DOCTYPE r [<!ENTITY a 'b'>]><Response><Message>&a;</Message></Response>", XML, 12100, 0),
        ("<Response>" + "<Message>" * 20 + "</Message>" * 20 + "</Response>", XML, 12100, 0),
        ("{}", "application/json", 12300, 0),
        ("<Response>text<Message>x</Message></Response>", XML, 12200, 1),
        ("<Response><Message colour='red'>x</Message></Response>", XML, 12200, 1),
        ("<Response><Message><Image>x</Image>y</Message></Response>", XML, 12200, 1),
        ("<Response><Message/></Response>", XML, 12200, 0),
        ("<Response><Message><Media>ftp://x/y</Media>y</Message></Response>", XML, 12200, 1),
        ("<Response><Redirect/></Response>", XML, 12200, 0),
        ("<Response><Message to='nobody'>x</Message></Response>", XML, 14101, 0),
        ("<Response><Message from='!!'>x</Message></Response>", XML, 14102, 0),
        ("<Response><Message method='PUT'>x</Message></Response>", XML, 14103, 0),
        ("<Response><Redirect method='PUT'>/x</Redirect></Response>", XML, 14103, 0),
        (f"<Response><Message action='{'x' * 3000}'>x</Message></Response>", XML, 14104, 0),
        ("<Response>" + "<Message>x</Message>" * (REPLIES_MAX + 1) + "</Response>", XML, 14109, REPLIES_MAX),
        ("<Response><Say>hello</Say><Message>x</Message></Response>", XML, 14110, 1),
    ],
)
def test_what_is_wrong_has_twilios_number_and_the_rest_is_heeded(
    document: str, kind: str, code: int, replies: int
) -> None:
    found = read(document, kind)
    assert code in found.errors
    assert len(found.replies) == replies
    assert found.unreadable is (code in (12100, 12300))


def test_a_document_that_is_too_long_is_not_read() -> None:
    assert read("<Response><!--" + "x" * DOCUMENT_BYTES_MAX + "--></Response>").errors == (TwimlError.PARSE,)


@given(st.binary(max_size=400), st.sampled_from([XML, "text/plain", "text/html", "application/xml", "image/png"]))
def test_anything_at_all_can_be_read(body: bytes, kind: str) -> None:
    found = read_answer(kind, body)
    assert len(found.replies) <= REPLIES_MAX
    assert all("\0" not in reply.body for reply in found.replies)


@given(st.text(alphabet="<>/Response Message Body=\"'&;!-[]x", max_size=200))
def test_anything_that_looks_like_a_document_can_be_read(middle: str) -> None:
    read(f"<Response>{middle}</Response>")
