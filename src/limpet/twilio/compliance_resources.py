"""Brands, campaigns, toll-free verifications and number registrations as JSON, each with all its fields.

Source: Twilio's OpenAPI document `twilio_messaging_v1`; the registration of one number is ours. It knows no rows and no HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from limpet.core.campaign import (
    SOLE_PROPRIETOR,
    Brand,
    BrandStatus,
    Campaign,
    CampaignLimits,
    UseCase,
    Verification,
    VerificationStatus,
)
from limpet.core.registration import State
from limpet.twilio.dates import iso8601
from limpet.twilio.tollfree_form import FIELDS

Json = dict[str, object]

_CAMPAIGN_FIELDS = (
    "description", "message_samples", "has_embedded_links", "has_embedded_phone", "subscriber_opt_in", "age_gated",
    "direct_lending", "message_flow", "opt_in_message", "opt_out_message", "help_message", "opt_in_keywords",
    "opt_out_keywords", "help_keywords",
)  # fmt: skip
_V2_FIELDS = ("privacy_policy_url", "terms_and_conditions_url")


def brand_resource(brand: Brand, account_sid: str, root: str) -> Json:
    """A BrandRegistration (21 fields). Source: twilio.com/docs/messaging/api/brand-registration-resource."""
    url = f"{root}/a2p/BrandRegistrations/{brand.sid}"
    failed = brand.errors[0].get("description") if brand.errors and brand.status is BrandStatus.FAILED else None
    sole = brand.brand_type == SOLE_PROPRIETOR
    return {
        "a2p_profile_bundle_sid": brand.a2p_profile_sid,
        "account_sid": account_sid,
        "brand_feedback": None,
        "brand_score": brand.score,
        "brand_type": brand.brand_type,
        "customer_profile_bundle_sid": brand.customer_profile_sid,
        "date_created": iso8601(brand.created_at),
        "date_updated": iso8601(brand.updated_at),
        "errors": list(brand.errors),
        "failure_reason": failed,
        "government_entity": None if sole else False,
        "identity_status": brand.identity_status or ("UNVERIFIED" if not sole else "SELF_DECLARED"),
        "links": {"brand_registration_otps": f"{url}/SmsOtp", "brand_vettings": f"{url}/Vettings"},
        "mock": brand.mock,
        "russell_3000": None if sole else False,
        "sid": brand.sid,
        "skip_automatic_sec_vet": brand.skip_vetting,
        "status": brand.status,
        "tax_exempt_status": None,
        "tcr_id": brand.tcr_id,
        "url": url,
    }


def campaign_resource(campaign: Campaign, account_sid: str, service_sid: str, root: str, *, v2: bool = False) -> Json:
    """A campaign (28 fields, and 2 more in the second version of the resource). Source: …/api/usapptoperson-resource."""
    fields = {name: campaign.fields.get(name) for name in (*_CAMPAIGN_FIELDS, *(_V2_FIELDS if v2 else ()))}
    return {
        **fields,
        "account_sid": account_sid,
        "brand_registration_sid": campaign.brand_sid,
        "campaign_id": campaign.tcr_id,
        "campaign_status": campaign.status,
        "date_created": iso8601(campaign.created_at),
        "date_updated": iso8601(campaign.updated_at),
        "errors": list(campaign.errors),
        "is_externally_registered": False,
        "messaging_service_sid": service_sid,
        "mock": campaign.mock,
        "rate_limits": rate_limits(campaign.limits),
        "sid": campaign.sid,
        "url": f"{root}/Services/{service_sid}/Compliance/Usa2p/{campaign.sid}",
        "us_app_to_person_usecase": campaign.usecase,
    }


def rate_limits(limits: CampaignLimits) -> Json:
    """A campaign's limits as Twilio shows them: by network."""
    return {
        "att": {"mps": limits.att_segments_per_s, "msg_class": limits.att_class},
        "tmobile": {"brand_tier": limits.tmobile_tier},
    }


