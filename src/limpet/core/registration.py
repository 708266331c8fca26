"""A number's registration with a campaign: its stages, what moves it on, and what the United States may hear from it meanwhile.

The transitions are one table. The diagram in docs/howto/a2p-10dlc.md is made from it, the store does what it says, and nothing
else moves a registration. Customers see five states (Twilio's); the stages behind them tell apart what must be told apart, such
as a number that nobody has answered for from one that was rejected. Source: Twilio, A2P 10DLC phone number registration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from limpet.core.model import Clearance, SenderKind

REGULATED: Final = "US"
"""The country whose carriers take texts of ordinary numbers only when they are registered."""
TEN_DLC_COUNTRIES: Final = frozenset({"US", "CA"})
"""Whose long codes are 10DLC: ten digits of the North American plan."""
UNREGISTERED_SENDER: Final = 30034
NUMBER_REJECTED: Final = 30125
TMOBILE_NUMBERS_MAX: Final = 49
"""How many numbers T-Mobile lets one campaign have unless a number pool is agreed: beyond it, a warning."""


class State(StrEnum):
    """What customers see. Source: Twilio's console, as registrations are exported."""

    UNREGISTERED = "UNREGISTERED"
    PENDING_REGISTRATION = "PENDING_REGISTRATION"
    REGISTERED = "REGISTERED"
    FAILED = "FAILED"
    PENDING_DEREGISTRATION = "PENDING_DEREGISTRATION"


class Stage(StrEnum):
    """Where a registration is; a new one begins as WAITING and every one ends as FREE."""

    WAITING = "waiting"
    """Its campaign is not verified yet, or the number still has to be freed from a former campaign."""
    PENDING = "pending"
    """The registrar is asked to register it."""
    REGISTERED = "registered"
    FAILED = "failed"
    """The registrar refused it, or took it back: it has nothing of it."""
    OVERDUE = "overdue"
    """The registrar has not answered in time, and may still do so."""
    LEAVING = "leaving"
    """The registrar is asked to take it away."""
    HELD = "held"
    """Taking it away failed: the number stays bound until somebody resolves it."""
    FREE = "free"
    """Over: the number may be registered anew, here or elsewhere."""


class Event(StrEnum):
    """What happens to a registration."""

    START = "start"
    """Campaign verified and number free."""
    APPROVE = "approve"
    """The registrar has done what it was asked."""
    REJECT = "reject"
    """The registrar will not do it."""
    TIME_OUT = "time out"
    """The registrar has not answered in time."""
    WITHDRAW = "withdraw"
    """The registrar has taken a registration back."""
    RETRY = "retry"
    """Somebody asks for another try."""
    REMOVE = "remove"
    """The number left the pool, or the campaign was deleted."""


class Asks(StrEnum):
    """What the registrar is to be asked."""

    REGISTER = "number"
    DEREGISTER = "number_removal"


class Tells(StrEnum):
    """The events that customers hear of, by the last parts of their type."""

    REGISTRATION_PENDING = "number-registration.pending"
    REGISTRATION_SUCCESSFUL = "number-registration.successful"
    REGISTRATION_FAILED = "number-registration.failed"
    DEREGISTRATION_PENDING = "number-deregistration.pending"
    DEREGISTRATION_SUCCESSFUL = "number-deregistration.successful"
    DEREGISTRATION_FAILED = "number-deregistration.failed"


@dataclass(frozen=True, slots=True)
class Step:
    """Where an event leads, what it asks of the registrar and what customers are told."""

    to: Stage
    asks: Asks | None = None
    tells: Tells | None = None


