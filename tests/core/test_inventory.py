"""What is on offer, and which offers fit a search."""

from __future__ import annotations

import pytest

from limpet.core.inventory import Inventory, NumberType, Search, number_pattern, offer_of
from limpet.core.model import Capability

LINES = (
    "+14155550121, sms+mms",
    "+14155550120",
    "+12125550120,voice",
    "+14165550120,sms",
    "+18005550120,sms",
    "+447700900120,sms,mobile",
    "+442079460120,sms",
    "+14155550121,voice",
)
STOCK = Inventory(offer for line in LINES if (offer := offer_of(line, "acme")))
US = {"country": "US", "type": NumberType.LOCAL}


def found(**search: object) -> list[str]:
    return [each.address.value for each in STOCK.fitting(Search(**{**US, **search}))]  # type: ignore[arg-type]


def test_a_line_is_a_number_and_what_it_can_do() -> None:
    offer = offer_of("+1 (415) 555-0121 , sms+mms", "acme")
    assert offer is not None
    assert (offer.address.value, offer.carrier, offer.region) == ("+14155550121", "acme", "CA")
    assert offer.capabilities == {Capability.SMS, Capability.MMS}
    assert offer.type is NumberType.LOCAL


BAD = (
    "12345",
    "ACME",
    "x",
    "+1415",
    "+14155550121,fax",
    "+14155550121,",
    "+14155550121,sms,mms",
    "+14155550121,sms,local,x",
)


@pytest.mark.parametrize("line", BAD)
def test_what_is_neither_is_nothing(line: str) -> None:
    assert offer_of(line, "acme") is None


def test_countries_have_types() -> None:
    local, mobile, toll_free = NumberType.LOCAL, NumberType.MOBILE, NumberType.TOLL_FREE
    assert STOCK.types() == {"CA": [local], "GB": [local, mobile], "US": [local, toll_free]}


def test_searches_find_what_fits_in_the_order_of_the_numbers() -> None:
    sms, voice = Capability.SMS, Capability.VOICE
    assert found() == ["+12125550120", "+14155550120", "+14155550121"]
    assert found(area_code="415") == ["+14155550120", "+14155550121"]
    assert found(region="NY") == ["+12125550120"]
    assert found(capabilities={voice: True}) == ["+12125550120"]
    assert found(capabilities={voice: False, sms: True, Capability.MMS: True}) == ["+14155550121"]
    assert found(country="GB", type=NumberType.MOBILE) == ["+447700900120"]
    assert found(country="FR") == []


def test_a_number_twice_counts_as_it_stands_first() -> None:
    offer = STOCK.offer("+14155550121")
    assert offer is not None
    assert offer.capabilities == {Capability.SMS, Capability.MMS}


@pytest.mark.parametrize(
    ("contains", "numbers"),
    [
        ("0121", ["+14155550121"]),
        ("415555012*", ["+14155550120", "+14155550121"]),
        ("+1212", ["+12125550120"]),
        ("212555****", ["+12125550120"]),
        ("212555*****", []),
        ("JKL", ["+12125550120", "+14155550120", "+14155550121"]),
        ("999", []),
    ],
)
def test_contains(contains: str, numbers: list[str]) -> None:
    assert found(pattern=number_pattern(contains)) == numbers


@pytest.mark.parametrize("contains", ["", "(415)", "4.5", "4|5", "1" * 17, "１"])
def test_no_pattern(contains: str) -> None:
    assert number_pattern(contains) is None


def test_bounds_are_exclusive() -> None:
    keys = [each.key for each in STOCK.fitting(Search(**US))]  # type: ignore[arg-type]
    assert [each.key for each in STOCK.fitting(Search(**US), after=keys[0])] == keys[1:]  # type: ignore[arg-type]
    assert [each.key for each in STOCK.fitting(Search(**US), before=keys[2])] == keys[:2]  # type: ignore[arg-type]
