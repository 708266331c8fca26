"""Searches for numbers to buy, and what they answer: the AvailablePhoneNumbers resources.

Source: twilio.com/docs/phone-numbers/api/availablephonenumber-resource. It knows no inventory.
"""

from __future__ import annotations

import re
from typing import Final

from limpet.core.inventory import NumberType, Offer, Search, number_pattern
from limpet.core.model import Capability
from limpet.twilio.forms import Form, boolean, filled, invalid, text
from limpet.twilio.number_form import friendly_name, parse_area_code
from limpet.twilio.resources import Json, account_uri

FILTER_LENGTH_MAX: Final = 32
_REGION = re.compile(r"[A-Za-z]{2}")
_ENABLED: Final = {
    "SmsEnabled": Capability.SMS,
    "MmsEnabled": Capability.MMS,
    "VoiceEnabled": Capability.VOICE,
}
_NO_DIFFERENCE: Final = (
    "ExcludeAllAddressRequired", "ExcludeLocalAddressRequired", "ExcludeForeignAddressRequired", "Beta", "FaxEnabled",
)  # fmt: skip
_UNKNOWN: Final = (
    "NearNumber", "NearLatLong", "Distance", "InPostalCode", "InRateCenter", "InLata", "InLocality",
)  # fmt: skip
"""Where a number is, nearer than its state, nobody knows here: a search that asks for it is refused, not answered wrongly."""
PATHS: Final = {NumberType.LOCAL: "Local", NumberType.MOBILE: "Mobile", NumberType.TOLL_FREE: "TollFree"}
COUNTRIES: Final = {
    "AT": "Austria", "AU": "Australia", "BE": "Belgium", "BR": "Brazil", "CA": "Canada", "CH": "Switzerland", "CL": "Chile",
    "CN": "China", "CO": "Colombia", "CZ": "Czech Republic", "DE": "Germany", "DK": "Denmark", "EE": "Estonia",
    "ES": "Spain", "FI": "Finland", "FR": "France", "GB": "United Kingdom", "GR": "Greece", "HK": "Hong Kong",
    "HU": "Hungary", "ID": "Indonesia", "IE": "Ireland", "IL": "Israel", "IN": "India", "IT": "Italy", "JP": "Japan",
    "KE": "Kenya", "KR": "South Korea", "LT": "Lithuania", "LV": "Latvia", "MX": "Mexico", "MY": "Malaysia",
    "NG": "Nigeria", "NL": "Netherlands", "NO": "Norway", "NZ": "New Zealand", "PE": "Peru", "PH": "Philippines",
    "PL": "Poland", "PR": "Puerto Rico", "PT": "Portugal", "RO": "Romania", "SE": "Sweden", "SG": "Singapore",
    "SK": "Slovakia", "TH": "Thailand", "TR": "Turkey", "TW": "Taiwan", "UA": "Ukraine", "US": "United States",
    "VN": "Vietnam", "ZA": "South Africa",
}  # fmt: skip
"""Names of countries in which numbers are usually sold; another one goes by its two letters."""


def parse_search(query: Form, country: str, kind: NumberType) -> Search:
    """Read the filters of a list of available numbers."""
    for name in _NO_DIFFERENCE:
        boolean(query, name)
    for name in _UNKNOWN:
        if filled(query, name) is not None:
            raise invalid(name, "it is not known of the numbers here; 'AreaCode', 'Contains' and 'InRegion' are")
    contains = text(query, "Contains", FILTER_LENGTH_MAX) or None
    pattern = None if contains is None else number_pattern(contains)
    if contains is not None and pattern is None:
        raise invalid("Contains", "not made of digits, letters and *")
    region = filled(query, "InRegion")
    if region is not None and not _REGION.fullmatch(region):
        raise invalid("InRegion", "not the two letters of a state or province")
    wanted = {capability: boolean(query, name) for name, capability in _ENABLED.items()}
    capabilities = {one: value for one, value in wanted.items() if value is not None}
    return Search(country, kind, parse_area_code(query), pattern, region and region.upper(), capabilities)


def available_resource(offer: Offer) -> Json:
    """An available number (13 fields)."""
    return {
        "address_requirements": "none",
        "beta": False,
        "capabilities": {**{str(one): one in offer.capabilities for one in Capability}, "fax": False},
        "friendly_name": friendly_name(offer.address),
        "iso_country": offer.address.country,
        "lata": None,
        "latitude": None,
        "locality": None,
        "longitude": None,
        "phone_number": offer.address.value,
        "postal_code": None,
        "rate_center": None,
        "region": offer.region,
    }


def country_resource(country: str, types: list[NumberType], account_sid: str) -> Json:
    """A country with numbers to buy (5 fields)."""
    uri = f"{account_uri(account_sid)}/AvailablePhoneNumbers/{country}"
    return {
        "beta": False,
        "country": COUNTRIES.get(country, country),
        "country_code": country,
        "subresource_uris": {str(kind): f"{uri}/{PATHS[kind]}.json" for kind in types},
        "uri": f"{uri}.json",
    }