TRANSITIONS: Final[Mapping[tuple[Stage, Event], Step]] = {
    (Stage.WAITING, Event.START): Step(Stage.PENDING, Asks.REGISTER, Tells.REGISTRATION_PENDING),
    (Stage.WAITING, Event.REMOVE): Step(Stage.FREE),
    (Stage.PENDING, Event.APPROVE): Step(Stage.REGISTERED, None, Tells.REGISTRATION_SUCCESSFUL),
    (Stage.PENDING, Event.REJECT): Step(Stage.FAILED, None, Tells.REGISTRATION_FAILED),
    (Stage.PENDING, Event.TIME_OUT): Step(Stage.OVERDUE, None, Tells.REGISTRATION_FAILED),
    (Stage.PENDING, Event.REMOVE): Step(Stage.LEAVING, Asks.DEREGISTER, Tells.DEREGISTRATION_PENDING),
    (Stage.OVERDUE, Event.APPROVE): Step(Stage.REGISTERED, None, Tells.REGISTRATION_SUCCESSFUL),
    (Stage.OVERDUE, Event.REJECT): Step(Stage.FAILED, None, Tells.REGISTRATION_FAILED),
    (Stage.OVERDUE, Event.REMOVE): Step(Stage.LEAVING, Asks.DEREGISTER, Tells.DEREGISTRATION_PENDING),
    (Stage.REGISTERED, Event.WITHDRAW): Step(Stage.FAILED, None, Tells.REGISTRATION_FAILED),
    (Stage.REGISTERED, Event.REMOVE): Step(Stage.LEAVING, Asks.DEREGISTER, Tells.DEREGISTRATION_PENDING),
    (Stage.FAILED, Event.RETRY): Step(Stage.PENDING, Asks.REGISTER, Tells.REGISTRATION_PENDING),
    (Stage.FAILED, Event.REMOVE): Step(Stage.FREE),
    (Stage.LEAVING, Event.APPROVE): Step(Stage.FREE, None, Tells.DEREGISTRATION_SUCCESSFUL),
    (Stage.LEAVING, Event.REJECT): Step(Stage.HELD, None, Tells.DEREGISTRATION_FAILED),
    (Stage.LEAVING, Event.TIME_OUT): Step(Stage.HELD, None, Tells.DEREGISTRATION_FAILED),
    (Stage.HELD, Event.APPROVE): Step(Stage.FREE, None, Tells.DEREGISTRATION_SUCCESSFUL),
    (Stage.HELD, Event.RETRY): Step(Stage.LEAVING, Asks.DEREGISTER, Tells.DEREGISTRATION_PENDING),
}
"""Every way on. What is not here does not happen: an answer to what nobody asks any more changes nothing."""

SHOWN: Final[Mapping[Stage, State]] = {
    Stage.WAITING: State.UNREGISTERED,
    Stage.PENDING: State.PENDING_REGISTRATION,
    Stage.REGISTERED: State.REGISTERED,
    Stage.FAILED: State.FAILED,
    Stage.OVERDUE: State.FAILED,
    Stage.LEAVING: State.PENDING_DEREGISTRATION,
    Stage.HELD: State.FAILED,
    Stage.FREE: State.UNREGISTERED,
}
BINDING: Final = frozenset({Stage.LEAVING, Stage.HELD})
"""Stages of a former membership that keep a number from being used anywhere else."""


def step(stage: Stage, event: Event) -> Step | None:
    """What an event does to a registration; None when it does nothing."""
    return TRANSITIONS.get((stage, event))


class CampaignStatus(StrEnum):
    """Twilio's campaign states, and DELETED, which nobody sees."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    VERIFIED = "VERIFIED"
    FAILED = "FAILED"
    SUSPENDED = "SUSPENDED"
    DELETED = "DELETED"


def is_ten_dlc(kind: SenderKind, country: str) -> bool:
    """Whether registration concerns a sender at all: long codes of North America, nothing else (S-64)."""
    return kind is SenderKind.LONG_CODE and country in TEN_DLC_COUNTRIES


def clearance(
    *, ten_dlc: bool, campaign: CampaignStatus | None, stage: Stage | None, held: bool, demanded: bool
) -> Clearance:
    """What a pool member may do towards the United States.

    `campaign` and `stage` are those of the service's campaign and of the member's registration with it, `held` says that the
    number is still being taken out of another campaign (S-66), `demanded` that the service wants registration even without a
    campaign of its own (S-65).
    """
    if not ten_dlc:
        return Clearance.CLEAR
    if campaign is None:
        return _without_campaign(held, demanded)
    if campaign in (CampaignStatus.FAILED, CampaignStatus.SUSPENDED):
        return Clearance.BARRED
    if stage in (Stage.FAILED, Stage.OVERDUE):
        return Clearance.BARRED
    registered = campaign is CampaignStatus.VERIFIED and stage is Stage.REGISTERED and not held
    return Clearance.CLEAR if registered else Clearance.PENDING


def _without_campaign(held: bool, demanded: bool) -> Clearance:
    if demanded:
        return Clearance.BARRED
    return Clearance.PENDING if held else Clearance.CLEAR


@dataclass(frozen=True, slots=True)
class Told:
    """What customers hear of a step; `key` names what the registrar was asked."""

    tells: Tells
    key: str
    number: str
    number_sid: str
    account_sid: str
    campaign_sid: str
    service_sid: str
    reason: str | None
    at: datetime


def diagram() -> str:
    """The table as a diagram (Mermaid), for the documents."""
    names = [f"    {stage}: {stage}<br>{SHOWN[stage]}" for stage in Stage]
    arrows = [f"    {frm} --> {to.to}: {event}" for (frm, event), to in TRANSITIONS.items()]
    return "\n".join(["stateDiagram-v2", *names, f"    [*] --> {Stage.WAITING}", *arrows, f"    {Stage.FREE} --> [*]"])
