"""The table by which registrations move, the diagram that is made from it, and what the United States may hear of each stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from limpet.core.campaign import USE_CASE_CODES, USE_CASES, CampaignLimits, campaign_limits, fits_service, use_cases_of
from limpet.core.model import Clearance, SenderKind
from limpet.core.registration import (
    SHOWN,
    TRANSITIONS,
    Asks,
    CampaignStatus,
    Event,
    Stage,
    State,
    clearance,
    diagram,
    is_ten_dlc,
    step,
)

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "a2p-10dlc.md"
OPEN = [stage for stage in Stage if stage is not Stage.FREE]
ASKED = {Stage.PENDING: Asks.REGISTER, Stage.LEAVING: Asks.DEREGISTER}


def test_the_documents_show_the_table() -> None:
    assert f"```mermaid\n{diagram()}\n```" in HOWTO.read_text()


def test_what_is_over_is_over_and_everything_else_can_be_removed_or_resolved() -> None:
    assert [event for event in Event if step(Stage.FREE, event)] == []
    for stage in OPEN:
        ends = {stage}
        for _ in Stage:
            ends |= {to.to for (frm, _), to in TRANSITIONS.items() if frm in ends}
        assert Stage.FREE in ends


@pytest.mark.parametrize("stage", [Stage.PENDING, Stage.LEAVING])
def test_no_pending_stage_outlives_an_answer(stage: Stage) -> None:
    for event in (Event.APPROVE, Event.REJECT, Event.TIME_OUT):
        found = step(stage, event)
        assert found is not None
        assert found.to not in ASKED


def test_the_registrar_is_asked_exactly_when_a_pending_stage_is_entered() -> None:
    for found in TRANSITIONS.values():
        assert found.asks == ASKED.get(found.to)


def test_customers_are_told_of_every_step_but_those_that_nobody_was_asked_about() -> None:
    untold = {key for key, found in TRANSITIONS.items() if found.tells is None}
    assert untold == {(Stage.WAITING, Event.REMOVE), (Stage.FAILED, Event.REMOVE)}
    for found in TRANSITIONS.values():
        if found.tells is not None:
            suffix = {
                State.PENDING_REGISTRATION: "pending",
                State.PENDING_DEREGISTRATION: "pending",
                State.FAILED: "failed",
            }
            assert found.tells.endswith(suffix.get(SHOWN[found.to], "successful"))


CAMPAIGNS = [None, *CampaignStatus]


@pytest.mark.parametrize("campaign", CAMPAIGNS)
@pytest.mark.parametrize("stage", [None, *Stage])
@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("demanded", [False, True])
def test_S_60_with_a_campaign_only_what_is_registered_is_clear(
    campaign: CampaignStatus | None, stage: Stage | None, held: bool, demanded: bool
) -> None:
    found = clearance(ten_dlc=True, campaign=campaign, stage=stage, held=held, demanded=demanded)
    if campaign is None:
        assert (found is Clearance.CLEAR) is not (held or demanded)
    else:
        registered = campaign is CampaignStatus.VERIFIED and stage is Stage.REGISTERED and not held
        assert (found is Clearance.CLEAR) is registered
    assert clearance(ten_dlc=False, campaign=campaign, stage=stage, held=held, demanded=demanded) is Clearance.CLEAR


@pytest.mark.parametrize("stage", [Stage.WAITING, Stage.PENDING, None])
def test_S_61_what_may_still_come_is_waited_for(stage: Stage | None) -> None:
    for campaign in (CampaignStatus.PENDING, CampaignStatus.IN_PROGRESS, CampaignStatus.VERIFIED):
        assert clearance(ten_dlc=True, campaign=campaign, stage=stage, held=False, demanded=True) is Clearance.PENDING


@pytest.mark.parametrize(
    ("campaign", "stage"),
    [
        (CampaignStatus.VERIFIED, Stage.FAILED), (CampaignStatus.VERIFIED, Stage.OVERDUE),
        (CampaignStatus.SUSPENDED, Stage.REGISTERED), (CampaignStatus.FAILED, Stage.WAITING), (None, None),
    ],
)  # fmt: skip
def test_S_62_what_will_not_come_by_waiting_is_barred(campaign: CampaignStatus | None, stage: Stage | None) -> None:
    assert clearance(ten_dlc=True, campaign=campaign, stage=stage, held=False, demanded=True) is Clearance.BARRED


@pytest.mark.parametrize(
    ("kind", "country", "concerned"),
    [
        (SenderKind.LONG_CODE, "US", True), (SenderKind.LONG_CODE, "CA", True), (SenderKind.LONG_CODE, "GB", False),
        (SenderKind.TOLL_FREE, "US", False), (SenderKind.SHORT_CODE, "US", False), (SenderKind.RCS, "US", False),
    ],
)  # fmt: skip
def test_S_64_registration_concerns_long_codes_of_north_america(
    kind: SenderKind, country: str, concerned: bool
) -> None:
    assert is_ten_dlc(kind, country) is concerned


@pytest.mark.parametrize(
    ("brand", "usecase", "score", "limits"),
    [
        ("STANDARD", "MIXED", 75, CampaignLimits(225, 75, "A", "TOP", 200_000)),
        ("STANDARD", "MIXED", 74, CampaignLimits(120, 40, "C", "HIGH_MID", 40_000)),
        ("STANDARD", "MARKETING", 49, CampaignLimits(12, 4, "E", "LOW_MID", 10_000)),
        ("STANDARD", "MARKETING", 0, CampaignLimits(12, 4, "E", "LOW", 2_000)),
        ("STANDARD", "MARKETING", None, CampaignLimits(3.75, 1.25, "T", "LOW", 2_000)),
        ("STANDARD", "LOW_VOLUME", 100, CampaignLimits(3.75, 1.25, "T", "LOW", 2_000)),
        ("STANDARD", "EMERGENCY", 60, CampaignLimits(225, 75, "X", "TOP", None)),
        ("SOLE_PROPRIETOR", "SOLE_PROPRIETOR", None, CampaignLimits(1, 0.25, "W", "LOW", 1_000)),
    ],
)  # fmt: skip
def test_a_campaigns_limits_follow_from_brand_use_case_and_score(
    brand: str, usecase: str, score: int | None, limits: CampaignLimits
) -> None:
    assert campaign_limits(brand, usecase, score) == limits


def test_use_cases_are_those_of_the_brands_type_and_fit_what_a_service_declares() -> None:
    assert [one.code for one in use_cases_of("SOLE_PROPRIETOR")] == ["SOLE_PROPRIETOR"]
    assert use_cases_of("STANDARD") == use_cases_of(None) == USE_CASES
    assert len(USE_CASE_CODES) == len(USE_CASES) + 1 == 21
    assert not fits_service("MARKETING", "verification")
    assert fits_service("2FA", "verification")
    assert all(fits_service(code, "undeclared") for code in USE_CASE_CODES)
    assert fits_service("MIXED", "poll")
