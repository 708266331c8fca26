"""Brands, campaigns and toll-free verifications as values; what a campaign may be for, and how much it may send.

Sources: Twilio, A2P 10DLC campaign use cases (codes); A2P 10DLC message throughput and trust scores (AT&T's classes by message,
T-Mobile's tiers by day), as of 2025. It knows neither rows nor the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from limpet.core.registration import CampaignStatus

SOLE_PROPRIETOR: Final = "SOLE_PROPRIETOR"
STANDARD: Final = "STANDARD"
LOW_VOLUME: Final = "LOW_VOLUME"
CAMPAIGNS_PER_BRAND_MAX: Final = 100


class BrandStatus(StrEnum):
    """Twilio's brand states."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    FAILED = "FAILED"
    IN_REVIEW = "IN_REVIEW"
    DELETION_PENDING = "DELETION_PENDING"
    DELETION_FAILED = "DELETION_FAILED"
    SUSPENDED = "SUSPENDED"


class VerificationStatus(StrEnum):
    """Twilio's states of a toll-free verification."""

    PENDING_REVIEW = "PENDING_REVIEW"
    IN_REVIEW = "IN_REVIEW"
    APPROVED = "TWILIO_APPROVED"
    REJECTED = "TWILIO_REJECTED"


@dataclass(frozen=True, slots=True)
class UseCase:
    """What a campaign may be for. `special` ones are approved by the carriers one by one."""

    code: str
    name: str
    description: str
    special: bool = False


USE_CASES: Final = (
    UseCase("2FA", "Two-Factor authentication (2FA)", "One-time passwords and codes that prove who somebody is"),
    UseCase("ACCOUNT_NOTIFICATION", "Account Notification", "Reminders and notices about somebody's account or booking"),
    UseCase("AGENTS_FRANCHISES", "Agents and Franchises", "Agents or branches of one brand, each with a number of its own", True),
    UseCase("CHARITY", "Charity", "Registered charities; religious organisations are not among them"),
    UseCase("PROXY", "Proxy", "People who talk to each other through numbers that stand between them", True),
    UseCase("CUSTOMER_CARE", "Customer Care", "Help with accounts, purchases and services"),
    UseCase("DELIVERY_NOTIFICATION", "Delivery Notification", "Where a delivery is, and when it comes"),
    UseCase("EMERGENCY", "Emergency", "Public safety and health in an emergency", True),
    UseCase("FRAUD_ALERT", "Fraud Alert Messaging", "Warnings of a possible fraud"),
    UseCase("HIGHER_EDUCATION", "Higher Education", "Colleges, universities and school districts"),
    UseCase("K12_EDUCATION", "K-12 Education", "Schools, and platforms that schools use", True),
    UseCase(LOW_VOLUME, "Low Volume Mixed", "Several uses at a low volume, such as trials and demonstrations"),
    UseCase("MARKETING", "Marketing", "News and offers"),
    UseCase("MIXED", "Mixed", "Several uses at once"),
    UseCase("POLITICAL", "Political", "An organised effort to influence a decision, or an election"),
    UseCase("POLLING_VOTING", "Polling and voting", "Surveys and votes that are not political"),
    UseCase("PUBLIC_SERVICE_ANNOUNCEMENT", "Public Service Announcement", "Information that raises awareness of a matter"),
    UseCase("SECURITY_ALERT", "Security Alert", "Notice that a system's security is broken, and what to do"),
    UseCase("SOCIAL", "Social", "Messages within a community, such as influencers' alerts", True),
    UseCase("SWEEPSTAKE", "Sweepstake", "Games of chance", True),
)  # fmt: skip
SOLE: Final = UseCase(SOLE_PROPRIETOR, "Sole Proprietor", "One person's business, at a low volume")
USE_CASE_CODES: Final = frozenset({each.code for each in USE_CASES} | {SOLE_PROPRIETOR})
_ANY_SERVICE: Final = frozenset({LOW_VOLUME, "MIXED", SOLE_PROPRIETOR, "AGENTS_FRANCHISES", "CHARITY", "K12_EDUCATION",
                                 "HIGHER_EDUCATION", "SOCIAL"})  # fmt: skip
