"""The nouns: what the store keeps and the wires show, as plain values.

No behaviour beyond what a value can say of itself; how a row becomes one is the store's business, how one becomes JSON is
`limpet.twilio`'s. Times are aware UTC datetimes. Ids are the store's integers, SIDs are what customers see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from limpet.core.status import Status
from limpet.core.ttl import Ttl


class AccountStatus(StrEnum):
    """Twilio's account states."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant. Its auth token is not here: only `limpet.store.secrets` can open it.

    `owner_sid` is the main account of a sub-account, None for a main account.
    """

    id: int
    sid: str
    friendly_name: str
    status: AccountStatus
    created_at: datetime
    updated_at: datetime
    owner_sid: str | None = None
    countries: frozenset[str] | None = None
    """Where it may send to; None for everywhere."""
    segments_per_s: float | None = None
    """What its numbers may send together; None for what the configuration says."""
    scheduled_max: int | None = None
    """How many messages it may have scheduled; None for what the configuration says."""
    trial: bool = False
    """It may write to `verified` people only."""
    verified: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A credential of an account (`SK…`); its secret is shown once and only its hash is kept."""

    id: int
    sid: str
    account_id: int
    friendly_name: str
    created_at: datetime
    updated_at: datetime


class InDoubtPolicy(StrEnum):
    """What becomes of a message whose submission was never answered (`design.md` D7)."""

    RESEND = "resend"
    FAIL = "fail"
    HOLD = "hold"


class StickyInbound(StrEnum):
    """What a text from a person does to their mapping, beyond being a use of it (rule S-26)."""

    OFF = "off"
    FIRST = "first"
    FOLLOW = "follow"


class StickyOverflow(StrEnum):
    """What becomes of a message whose mapped sender has a full queue (rule S-53)."""

    FAIL = "fail"
    BYPASS = "bypass"


@dataclass(frozen=True, slots=True)
class Scope:
    """Where mappings are: a service's own place, or a space that several services share (rule S-130). `id` is the service's or
    the space's, which are never the same; a space has its own time to live (S-136)."""

    id: int
    ttl: Ttl
    hides_since: datetime | None = None
    """Since when mappings there may be under a pseudonym (`limpet.flow.obfuscated`)."""


@dataclass(frozen=True, slots=True)
class Service:
    """A Messaging Service (`MG…`) with Twilio's settings under Twilio's names, and ours at the end.

    Source: Twilio, Messaging Services, Service resource. `validity_period` is in seconds, as on the wire.
    `generation` grows by one with every change of the service or its pool; caches compare it.
    """

    id: int
    sid: str
    account_id: int
    friendly_name: str
    inbound_request_url: str | None
    inbound_method: str
    fallback_url: str | None
    fallback_method: str
    status_callback: str | None
    sticky_sender: bool
    mms_converter: bool
    smart_encoding: bool
    scan_message_content: str
    fallback_to_long_code: bool
    area_code_geomatch: bool
    synchronous_validation: bool
    validity_period: int
    usecase: str
    us_app_to_person_registered: bool
    use_inbound_webhook_on_number: bool
    status_callback_events: str
    """Ours: `all`, `final`, or states separated by commas."""
    in_doubt: InDoubtPolicy
    """Ours."""
    explicit_from_sticks: bool
    """Ours: whether an explicit From makes the mapping of a person who has none."""
    sticky_ttl_days: int
    """Ours: a mapping counts while it was used at most this many days ago (`limpet.core.ttl`)."""
    sticky_inbound: StickyInbound
    """Ours."""
    generation: int
    created_at: datetime
    updated_at: datetime
    sticky_overflow: StickyOverflow = StickyOverflow.FAIL
    """Ours."""
    segments_per_s: float | None = None
    """Ours, with the next: `limpet.core.limits`."""
    daily_segments: int | None = None
    paused: bool = False
    """Ours: the operator lets nothing be sent through it."""
    hides_since: datetime | None = None
    """Since when mappings of it may be under a pseudonym (`limpet.flow.obfuscated`)."""
    require_a2p: bool = False
    """Ours: without a campaign, no long code of North America writes to the United States (rule S-65)."""
    keeps_hashes: bool = False
    """Some people who opted out of it are known by a hash only (rule S-112)."""
    sticky_ttl_hours: int | None = None
    """Ours: where hours count, how many; `sticky_ttl_days` is then the same rounded up."""
    space: Scope | None = None
    """Ours: the space whose mappings it shares."""

    @property
    def sticky_ttl(self) -> Ttl:
        """For how long mappings that it has alone count."""
        return Ttl(self.sticky_ttl_days, self.sticky_ttl_hours)

    @property
    def scope(self) -> Scope:
        """Where its mappings are, and what counts there."""
        if self.space is not None:
            return self.space
        return Scope(self.id, self.sticky_ttl, self.hides_since)