def use_cases_resource(use_cases: Sequence[UseCase]) -> Json:
    """What a campaign may be for (1 field)."""
    return {
        "us_app_to_person_usecases": [
            {"code": one.code, "name": one.name, "description": one.description, "post_approval_required": one.special}
            for one in use_cases
        ]
    }


def verification_resource(one: Verification, account_sid: str, root: str, now: datetime) -> Json:
    """A toll-free verification (53 fields). Source: twilio.com/docs/messaging/api/tollfree-verification-resource."""
    rejected = one.status is VerificationStatus.REJECTED
    reasons = [{"reason": one.reason, "code": one.error_code}] if rejected else None
    return {
        **{name: one.fields.get(name) for name in FIELDS},
        "account_sid": account_sid,
        "date_created": iso8601(one.created_at),
        "date_updated": iso8601(one.updated_at),
        "edit_allowed": one.edit_until is not None and now <= one.edit_until if rejected else None,
        "edit_expiration": iso8601(one.edit_until) if one.edit_until else None,
        "error_code": one.error_code,
        "regulated_item_sid": None,
        "rejection_reason": one.reason,
        "rejection_reasons": reasons,
        "resource_links": {},
        "sid": one.sid,
        "status": one.status,
        "tollfree_phone_number": one.number,
        "tollfree_phone_number_sid": one.number_sid,
        "trust_product_sid": None,
        "url": f"{root}/Tollfree/Verifications/{one.sid}",
        "vetting_id_expiration": None,
    }


def registration_resource(
    *,
    account_sid: str,
    service_sid: str,
    number_sid: str,
    number: str,
    campaign_sid: str | None,
    state: State,
    usable: bool,
    reason: str | None,
    error_code: int | None,
    since: datetime | None,
    warnings: Sequence[str],
    history: Sequence[Mapping[str, object]],
    root: str,
) -> Json:
    """The registration of a number within a service, ours: where it stands, since when, why, and what has happened to it.

    `usable_in_us` is whether a text to the United States may come from it at this moment.
    """
    return {
        "account_sid": account_sid,
        "campaign_sid": campaign_sid,
        "date_updated": iso8601(since) if since else None,
        "error_code": error_code,
        "history": list(history),
        "phone_number": number,
        "phone_number_sid": number_sid,
        "reason": reason,
        "service_sid": service_sid,
        "state": state,
        "url": f"{root}/Services/{service_sid}/PhoneNumbers/{number_sid}/Registration",
        "usable_in_us": usable,
        "warnings": list(warnings),
    }


def swap_resource(
    *,
    account_sid: str,
    service_sid: str,
    number_sid: str,
    replacement_sid: str,
    state: str,
    registration: State,
    progress: int,
    moved: int,
    reason: str | None,
    notice: tuple[str, int, int] | None,
    to_tell: int,
    told: int,
    untold: int,
    created_at: datetime,
    updated_at: datetime,
    root: str,
) -> Json:
    """A swap of numbers, ours: `progress` counts to 1024 while people are moved, `moved` is how many they are by now. Of them
    `to_tell` get the text of the `notice` (its days and pace behind it), `told` have got it, `untold` cannot get it."""
    return {
        "account_sid": account_sid,
        "date_created": iso8601(created_at),
        "date_updated": iso8601(updated_at),
        "moved": moved,
        "notify_body": notice and notice[0],
        "notify_days": notice and notice[1],
        "notify_per_second": notice and notice[2],
        "phone_number_sid": number_sid,
        "progress": progress,
        "reason": reason,
        "replacement_registration": registration,
        "replacement_sid": replacement_sid,
        "service_sid": service_sid,
        "state": state,
        "to_tell": to_tell,
        "told": told,
        "untold": untold,
        "url": f"{root}/Services/{service_sid}/PhoneNumbers/{number_sid}/Swap",
    }
