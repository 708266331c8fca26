"""Who a message goes to and comes from: numbers in one spelling, short codes and names.

A person must be the same person however an application spells their number, so every address that enters is turned into
one normal form here. It does not know whether a number is in service, nor who owns it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType, ValidationResult

from limpet.core import nanp

ADDRESS_LENGTH_MAX = 64
"""Characters in an address as it is given, punctuation included; more is no address."""

CACHE_SIZE_MAX = 65_536
"""How many unusual spellings and foreign numbers are remembered, some 300 octets for each."""

NANP_COUNTRY: Final = "US"
"""Whose a number of the North American plan is when its area code is not assigned, as `phonenumbers` has it."""


WHATSAPP_PREFIX: Final = "whatsapp:"


class AddressKind(StrEnum):
    """What an address is; selection ranks senders by it."""

    PHONE = "phone"
    SHORT_CODE = "short_code"
    ALPHANUMERIC = "alphanumeric"
    WHATSAPP = "whatsapp"


@dataclass(frozen=True, slots=True)
class Address:
    """One address in its normal form: `+14155550123`, `12345`, `ACME` or `whatsapp:+14155550123`.

    `country` is two letters (ISO 3166-1), None for what shows none: short codes, names, satellite and shared numbers.
    `area_code` is that of the North American plan, toll-free codes included; None elsewhere.
    """

    value: str
    kind: AddressKind
    country: str | None
    area_code: str | None
    toll_free: bool


_NANP = re.compile(r"\+1([2-9][0-9]{2})[0-9]{7}")
_NATIONAL_NANP = re.compile(r"[2-9][0-9]{2}[2-9][0-9]{6}")
_PUNCTUATION = re.compile(r"[\s().\-/\u00ad\u200b-\u200f\u2010-\u2015\u202a-\u202e\u2060\u2066-\u2069\ufeff]+")
"""What people and address books put between digits, invisible marks included."""
_DIGITS = re.compile(r"[0-9]{7,15}")
"""As many as a full number has at least (+290 and four more) and at most (E.164 §6.1)."""
_WITHOUT_PLUS_DIGITS_MIN = 11
"""Fewer digits without a plus are as likely a national spelling."""
_SHORT_CODE = re.compile(r"[0-9]{3,6}")
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 \-+_&]{1,11}")


def parse_recipient(text: str) -> Address | None:
    """The number that a `To` means, or None: error 21211 (twilio.com/docs/api/errors/21211).

    Taken are E.164 with any punctuation, also without its plus or with the space that a form decoder makes of it, and
    the ten digits of a North American number. Another national spelling could be many people's number and is refused.
    With a plus the gate is the length that the country's plan allows, not whether the number is assigned: numbers set
    aside for fiction (+1 415 555 01xx) and Twilio's test numbers (+1 500 555 0006) are to work. Without a plus the
    country code is a guess, and is taken only where the number is a valid one. `whatsapp:` before it names the same person on
    that channel, where they are another recipient.
    """
    plain = _NANP.fullmatch(text)
    if plain:
        return _nanp(text, plain[1])
    if text.startswith(WHATSAPP_PREFIX):
        number = parse_recipient(text.removeprefix(WHATSAPP_PREFIX))
        return None if number is None or number.kind is not AddressKind.PHONE else _on_whatsapp(number)
    return _spelled(text) if len(text) <= ADDRESS_LENGTH_MAX else None


def parse_sender(text: str) -> Address | None:
    """The address that a `From` means, or None: error 21212 (twilio.com/docs/api/errors/21212).

    A number as in `parse_recipient`, a short code of three to six digits, or a name of at most eleven letters, digits,
    spaces and `-+_&` with at least one letter (twilio.com/docs/messaging/api/alphasender-resource).
    """
    name = text.strip(" ")
    if _SHORT_CODE.fullmatch(name):
        return Address(name, AddressKind.SHORT_CODE, None, None, toll_free=False)
    if _NAME.fullmatch(name):
        return Address(name, AddressKind.ALPHANUMERIC, None, None, toll_free=False)
    return parse_recipient(text)


def _on_whatsapp(number: Address) -> Address:
    return replace(number, value=WHATSAPP_PREFIX + number.value, kind=AddressKind.WHATSAPP)


def area_code(value: str) -> str | None:
    """The area code of a normalised number of the North American plan; None for any other address."""
    plain = _NANP.fullmatch(value)
    return plain[1] if plain else None


def _nanp(value: str, code: str) -> Address:
    country = nanp.country(code) or NANP_COUNTRY
    return Address(value, AddressKind.PHONE, country, code, toll_free=code in nanp.TOLL_FREE)


@lru_cache(maxsize=CACHE_SIZE_MAX)
def _spelled(text: str) -> Address | None:
    digits = _PUNCTUATION.sub("", text)
    if digits.startswith("+"):
        return _with_plus(digits[1:])
    plus_became_space = text.startswith(" ")
    return (_with_plus(digits) if plus_became_space else None) or _without_plus(digits)


def _with_plus(digits: str) -> Address | None:
    number = _parsed(digits)
    if number is None or phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    return _address(number, digits)


def _without_plus(digits: str) -> Address | None:
    if _NATIONAL_NANP.fullmatch(digits):
        return _with_plus("1" + digits)
    if digits.startswith("1"):
        return _with_plus(digits)
    number = _parsed(digits) if len(digits) >= _WITHOUT_PLUS_DIGITS_MIN else None
    return _address(number, digits) if number is not None and phonenumbers.is_valid_number(number) else None


def _parsed(digits: str) -> PhoneNumber | None:
    if not _DIGITS.fullmatch(digits):
        return None
    try:
        return phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return None


def _address(number: PhoneNumber, digits: str) -> Address | None:
    value = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if value[1:] != digits and _parsed(value[1:]) != number:
        return None  # a trunk prefix was taken off and another is left: there would be two spellings of one person
    if number.country_code == 1:
        code = area_code(value)
        return _nanp(value, code) if code else None
    toll_free = phonenumbers.number_type(number) == PhoneNumberType.TOLL_FREE
    return Address(value, AddressKind.PHONE, _country(number), None, toll_free)


def _country(number: PhoneNumber) -> str | None:
    """The number's own country or, when it is not assigned, the first of its country code; 001 is a shared code."""
    own = phonenumbers.region_code_for_number(number)
    region = own or phonenumbers.region_code_for_country_code(number.country_code or 0)
    return None if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY else region
