"""Addresses: every spelling of one person is one value, and what cannot be known is refused."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from limpet.core.address import ADDRESS_LENGTH_MAX, Address, AddressKind, area_code, parse_recipient, parse_sender

SAN_FRANCISCO = "+14155550123"
LONDON = "+442079460018"
MUNICH = "+498912345678"

nanp_numbers = st.from_regex(r"\+1[2-9][0-9]{9}", fullmatch=True)
digit_soup = st.text(st.sampled_from("+0123456789 -().aé\u00a0"), max_size=20)
likely_numbers = st.builds(
    "{}{}{}".format,
    st.sampled_from(["+", "", " "]),
    st.sampled_from(
        ["1", "20", "31", "39", "44", "49", "52", "54", "55", "66", "7", "82", "86", "92", "98", "254", "852"]
    ),
    st.text(st.sampled_from("0012345678"), min_size=4, max_size=13),
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("+14155550123", SAN_FRANCISCO),
        ("+1 415 555 0123", SAN_FRANCISCO),
        ("+1 (415) 555-0123", SAN_FRANCISCO),
        ("+1.415.555.0123", SAN_FRANCISCO),
        ("(+1) 415/555 0123", SAN_FRANCISCO),
        ("\u202a+1\u00a0415\u2011555\u20110123\u202c", SAN_FRANCISCO),
        (" 14155550123", SAN_FRANCISCO),
        ("14155550123", SAN_FRANCISCO),
        ("1-415-555-0123", SAN_FRANCISCO),
        ("4155550123", SAN_FRANCISCO),
        ("(415) 555-0123", SAN_FRANCISCO),
        (" 4155550123", SAN_FRANCISCO),
        ("+14155550123\n", SAN_FRANCISCO),
        ("+442079460018", LONDON),
        ("+44 (0)20 7946 0018", LONDON),
        (" 442079460018", LONDON),
        ("442079460018", LONDON),
        ("+49 89 12345678", MUNICH),
        (" 498912345678", MUNICH),
        ("+447700900123", "+447700900123"),
        ("+39 06 1234 5678", "+390612345678"),
        ("+290 1234", "+2901234"),
        ("+15005550006", "+15005550006"),
        ("+14150000001", "+14150000001"),
        ("15550001111", "+15550001111"),
    ],
)
def test_a_recipient_has_one_spelling(text: str, value: str) -> None:
    recipient = parse_recipient(text)
    assert recipient is not None
    assert recipient.value == value
    assert recipient.kind is AddressKind.PHONE


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "+",
        "+1",
        "++14155550123",
        "1+4155550123",
        "+1415555012",
        "+141555501234",
        "+10155550123",
        "+11155550123",
        "0155550123",
        "4150550123",
        "5550123",
        "12345",
        "07911123456",
        "0044 20 7946 0018",
        "4520123456",
        "31987654321",
        "447700900123",
        "+99912345678",
        "+2005000000000000000",
        "+442079460018123",
        "+54 4123 4567",
        "+1415555012\u0663",
        "+1 415 555 0123 x9",
        "+1-800-FLOWERS",
        "whatsapp:",
        "whatsapp:whatsapp:+14155550123",
        "WhatsApp:+14155550123",
        "tel:+14155550123",
        "ACME",
        "+1" + " " * ADDRESS_LENGTH_MAX + "4155550123",
        "+4901503",
        "+2520058826073",
        "+" + "1" * 2_000_000,
    ],
)
def test_what_is_no_number_is_refused(text: str) -> None:
    assert parse_recipient(text) is None


@pytest.mark.parametrize(
    ("text", "country", "code", "toll_free"),
    [
        ("+14155550123", "US", "415", False),
        ("+1 415 555 0123", "US", "415", False),
        ("+16045550123", "CA", "604", False),
        ("+18765551212", "JM", "876", False),
        ("+17875551212", "PR", "787", False),
        ("+18005551212", "US", "800", True),
        ("+15005550006", "US", "500", False),
        ("+15555550123", "US", "555", False),
        ("+442079460018", "GB", None, False),
        ("+447700900123", "GB", None, False),
        ("+447911123456", "GG", None, False),
        ("+78005553535", "RU", None, True),
        ("+77710009998", "KZ", None, False),
        ("+80012345678", None, None, True),
        ("+882161234567", None, None, False),
    ],
)
def test_a_number_tells_its_country(text: str, country: str | None, code: str | None, toll_free: bool) -> None:
    found = parse_recipient(text)
    assert found is not None
    assert (found.country, found.area_code, found.toll_free) == (country, code, toll_free)
    assert area_code(found.value) == code


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("123", "123", AddressKind.SHORT_CODE),
        ("123456", "123456", AddressKind.SHORT_CODE),
        (" 12345 ", "12345", AddressKind.SHORT_CODE),
        ("ACME", "ACME", AddressKind.ALPHANUMERIC),
        (" Acme & Co ", "Acme & Co", AddressKind.ALPHANUMERIC),
        ("A-1_+&z", "A-1_+&z", AddressKind.ALPHANUMERIC),
        ("1234567890A", "1234567890A", AddressKind.ALPHANUMERIC),
        ("+14155550123", SAN_FRANCISCO, AddressKind.PHONE),
        ("(415) 555-0123", SAN_FRANCISCO, AddressKind.PHONE),
        (" 14155550123", SAN_FRANCISCO, AddressKind.PHONE),
        ("+447700900123", "+447700900123", AddressKind.PHONE),
    ],
)
def test_a_sender_is_a_number_a_short_code_or_a_name(text: str, value: str, kind: AddressKind) -> None:
    sender = parse_sender(text)
    assert sender is not None
    assert (sender.value, sender.kind) == (value, kind)


@pytest.mark.parametrize(
    "text",
    ["", " ", "12", "1234567", "--", "&", "TWELVELETTER", "acme!", "acmé", "AC\nME", "MG" + "0" * 32, "+12345"],
)
def test_what_is_no_sender_is_refused(text: str) -> None:
    assert parse_sender(text) is None


def test_short_codes_and_names_have_no_country() -> None:
    assert parse_sender("12345") == Address("12345", AddressKind.SHORT_CODE, None, None, toll_free=False)
    assert area_code("12345") is None


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_a_number_of_every_country_has_one_value(region: str) -> None:
    number = phonenumbers.example_number(region)
    assert number is not None
    value = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    spaced = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    found = parse_recipient(value)
    assert found is not None
    assert (found.value, found.country) == (value, phonenumbers.region_code_for_number(number))
    assert found == parse_recipient(spaced) == parse_recipient(" " + value[1:])


@given(nanp_numbers)
def test_the_fast_path_and_the_slow_one_say_the_same(value: str) -> None:
    slow = parse_recipient(f"{value[:2]} ({value[2:5]}) {value[5:8]}-{value[8:]}")
    assert slow is not None
    assert slow == parse_recipient(value) == parse_sender(value) == parse_recipient(value[1:])
    assert slow.value == value


@given(st.one_of(digit_soup, likely_numbers))
@example("+254005690262")
@example("+4303650")
@example("+980044389")
def test_a_normal_form_is_its_own(text: str) -> None:
    found = parse_recipient(text)
    if found is None:
        return
    assert parse_recipient(found.value) == found == parse_sender(found.value)
    assert found.value[0] == "+"
    assert found.value[1:].isdigit()
    assert len(found.value) <= 16


@given(st.text(max_size=30))
def test_nothing_that_is_typed_makes_it_fail(text: str) -> None:
    sender = parse_sender(text)
    assert sender is None or parse_sender(sender.value) == sender


def test_whatsapp_names_another_recipient_of_the_same_country() -> None:
    person = parse_recipient("whatsapp:+1 (415) 555-0123")
    assert person is not None
    assert (person.value, person.kind, person.country) == ("whatsapp:+14155550123", AddressKind.WHATSAPP, "US")
