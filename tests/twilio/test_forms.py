"""Forms as bytes, and one reader for each kind of value."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.errors import ApiError
from limpet.twilio import forms
from limpet.twilio.forms import PARAMETERS_MAX, URL_LENGTH_MAX, Form, is_web_url, parse_form

T = TypeVar("T")
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def outcome(read: Callable[[], T]) -> tuple[T | None, int | None]:
    """What a reader answers, or the code of its refusal."""
    try:
        return read(), None
    except ApiError as error:
        return None, error.code


def refused(read: Callable[[], object]) -> int:
    with pytest.raises(ApiError) as caught:
        read()
    return caught.value.code


@given(st.dictionaries(texts.filter(bool), st.lists(texts, min_size=1, max_size=3)))
def test_what_a_client_encodes_is_read_as_it_was(fields: dict[str, list[str]]) -> None:
    assert parse_form(urlencode(fields, doseq=True).encode()) == fields


pieces = st.sampled_from([b"x", b"=", b"&", b"%", b"+", b"%41", b"%2B", b"2", b";", b"\xc3\xa9", b"%C3%A9"])


@given(st.lists(pieces).map(b"".join))
def test_any_form_is_read_as_the_library_reads_it(body: bytes) -> None:
    expected = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=10_000)
    expected.pop("", None)
    assert parse_form(body) == expected


@given(st.binary(max_size=200))
def test_any_bytes_are_a_form_or_refused(body: bytes) -> None:
    form, code = outcome(lambda: parse_form(body))
    assert code in (None, 20001)
    joined = "".join(form or {}) + "".join(value for values in (form or {}).values() for value in values)
    assert "\0" not in joined
    assert joined.encode().decode() == joined


@pytest.mark.parametrize("body", [b"a=%00", b"%00=a", b"a=\0", b"a=%FF", b"a=\xff", b"a=%ED%A0%80"])
def test_what_no_database_takes_is_refused(body: bytes) -> None:
    assert refused(lambda: parse_form(body)) == 20001


def test_a_form_has_a_thousand_parameters_at_most() -> None:
    assert parse_form(b"&".join([b"a=b"] * PARAMETERS_MAX)) == {"a": ["b"] * PARAMETERS_MAX}
    assert refused(lambda: parse_form(b"&".join([b"a=b"] * (PARAMETERS_MAX + 1)))) == 20001


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (forms.given, "", ""),
        (forms.filled, "", None),
        (forms.text, "x" * 1024, "x" * 1024),
        (forms.boolean, "true", True),
        (forms.boolean, "False", False),
        (forms.boolean, "", None),
        (forms.method, "get", "GET"),
        (forms.method, "", None),
        (forms.url, "", ""),
        (forms.url, "https://example.com/a?b=c#rc=1", "https://example.com/a?b=c#rc=1"),
        (lambda form, name: forms.integer(form, name, -5, 5), "-5", -5),
        (lambda form, name: forms.integer(form, name, -5, 5), "+005", 5),
        (lambda form, name: forms.integer(form, name, -5, 5), "", None),
        (lambda form, name: forms.choice(form, name, ("a", "b")), "b", "b"),
        (lambda form, name: forms.choice(form, name, ("a", "b")), "", None),
        (lambda form, name: forms.sid(form, name, "PN"), "PN" + "aF" * 16, "PN" + "aF" * 16),
    ],
)
def test_readers_answer_the_last_value_or_none(
    read: Callable[[Form, str], object], value: str, expected: object
) -> None:
    assert read({"P": ["first", value]}, "P") == expected
    assert read({}, "P") is None


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (forms.text, "x" * 1025),
        (forms.boolean, "1"),
        (forms.method, "PUT"),
        (forms.url, "ftp://example.com"),
        (lambda form, name: forms.integer(form, name, -5, 5), "6"),
        (lambda form, name: forms.integer(form, name, -5, 5), "٣"),
        (lambda form, name: forms.integer(form, name, -5, 5), "9" * 5000),
        (lambda form, name: forms.choice(form, name, ("a", "b")), "A"),
        (lambda form, name: forms.sid(form, name, "PN"), "SM" + "0" * 32),
    ],
)
def test_readers_refuse_what_they_cannot_read(read: Callable[[Form, str], object], value: str) -> None:
    assert refused(lambda: read({"P": [value]}, "P")) == 20001


@pytest.mark.parametrize(("value", "expected"), [("All", "all"), (" sent, Failed ", "sent, failed"), ("", None)])
def test_callback_events_are_read_in_any_case(value: str, expected: str | None) -> None:
    assert forms.callback_events({"StatusCallbackEvents": [value]}) == expected
    assert refused(lambda: forms.callback_events({"StatusCallbackEvents": ["sent or failed"]})) == 21626


@pytest.mark.parametrize(
    "url",
    [
        "http://a",
        "https://example.com:8443/x?y=O'Neil&z=%20#ct=500&rc=2",
        "http://user:secret@example.com/",
        "http://[::1]:8080/cb",
        "http://127.0.0.1:9000/cb",
        "HTTPS://EXAMPLE.COM",
        "https://xn--e1afmkfd.example/",
    ],
)
def test_urls_that_a_webhook_may_have(url: str) -> None:
    assert is_web_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/cb",
        "//example.com",
        "ftp://example.com",
        "file:///etc/passwd",
        "http:example.com",
        "http://",
        "http://:80",
        "http://a_b.example",
        "http://exa mple.com",
        "http://example.com/a b",
        "http://example.com/\n",
        "\thttp://example.com",
        "http://example.com:0",
        "http://example.com:65536",
        "http://example.com:x",
        "http://[::1",
        "http://é.example",
        "http://１２７.0.0.1",
        "http://exam\\ple.com",
        "http://example.com/" + "x" * URL_LENGTH_MAX,
    ],
)
def test_urls_that_it_may_not(url: str) -> None:
    assert not is_web_url(url)
