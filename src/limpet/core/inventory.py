"""Numbers that may be bought: what an operator's carriers route here and nobody owns yet. Which of them fit a search.

It knows the offers and the searches; who owns a number is asked elsewhere.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberType

from limpet.core import nanp
from limpet.core.address import Address, AddressKind, parse_sender
from limpet.core.model import Capability

OFFERS_MAX: Final = 100_000
"""How many numbers one carrier's file may hold."""
_KEYPAD: Final = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
_PATTERN: Final = re.compile(r"\+?[0-9a-zA-Z*]{1,16}")
_LINE: Final = re.compile(r"(?P<number>[^,#]+?)\s*(,\s*(?P<capabilities>[a-z+ ]+?)\s*(,\s*(?P<type>[a-z_]+)\s*)?)?")


class NumberType(StrEnum):
    """What kinds of numbers a search tells apart."""

    LOCAL = "local"
    MOBILE = "mobile"
    TOLL_FREE = "toll_free"


@dataclass(frozen=True, slots=True)
class Offer:
    """A number that may be bought. `region` is a state or province of North America; None elsewhere."""

    address: Address
    type: NumberType
    region: str | None
    capabilities: frozenset[Capability]
    carrier: str

    @property
    def key(self) -> int:
        """Its place in lists: the number itself."""
        return int(self.address.value[1:])


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; None is any. `pattern` is what `number_pattern` makes; the key bounds are exclusive."""

    country: str
    type: NumberType
    area_code: str | None = None
    pattern: re.Pattern[str] | None = None
    region: str | None = None
    capabilities: Mapping[Capability, bool] = field(default_factory=dict)


class Inventory:
    """All that is on offer, by number. The same number twice counts as it stands first."""

    def __init__(self, offers: Iterable[Offer] = ()) -> None:
        self._by_address: dict[str, Offer] = {}
        for offer in offers:
            self._by_address.setdefault(offer.address.value, offer)
        self._shelves: dict[tuple[str, NumberType], list[Offer]] = {}
        for offer in sorted(self._by_address.values(), key=lambda each: each.key):
            self._shelves.setdefault((offer.address.country or "", offer.type), []).append(offer)

    def offer(self, address: str) -> Offer | None:
        """The offer of a number (E.164)."""
        return self._by_address.get(address)

    def types(self) -> dict[str, list[NumberType]]:
        """The countries that have numbers, each with their types, both in order."""
        countries: dict[str, list[NumberType]] = {}
        for country, kind in sorted(self._shelves):
            countries.setdefault(country, []).append(kind)
        return countries

    def fitting(self, search: Search, *, after: int | None = None, before: int | None = None) -> list[Offer]:
        """The offers that fit, by number, beyond or before a key."""
        shelf = self._shelves.get((search.country, search.type), [])
        start = 0 if after is None else bisect_right(shelf, after, key=lambda each: each.key)
        end = len(shelf) if before is None else bisect_left(shelf, before, key=lambda each: each.key)
        return [each for each in shelf[start:end] if _fits(each, search)]


def offer_of(line: str, carrier: str) -> Offer | None:
    """A line of a carrier's file: a number, what it can do, and its type, `+447700900120,sms+mms,mobile`; None when it is none.

    A number of which nothing is said can do SMS, and is of the type that its plan says (`number_type`).
    """
    match = _LINE.fullmatch(line)
    address = parse_sender(match["number"]) if match else None
    if match is None or address is None or address.kind is not AddressKind.PHONE or address.country is None:
        return None
    words = [word.strip() for word in (match["capabilities"] or Capability.SMS).split("+")]
    kind = match["type"] or number_type(address)
    if any(word not in tuple(Capability) for word in words) or kind not in tuple(NumberType):
        return None
    region = nanp.location(address.area_code) if address.area_code else None
    return Offer(address, NumberType(kind), region, frozenset(map(Capability, words)), carrier)


def number_type(address: Address) -> NumberType:
    """Of which type a number is. In North America a mobile number cannot be told from a local one: both are local."""
    if address.toll_free:
        return NumberType.TOLL_FREE
    if address.area_code:
        return NumberType.LOCAL
    kind = phonenumbers.number_type(phonenumbers.parse(address.value))
    return NumberType.MOBILE if kind == PhoneNumberType.MOBILE else NumberType.LOCAL


def number_pattern(text: str) -> re.Pattern[str] | None:
    """What `Contains` means: digits, letters as on a keypad, `*` for any one digit, anywhere in the number; None for else."""
    if not _PATTERN.fullmatch(text):
        return None
    digits = text.lower().translate(_KEYPAD).replace("*", "[0-9]")
    return re.compile(digits.replace("+", r"^\+"))


def _fits(offer: Offer, search: Search) -> bool:
    return (
        search.area_code in (None, offer.address.area_code)
        and search.region in (None, offer.region)
        and all((one in offer.capabilities) is wanted for one, wanted in search.capabilities.items())
        and (search.pattern is None or search.pattern.search(offer.address.value) is not None)
    )
