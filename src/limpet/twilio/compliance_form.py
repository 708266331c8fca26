"""Forms of brand registrations and campaigns. It knows neither brands nor services.

Sources: twilio.com/docs/messaging/api/brand-registration-resource, …/usapptoperson-resource. A campaign that lacks a parameter is
refused with 21727, one with a text that is too short or too long with 21728, as by Twilio; both name the parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from limpet.core.campaign import SOLE_PROPRIETOR, STANDARD, USE_CASE_CODES
from limpet.core.errors import ApiError
from limpet.twilio.forms import Form, boolean, choice, filled, given, invalid, is_web_url, missing, sid

BRAND_TYPES: Final = (STANDARD, SOLE_PROPRIETOR)
SAMPLES_MIN, SAMPLES_MAX = 2, 5
KEYWORDS_LENGTH_MAX = 255
KEYWORDS_MAX = 50
_TEXTS: Final[Mapping[str, tuple[str, int, int]]] = {
    "Description": ("description", 40, 4096),
    "MessageFlow": ("message_flow", 40, 2048),
    "OptInMessage": ("opt_in_message", 20, 320),
    "OptOutMessage": ("opt_out_message", 20, 320),
    "HelpMessage": ("help_message", 20, 320),
}
_SWITCHES: Final[Mapping[str, str]] = {
    "HasEmbeddedLinks": "has_embedded_links",
    "HasEmbeddedPhone": "has_embedded_phone",
    "SubscriberOptIn": "subscriber_opt_in",
    "AgeGated": "age_gated",
    "DirectLending": "direct_lending",
}
_KEYWORDS: Final[Mapping[str, str]] = {
    "OptInKeywords": "opt_in_keywords",
    "OptOutKeywords": "opt_out_keywords",
    "HelpKeywords": "help_keywords",
}
_URLS: Final[Mapping[str, str]] = {
    "PrivacyPolicyUrl": "privacy_policy_url",
    "TermsAndConditionsUrl": "terms_and_conditions_url",
}
_REQUIRED: Final = (
    "BrandRegistrationSid", "Description", "MessageFlow", "MessageSamples", "UsAppToPersonUsecase", "HasEmbeddedLinks",
    "HasEmbeddedPhone",
)  # fmt: skip
_CHANGEABLE: Final = frozenset({
    "Description", "MessageFlow", "MessageSamples", "HasEmbeddedLinks", "HasEmbeddedPhone", "AgeGated", "DirectLending",
    "PrivacyPolicyUrl", "TermsAndConditionsUrl",
})  # fmt: skip
_DEFAULTS: Final[Mapping[str, object]] = {
    "subscriber_opt_in": False, "age_gated": False, "direct_lending": False, "opt_in_message": None,
    "opt_out_message": "You have been unsubscribed and will get no more messages. Reply START to subscribe again.",
    "help_message": "Reply STOP to unsubscribe. Message and data rates may apply.",
    "opt_in_keywords": [], "opt_out_keywords": ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"],
    "help_keywords": ["HELP", "INFO"], "privacy_policy_url": None, "terms_and_conditions_url": None,
}  # fmt: skip
"""What a campaign has that says nothing of it: the words that every service knows."""


@dataclass(frozen=True, slots=True)
class BrandForm:
    """What `POST /v1/a2p/BrandRegistrations` says."""

    customer_profile_sid: str
    a2p_profile_sid: str
    brand_type: str
    mock: bool
    skip_vetting: bool


@dataclass(frozen=True, slots=True)
class CampaignForm:
    """What `POST …/Compliance/Usa2p` says; `fields` by their names in snake case."""

    brand_sid: str
    usecase: str
    fields: Mapping[str, object]


def parse_brand(form: Form) -> BrandForm:
    """Read a new brand; the bundles must have the form of SIDs, and are not looked up."""
    customer, a2p = sid(form, "CustomerProfileBundleSid", "BU"), sid(form, "A2PProfileBundleSid", "BU")
    if customer is None:
        raise missing("CustomerProfileBundleSid")
    if a2p is None:
        raise missing("A2PProfileBundleSid")
    brand_type = choice(form, "BrandType", BRAND_TYPES) or STANDARD
    return BrandForm(
        customer, a2p, brand_type, boolean(form, "Mock") or False, boolean(form, "SkipAutomaticSecVet") or False
    )


def parse_campaign(form: Form) -> CampaignForm:
    """Read a new campaign: 21727, 21728, 21720 for a use case that there is not, 21717 for what is no brand's SID."""
    for name in _REQUIRED:
        if filled(form, name) is None:
            raise ApiError(21727, parameter=f"'{name}'")
    usecase = filled(form, "UsAppToPersonUsecase") or ""
    if usecase not in USE_CASE_CODES:
        raise ApiError(21720, value=usecase)
    try:
        brand_sid = sid(form, "BrandRegistrationSid", "BN")
    except ApiError as error:
        raise ApiError(21717, value=filled(form, "BrandRegistrationSid")) from error
    return CampaignForm(brand_sid or "", usecase, {**_DEFAULTS, **_fields(form)})


def parse_campaign_changes(form: Form) -> dict[str, object]:
    """Read `POST …/Compliance/Usa2p/{QE}`: what is given of what may be changed."""
    return _fields({name: values for name, values in form.items() if name in _CHANGEABLE})


def parse_brand_filter(query: Form) -> str | None:
    """Read `BrandRegistrationSid` of the list of use cases."""
    return sid(query, "BrandRegistrationSid", "BN")


def _fields(form: Form) -> dict[str, object]:
    """What is given, each held to its limits."""
    found: dict[str, object] = {}
    for name, (field, least, most) in _TEXTS.items():
        if (value := filled(form, name)) is not None:
            found[field] = _measured(name, value, least, most)
    if (samples := form.get("MessageSamples")) is not None:
        found["message_samples"] = _samples(samples)
    found |= {field: said for name, field in _SWITCHES.items() if (said := boolean(form, name)) is not None}
    for name, field in _KEYWORDS.items():
        if (words := form.get(name)) is not None:
            found[field] = _keywords(name, words)
    return found | _urls(form)


def _urls(form: Form) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, field in _URLS.items():
        value = given(form, name)
        if value and not is_web_url(value):
            raise invalid(name, "not a valid http or https URL")
        if value is not None:
            found[field] = value or None
    return found


def _samples(samples: list[str]) -> list[str]:
    if not SAMPLES_MIN <= len(samples) <= SAMPLES_MAX:
        raise ApiError(21728, parameter=f"'MessageSamples' must be {SAMPLES_MIN} to {SAMPLES_MAX} texts")
    return [_measured("MessageSamples", sample, 20, 1024) for sample in samples]


def _measured(name: str, value: str, least: int, most: int) -> str:
    if not least <= len(value) <= most:
        raise ApiError(21728, parameter=f"'{name}' must have {least} to {most} characters")
    return value


def _keywords(name: str, words: list[str]) -> list[str]:
    """Words of letters and digits, together at most KEYWORDS_LENGTH_MAX characters; one parameter may hold several, by commas."""
    found = [word.strip() for value in words for word in value.split(",") if word.strip()]
    if not all(word.isalnum() for word in found):
        raise invalid(name, "not words of letters and digits")
    if len(found) > KEYWORDS_MAX or sum(map(len, found)) > KEYWORDS_LENGTH_MAX:
        raise ApiError(21728, parameter=f"'{name}' must have at most {KEYWORDS_LENGTH_MAX} characters")
    return found
