"""Forms of toll-free verifications: Twilio's thirty-seven parameters in a table. It knows neither numbers nor verifications.

Source: twilio.com/docs/messaging/api/tollfree-verification-resource.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from limpet.core.address import parse_recipient
from limpet.core.campaign import VerificationStatus
from limpet.twilio.forms import Form, boolean, choice, filled, invalid, is_web_url, missing, sid, text

OPT_IN_TYPES: Final = (
    "VERBAL",
    "WEB_FORM",
    "PAPER_FORM",
    "VIA_TEXT",
    "MOBILE_QR_CODE",
    "IMPORT",
    "IMPORT_PLEASE_REPLACE",
)
CATEGORIES: Final = (
    "TWO_FACTOR_AUTHENTICATION", "ACCOUNT_NOTIFICATIONS", "CUSTOMER_CARE", "CHARITY_NONPROFIT", "DELIVERY_NOTIFICATIONS",
    "FRAUD_ALERT_MESSAGING", "EVENTS", "HIGHER_EDUCATION", "K12", "MARKETING", "POLLING_AND_VOTING_NON_POLITICAL",
    "POLITICAL_ELECTION_CAMPAIGNS", "PUBLIC_SERVICE_ANNOUNCEMENT", "SECURITY_ALERT",
)  # fmt: skip
BUSINESS_TYPES: Final = ("PRIVATE_PROFIT", "PUBLIC_PROFIT", "SOLE_PROPRIETOR", "NON_PROFIT", "GOVERNMENT")
AUTHORITIES: Final = (
    "EIN", "CBN", "CRN", "PROVINCIAL_NUMBER", "VAT", "ACN", "ABN", "BRN", "SIREN", "SIRET", "NZBN", "USt-IdNr", "CIF", "NIF",
    "CNPJ", "UID", "NEQ", "OTHER",
)  # fmt: skip
LIST_MAX, LONG_MAX, VETTING_ID_MAX = 50, 4096, 500
_MAIL = re.compile(r"[^@\s]{1,128}@[^@\s]{1,253}")

Read = Callable[[Form, str], object]


def _texts(form: Form, name: str, rule: Callable[[str], bool] | None = None) -> list[str] | None:
    values = form.get(name)
    if values is None:
        return None
    if len(values) > LIST_MAX or any(len(value) > LONG_MAX for value in values):
        raise invalid(name, f"more than {LIST_MAX} values, or one of more than {LONG_MAX} characters")
    if rule is not None and not all(map(rule, values)):
        raise invalid(name, "a value that cannot be used")
    return list(values)


def _url(form: Form, name: str) -> str | None:
    value = filled(form, name)
    if value is not None and not is_web_url(value):
        raise invalid(name, "not a valid http or https URL")
    return value


def _mail(form: Form, name: str) -> str | None:
    value = filled(form, name)
    if value is not None and not _MAIL.fullmatch(value):
        raise invalid(name, "not an e-mail address")
    return value


def _phone(form: Form, name: str) -> str | None:
    value = filled(form, name)
    parsed = None if value is None else parse_recipient(value)
    if value is not None and parsed is None:
        raise invalid(name, "not a phone number")
    return None if parsed is None else parsed.value


_long: Final = partial(text, length_max=LONG_MAX)
_FIELDS: Final[Mapping[str, tuple[str, Read]]] = {
    "BusinessName": ("business_name", text),
    "BusinessWebsite": ("business_website", text),
    "NotificationEmail": ("notification_email", _mail),
    "UseCaseCategories": ("use_case_categories", partial(_texts, rule=CATEGORIES.__contains__)),
    "UseCaseSummary": ("use_case_summary", _long),
    "ProductionMessageSample": ("production_message_sample", _long),
    "OptInImageUrls": ("opt_in_image_urls", partial(_texts, rule=is_web_url)),
    "OptInType": ("opt_in_type", partial(choice, options=OPT_IN_TYPES)),
    "MessageVolume": ("message_volume", partial(text, length_max=20)),
    "CustomerProfileSid": ("customer_profile_sid", partial(sid, prefix="BU")),
    "BusinessStreetAddress": ("business_street_address", text),
    "BusinessStreetAddress2": ("business_street_address2", text),
    "BusinessCity": ("business_city", text),
    "BusinessStateProvinceRegion": ("business_state_province_region", text),
    "BusinessPostalCode": ("business_postal_code", text),
    "BusinessCountry": ("business_country", text),
    "AdditionalInformation": ("additional_information", _long),
    "BusinessContactFirstName": ("business_contact_first_name", text),
    "BusinessContactLastName": ("business_contact_last_name", text),
    "BusinessContactEmail": ("business_contact_email", _mail),
    "BusinessContactPhone": ("business_contact_phone", _phone),
    "ExternalReferenceId": ("external_reference_id", text),
    "BusinessRegistrationNumber": ("business_registration_number", text),
    "BusinessRegistrationAuthority": ("business_registration_authority", partial(choice, options=AUTHORITIES)),
    "BusinessRegistrationCountry": ("business_registration_country", text),
    "BusinessType": ("business_type", partial(choice, options=BUSINESS_TYPES)),
    "BusinessRegistrationPhoneNumber": ("business_registration_phone_number", _phone),
    "DoingBusinessAs": ("doing_business_as", text),
    "OptInConfirmationMessage": ("opt_in_confirmation_message", _long),
    "HelpMessageSample": ("help_message_sample", _long),
    "PrivacyPolicyUrl": ("privacy_policy_url", _url),
    "TermsAndConditionsUrl": ("terms_and_conditions_url", _url),
    "AgeGatedContent": ("age_gated_content", boolean),
    "OptInKeywords": ("opt_in_keywords", _texts),
    "VettingProvider": ("vetting_provider", partial(choice, options=("CAMPAIGN_VERIFY",))),
    "VettingId": ("vetting_id", partial(text, length_max=VETTING_ID_MAX)),
}
_REQUIRED: Final = (
    "BusinessName", "BusinessWebsite", "NotificationEmail", "UseCaseCategories", "UseCaseSummary", "ProductionMessageSample",
    "OptInImageUrls", "OptInType", "MessageVolume", "TollfreePhoneNumberSid",
)  # fmt: skip
_ONCE: Final = frozenset({"CustomerProfileSid", "ExternalReferenceId"})
"""What a verification keeps for ever."""
FIELDS: Final = tuple(field for field, _ in _FIELDS.values())
"""Every field that a verification's owner says of it."""


def parse_verification(form: Form) -> tuple[str, dict[str, object]]:
    """Read `POST /v1/Tollfree/Verifications`: the number's SID, and everything else by its name in snake case."""
    for name in _REQUIRED:
        if filled(form, name) is None:
            raise missing(name)
    number_sid = sid(form, "TollfreePhoneNumberSid", "PN")
    return number_sid or "", {**dict.fromkeys(FIELDS), **_given(form)}


def parse_verification_changes(form: Form) -> dict[str, object]:
    """Read `POST /v1/Tollfree/Verifications/{HH}`: only what is to change. `EditReason` is taken and not kept."""
    text(form, "EditReason", LONG_MAX)
    return _given({name: values for name, values in form.items() if name not in _ONCE})


def parse_verification_filter(query: Form) -> tuple[str | None, str | None, str | None]:
    """Read the filters of the list: the number's SID, the status, the owner's own reference."""
    status = choice(query, "Status", tuple(VerificationStatus))
    return sid(query, "TollfreePhoneNumberSid", "PN"), status, text(query, "ExternalReferenceId")


def _given(form: Form) -> dict[str, Any]:
    return {field: value for name, (field, read) in _FIELDS.items() if (value := read(form, name)) is not None}