class SenderKind(StrEnum):
    """What a sender is: a number (`PN…`), a short code (`SC…`), a name (`AI…`) or one of another channel (`XE…`)."""

    LONG_CODE = "long_code"
    TOLL_FREE = "toll_free"
    SHORT_CODE = "short_code"
    ALPHANUMERIC = "alphanumeric"
    DESTINATION_ALPHA = "destination_alpha"
    """A name for one country, or with an empty country for all that have none of their own."""
    WHATSAPP = "whatsapp"
    RCS = "rcs"


NUMBER_KINDS = frozenset({SenderKind.LONG_CODE, SenderKind.TOLL_FREE})
NAME_KINDS = frozenset({SenderKind.ALPHANUMERIC, SenderKind.DESTINATION_ALPHA})
CHANNEL_KINDS = frozenset({SenderKind.WHATSAPP, SenderKind.RCS})


class Capability(StrEnum):
    """What a sender can carry."""

    SMS = "sms"
    MMS = "mms"
    VOICE = "voice"


@dataclass(frozen=True, slots=True)
class Sender:
    """A sender that an account owns, in no pool or in one. `address` is E.164, a short code, a name, or `whatsapp:` or `rcs:`
    and what follows; `country` its ISO code, empty where it has none.

    `settings` keeps those of Twilio's IncomingPhoneNumber parameters on which Limpet does not act (voice URLs and the like),
    by their wire names in snake case. `carrier` names the upstream that it sends through, empty where there is
    none that has its channel.
    """

    id: int
    sid: str
    account_id: int
    kind: SenderKind
    address: str
    country: str
    capabilities: frozenset[Capability]
    friendly_name: str
    carrier: str
    sms_url: str
    sms_method: str
    sms_fallback_url: str
    sms_fallback_method: str
    status_callback: str
    settings: Mapping[str, str]
    created_at: datetime
    updated_at: datetime
    also_through: tuple[str, ...] | None = None
    """Carriers that may take the place of `carrier`, in order; None: those that the operator named for the carrier."""


class Clearance(StrEnum):
    """What a pool member may do towards the United States (`limpet.core.registration`)."""

    CLEAR = "clear"
    PENDING = "pending"
    """Not yet: whoever is mapped to it waits for it (rule S-61)."""
    BARRED = "barred"
    """No, and not by waiting: whoever is mapped to it gets another sender (rule S-62)."""


DRAIN_DAYS = 3
"""Where nothing else is said: for so long a number that drains is used for its people, and while they are in contact (S-103)."""


class MemberState(StrEnum):
    """What an operator lets a pool member do."""

    ACTIVE = "active"
    DRAIN = "drain"
    """It keeps its people and gets no new ones (rule S-101)."""
    DISABLED = "disabled"
    """Nothing is sent from it: its people are passed by and keep their mappings (rule S-102)."""


@dataclass(frozen=True, slots=True)
class PoolMember:
    """A sender's time in a service's pool. Its id is new at each joining and never used again: mappings point at it."""

    id: int
    service_id: int
    sender: Sender
    added_at: datetime
    refused_in: frozenset[str] = frozenset()
    """Countries for which its carrier refuses it (rule S-70)."""
    daily_contacts: int | None = None
    """How many new people it may get in a UTC day (rule S-50)."""
    clearance: Clearance = Clearance.CLEAR
    retiring: bool = False
    """It is being swapped for another: it keeps its people until they are moved, and gets no new ones (rule S-68)."""
    weight: int = 1
    """Its share of new people beside the others' (rule S-100)."""
    state: MemberState = MemberState.ACTIVE
    drain_day: int | None = None
    """The UTC day (since 2000-01-01) on which it began to drain; None while it does not."""
    drain_days: int = DRAIN_DAYS
    replaces: bool = False
    """While it is disabled its people get other numbers for good (rule S-109)."""


class Direction(StrEnum):
    """Twilio's directions."""

    INBOUND = "inbound"
    OUTBOUND_API = "outbound-api"
    OUTBOUND_REPLY = "outbound-reply"


@dataclass(frozen=True, slots=True)
class Message:
    """A message as customers may see it; its `recipient` is in the one spelling that names a person (rule S-22).

    `recipient` is the person and `sender` our number, whichever way the message went; `to` and `from_` turn them round
    for the wire. `sender` is None until one is chosen. `reason` and `sticky` say why this sender (`limpet.core.selection`).
    What will not be kept of it is not in it at any time (`limpet.core.retention`).
    """

    bucket: int
    id: int
    account_id: int
    service_id: int | None
    direction: Direction
    status: Status
    recipient: str
    sender: str | None
    body: str
    num_segments: int
    num_media: int
    error_code: int | None
    reason: str | None
    sticky: str | None
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None
    rejections: Mapping[str, str] = field(default_factory=dict)
    """Where no sender could be chosen: each candidate's number with its why-not."""

    @property
    def to(self) -> str:
        """The wire's `to`."""
        return (self.sender or "") if self.direction is Direction.INBOUND else self.recipient

    @property
    def from_(self) -> str | None:
        """The wire's `from`; None while no sender is chosen."""
        return self.recipient if self.direction is Direction.INBOUND else self.sender