_OF_SERVICE: Final[Mapping[str, frozenset[str]]] = {
    "notifications": frozenset({"ACCOUNT_NOTIFICATION", "DELIVERY_NOTIFICATION", "EMERGENCY", "FRAUD_ALERT",
                                "PUBLIC_SERVICE_ANNOUNCEMENT", "SECURITY_ALERT", "CUSTOMER_CARE"}),
    "marketing": frozenset({"MARKETING", "SWEEPSTAKE", "POLITICAL"}),
    "verification": frozenset({"2FA", "FRAUD_ALERT", "SECURITY_ALERT"}),
    "discussion": frozenset({"PROXY", "CUSTOMER_CARE"}),
    "poll": frozenset({"POLLING_VOTING", "POLITICAL"}),
}  # fmt: skip


def use_cases_of(brand_type: str | None) -> tuple[UseCase, ...]:
    """What a brand of that type may choose from; without a brand all that standard ones may."""
    return (SOLE,) if brand_type == SOLE_PROPRIETOR else USE_CASES


def fits_service(usecase: str, service_usecase: str) -> bool:
    """Whether a campaign's use case goes with what its service says that it is for; an undeclared one goes with all."""
    if usecase in _ANY_SERVICE or service_usecase not in _OF_SERVICE:
        return True
    return usecase in _OF_SERVICE[service_usecase]


@dataclass(frozen=True, slots=True)
class CampaignLimits:
    """How much a campaign may send: segments a second in all and to AT&T, and segments a day to T-Mobile (None: no cap).

    `att_class` and `tmobile_tier` are those networks' names for it. What holds of it is `limpet.core.limits.CampaignShare`.
    """

    segments_per_s: float
    att_segments_per_s: float
    att_class: str
    tmobile_tier: str
    daily_segments: int | None

    @property
    def us_daily_segments(self) -> int | None:
        """Segments a day to all networks together: small brands have such a cap, beside T-Mobile's."""
        return _US_DAILY.get(self.att_class)


_US_DAILY: Final = {"W": 3_000, "T": 6_000}
"""Of sole proprietors and of low-volume campaigns. Source: Twilio, A2P 10DLC brand types."""
_BY_SCORE: Final = (
    (75, CampaignLimits(225, 75, "A", "TOP", 200_000)),
    (50, CampaignLimits(120, 40, "C", "HIGH_MID", 40_000)),
    (25, CampaignLimits(12, 4, "E", "LOW_MID", 10_000)),
    (0, CampaignLimits(12, 4, "E", "LOW", 2_000)),
)
_SOLE = CampaignLimits(1, 0.25, "W", "LOW", 1_000)
_LOW_VOLUME = CampaignLimits(3.75, 1.25, "T", "LOW", 2_000)
_UNCAPPED = frozenset({"EMERGENCY", "POLITICAL"})


def campaign_limits(brand_type: str, usecase: str, score: int | None) -> CampaignLimits:
    """The limits of a campaign by its brand's type and trust score (0 to 100, None where nobody gave one) and its use case."""
    if SOLE_PROPRIETOR in (brand_type, usecase):
        return _SOLE
    if usecase == LOW_VOLUME or score is None:
        return _LOW_VOLUME
    found = next(limits for least, limits in _BY_SCORE if score >= least)
    if usecase in _UNCAPPED:
        return CampaignLimits(225, 75, "X" if usecase == "EMERGENCY" else "K", "TOP", None)
    return found


@dataclass(frozen=True, slots=True)
class Brand:
    """A BrandRegistration (`BN…`). `errors` are Twilio's objects; `tcr_id` is the registry's name for it."""

    id: int
    sid: str
    account_id: int
    customer_profile_sid: str
    a2p_profile_sid: str
    brand_type: str
    mock: bool
    skip_vetting: bool
    status: BrandStatus
    identity_status: str | None
    tcr_id: str | None
    score: int | None
    errors: tuple[Mapping[str, object], ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Campaign:
    """A service's campaign (`QE…`). `fields` are what its owner says of it, by Twilio's names in snake case."""

    id: int
    sid: str
    account_id: int
    service_id: int
    brand_id: int
    brand_sid: str
    usecase: str
    status: CampaignStatus
    mock: bool
    fields: Mapping[str, object]
    errors: tuple[Mapping[str, object], ...]
    tcr_id: str | None
    limits: CampaignLimits
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Verification:
    """A toll-free verification (`HH…`) of a number; `fields` are Twilio's by their names in snake case."""

    id: int
    sid: str
    account_id: int
    number_sid: str
    number: str
    status: VerificationStatus
    fields: Mapping[str, object]
    reason: str | None
    error_code: int | None
    edit_until: datetime | None
    created_at: datetime
    updated_at: datetime
