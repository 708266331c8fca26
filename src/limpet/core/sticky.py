"""One person, one number: what a stored mapping means for the next message, and what becomes of the mapping.

Rules S-1 to S-23 and S-80 to S-82 of `docs/sticky-sender.md`. A decision takes the pool, the mapping as it was read and the day,
and answers with the sender and at most one write; whoever runs it applies the write only if the mapping is still as read, and
asks again otherwise. That is why any interleaving of first messages ends with one sender. Source: Twilio, "What is Sticky Sender"
and Messaging Services.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from limpet.core.address import Address
from limpet.core.model import Clearance, MemberState, SenderKind, StickyInbound, StickyOverflow
from limpet.core.pool import Candidate, Pool, WhyNot, has_rcs, is_clear, reaches, why_not, why_unused
from limpet.core.registration import UNREGISTERED_SENDER
from limpet.core.selection import Choice, Reason, Refusal, choose, has_local, is_foreign, is_refused
from limpet.core.ttl import is_aged, is_use_due

NOT_IN_POOL = 21711
NO_MEDIA_FROM_IT = 21621
UNREACHABLE = 21612
SERVICE_PAUSED = 21702
NO_SENDER = 21703
MEDIA = "media"
QUEUE_FULL = "queue_full"
HEARD = "inbound"
DRAINING = "draining"
PROVISIONAL_DAYS = 2
"""A message leaves or fails within its validity (10 hours at most) of being bound, so older mappings are established."""


class Pin(StrEnum):
    """Whether a mapping is held by hand, as the API names it (S-80, S-82)."""

    NONE = "false"
    PLAIN = "true"
    STRICT = "strict"


class Origin(StrEnum):
    """How a mapping came to point where it does."""

    SEND = "send"
    EXPLICIT = "explicit"
    INBOUND = "inbound"
    IMPORT = "import"
    API = "api"


@dataclass(frozen=True, slots=True)
class StoredMapping:
    """A mapping as the store has it. Days are UTC days since 2000-01-01; the hour of last use is noted only where hours count."""

    member_id: int
    last_used_day: int
    created_day: int
    established: bool
    pin: Pin = Pin.NONE
    last_used_hour: int | None = None


class Standing(StrEnum):
    """What a mapping is worth at this moment."""

    LIVE = "live"
    ABSENT = "absent"
    EXPIRED = "expired"
    REMOVED = "number_removed"
    RESET = "reset"
    """All mappings to its number were taken away at once (S-86)."""
    FOREIGN = "local_number_joined"
    UNUSABLE = "sender_unusable"
    REFUSED = "sender_refused"
    DISABLED = "sender_disabled"
    """An operator has its number used for nothing, for now."""
    GIVEN_UP = "number_disabled"
    """The same, and its people are to get others for good."""
    DRAINED = "number_drained"
    """Its number drains, and has not been used for it lately."""
    PENDING = "registration_pending"
    """Its number may not write to the person yet, and will."""
    UNREGISTERED = "registration_lost"
    """Its number may not write to the person, and waiting does not help."""


_POINTING = frozenset(Standing) - {Standing.ABSENT, Standing.EXPIRED, Standing.REMOVED, Standing.RESET}
"""Standings of mappings that a named From leaves alone (S-16): whether they are to be replaced is for the next free choice."""


class Outcome(StrEnum):
    """What the mapping had to do with a message; kept with the message and shown."""

    CREATED = "created"
    USED = "used"
    REPLACED = "replaced"
    BYPASSED = "bypassed"
    OFF = "off"


class Change(StrEnum):
    """The one write that a decision asks for; each holds only if the mapping is still as it was read."""

    INSERT = "insert"
    SWAP = "swap"
    REFRESH = "refresh"


class EventKind(StrEnum):
    """What an event in a person's history tells."""

    CREATED = "created"
    REPLACED = "replaced"
    BYPASSED = "bypassed"
    RESET = "reset"
    UNSENT = "unsent"
    EXPIRED = "expired"
    """A mapping that had aged out was purged."""
    IMPORTED = "imported"
    PINNED = "pinned"
    """A mapping is held by hand from now on, or not any more."""
    MOVED = "moved"
    REMOVED = "removed"
    """A number left the pool, or the service is gone: all that pointed there is dead."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A message that needs a sender. `explicit` is the From that the customer named beside the service, if any; one with `media`
    needs a sender that has MMS."""

    to: Address
    person: int
    explicit: str | None = None
    media: bool = False
    heard: bool = False
    """It is a text from the person to `explicit`, not one to them: only the mapping is asked about."""


@dataclass(frozen=True, slots=True)
class Binding:
    """The sender, why, and the write that makes it stick. `cause` names why a mapping was replaced or passed over; `kept` is the
    member of a mapping that was passed over and used all the same."""

    candidate: Candidate
    reason: Reason
    outcome: Outcome
    change: Change | None = None
    cause: str | None = None
    kept: int | None = None


def _has_room(_: Candidate) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Crowd:
    """What keeps otherwise usable members from more: those `at_cap` get no new people today (S-50), and those that are `full`
    have as many messages queued as they may have (S-53)."""

    at_cap: Collection[int] = ()
    is_full: Callable[[Candidate], bool] = _has_room


NOBODY_CROWDED = Crowd()


def standing(
    pool: Pool, mapping: StoredMapping | None, to: Address, today: int, at_cap: Collection[int] = (), hour: int = 0
) -> Standing:
    """What a mapping is worth: absent, dead (S-5, S-6, S-7, S-86), broken (S-12, S-13, S-71, S-103, S-109), or live. One held by
    hand neither ages nor gives way to another number (S-80). In a space its own may be another service's (S-131)."""
    if mapping is None:
        return Standing.ABSENT
    candidate = pool.by_member.get(mapping.member_id)
    if candidate is None:
        return Standing.RESET if mapping.member_id in pool.reset else Standing.REMOVED
    held = mapping.pin is not Pin.NONE
    if not held and is_aged(pool.scope.ttl, mapping.last_used_day, mapping.last_used_hour, today, hour):
        return Standing.EXPIRED
    if candidate.state is MemberState.DISABLED:
        return Standing.GIVEN_UP if candidate.replaces and not held else Standing.DISABLED
    if why_not(candidate) is not None or not reaches(candidate.sender.kind, candidate.sender.country, to):
        return Standing.UNUSABLE
    if candidate.refused_in and is_refused(pool, candidate, to):
        return Standing.REFUSED
    if not held and is_foreign(candidate, to) and has_local(pool, to, at_cap):
        return Standing.FOREIGN
    if not is_clear(candidate, to):
        return Standing.PENDING if candidate.clearance is Clearance.PENDING else Standing.UNREGISTERED
    return Standing.DRAINED if not held and _is_drained(candidate, mapping, today) else Standing.LIVE


def _is_drained(candidate: Candidate, mapping: StoredMapping, today: int) -> bool:
    """Whether a number has drained for longer than its window, and has not been used for the mapping within it (S-103)."""
    began = candidate.drain_day if candidate.state is MemberState.DRAIN else None
    return began is not None and today - max(began, mapping.last_used_day) > candidate.drain_days


def decide(
    ask: Ask, pool: Pool, mapping: StoredMapping | None, loads: Mapping[int, float], today: int,
    crowd: Crowd = NOBODY_CROWDED, hour: int = 0,
) -> Binding | Refusal:  # fmt: skip
    """Who a message comes from, and what is written of it. With Sticky Sender off the mapping is not looked at (S-3, S-4);
    a refusal writes nothing (S-11). `today` is a day since 2000, `hour` one of it; it is looked at only where hours count."""
    sticky, at_cap = pool.service.sticky_sender, () if ask.heard or ask.explicit is not None else crowd.at_cap
    worth = standing(pool, mapping, ask.to, today, at_cap, hour) if sticky else Standing.ABSENT
    refresh = None if mapping is None else _refresh(pool, mapping, today, hour)
    if ask.heard:
        return _heard(ask, pool, mapping, worth)
    if pool.service.paused:
        return Refusal(SERVICE_PAUSED)
    if ask.explicit is not None:
        return _explicit(ask, pool, mapping, worth, refresh, crowd.at_cap)
    if sticky and mapping is not None and mapping.pin is not Pin.NONE and worth is not Standing.RESET:
        held = _held(ask, pool, mapping, worth, refresh, crowd)
        if held is not None:
            return held
    if mapping is not None and worth is Standing.LIVE and not has_rcs(pool):
        return _use(ask, pool, mapping, refresh, crowd)
    choice = choose(pool, ask.to, ask.person, loads, media=ask.media, without=crowd.at_cap if sticky else ())
    if isinstance(choice, Choice) and (
        not sticky or choice.reason is Reason.RCS
    ):  # RCS senders have no mappings (S-25)
        return Binding(choice.candidate, choice.reason, Outcome.OFF)
    alone = worth is Standing.DRAINED and isinstance(choice, Refusal)  # nobody else can (S-103)
    if mapping is not None and (
        worth is Standing.LIVE or alone or (worth is Standing.REFUSED and _no_better(ask, pool, choice, mapping))
    ):
        return _use(ask, pool, mapping, refresh, crowd)
    if mapping is not None and worth in (Standing.PENDING, Standing.DISABLED):
        return _pass_by(ask, pool, mapping, refresh, worth.value)
    return choice if isinstance(choice, Refusal) else _stick(choice, worth)


def _held(
    ask: Ask, pool: Pool, mapping: StoredMapping, worth: Standing, refresh: Change | None, crowd: Crowd
) -> Binding | Refusal | None:
    """A mapping that is held by hand. A plain pin comes before RCS senders and lets what its number cannot do now pass it by
    (S-81); None where its number is gone or can never write there: it gives way. A strict pin has that number or none (S-82)."""
    if mapping.pin is Pin.STRICT:
        return _only(ask, pool, mapping, worth, refresh)
    if worth is Standing.LIVE:
        return _use(ask, pool, mapping, refresh, crowd)
    if worth in (Standing.PENDING, Standing.UNREGISTERED, Standing.REFUSED, Standing.DISABLED):
        return _pass_by(ask, pool, mapping, refresh, worth.value)
    return None


def _only(ask: Ask, pool: Pool, mapping: StoredMapping, worth: Standing, refresh: Change | None) -> Binding | Refusal:
    """The number of a strict pin, or a refusal that says of it why not, and of all others that they are not the one (S-82)."""
    mapped = pool.by_member.get(mapping.member_id)
    if worth is Standing.REFUSED or (worth is Standing.LIVE and mapped is not None):
        assert mapped is not None, "a number that is not in the pool is neither"
        lacking = why_not(mapped, media=ask.media)
        if lacking is None:
            return Binding(mapped, Reason.STICKY, Outcome.USED, refresh)
        return Refusal(NO_SENDER, _others(pool, mapping, lacking))
    if worth in (Standing.PENDING, Standing.UNREGISTERED):
        return Refusal(UNREGISTERED_SENDER, _others(pool, mapping, WhyNot.NOT_REGISTERED))
    lacking = None if mapped is None else why_unused(mapped, media=ask.media)
    return Refusal(NO_SENDER, _others(pool, mapping, lacking or WhyNot.OTHER_DESTINATION))


def _others(pool: Pool, mapping: StoredMapping, why: WhyNot) -> tuple[tuple[str, WhyNot], ...]:
    sister = (pool.by_member[mapping.member_id],) if mapping.member_id in pool.sisters else ()
    return tuple(
        (c.sender.address, why if c.member_id == mapping.member_id else WhyNot.PINNED_TO_ANOTHER)
        for c in (*pool.candidates, *sister)
    )


def _no_better(ask: Ask, pool: Pool, choice: Choice | Refusal, mapping: StoredMapping) -> bool:
    """Whether the sender in the mapping's place would be the same one: a carrier refuses it, and nobody else can carry this
    message (S-72). One that is not registered for the place carries nothing there all the same (S-60)."""
    if isinstance(choice, Refusal):
        return is_clear(pool.by_member[mapping.member_id], ask.to)
    return choice.candidate.member_id == mapping.member_id


def _use(ask: Ask, pool: Pool, mapping: StoredMapping, refresh: Change | None, crowd: Crowd) -> Binding | Refusal:
    """A live mapping: its sender; for media that it cannot carry always the same other one, and the mapping stays (S-24). So it
    is, where the service asks for it, while the sender's queue is full (S-53)."""
    mapped = pool.by_member[mapping.member_id]
    if ask.media and why_not(mapped, media=True) is not None:
        return _pass_by(ask, pool, mapping, refresh, MEDIA)
    if pool.service.sticky_overflow is StickyOverflow.BYPASS and crowd.is_full(mapped):
        full = {c.member_id for c in pool.candidates if crowd.is_full(c)}
        choice = choose(pool, ask.to, ask.person, {}, media=ask.media, without=full)
        if isinstance(choice, Choice):
            return Binding(choice.candidate, choice.reason, Outcome.BYPASSED, refresh, QUEUE_FULL, mapping.member_id)
    return Binding(mapped, Reason.STICKY, Outcome.USED, refresh)


def _pass_by(ask: Ask, pool: Pool, mapping: StoredMapping, refresh: Change | None, cause: str) -> Binding | Refusal:
    """Another sender for this message, always the same one; the mapping stays and counts as used (S-24, S-61)."""
    choice = choose(pool, ask.to, ask.person, {}, media=ask.media)
    if isinstance(choice, Refusal):
        return choice
    return Binding(choice.candidate, choice.reason, Outcome.BYPASSED, refresh, cause, mapping.member_id)


def _stick(choice: Choice, worth: Standing) -> Binding:
    """Make the mapping (S-1), or put a live sender in the place of a dead or broken one, naming why (S-17)."""
    if worth is Standing.ABSENT:
        return Binding(choice.candidate, choice.reason, Outcome.CREATED, Change.INSERT, "first_message")
    return Binding(choice.candidate, choice.reason, Outcome.REPLACED, Change.SWAP, worth.value)


def _explicit(
    ask: Ask,
    pool: Pool,
    mapping: StoredMapping | None,
    worth: Standing,
    refresh: Change | None,
    at_cap: Collection[int],
) -> Binding | Refusal:
    """A From beside the service: sent as asked. It makes or refreshes a mapping, never changes a live one (S-14, S-15, S-16)."""
    candidate = pool.by_address.get(ask.explicit or "")
    if candidate is None:
        return Refusal(NOT_IN_POOL)
    if (unable := _unable(ask, candidate)) is not None:
        return unable
    if candidate.sender.kind is SenderKind.RCS:
        return Binding(candidate, Reason.EXPLICIT, Outcome.OFF)
    if not pool.service.sticky_sender:
        return Binding(candidate, Reason.EXPLICIT, Outcome.OFF)
    strictly = mapping is not None and mapping.pin is Pin.STRICT and worth is not Standing.RESET
    if strictly and mapping is not None and mapping.member_id != candidate.member_id:
        return Refusal(NO_SENDER, ((candidate.sender.address, WhyNot.PINNED_TO_ANOTHER),))
    if mapping is not None and worth in _POINTING:
        if mapping.member_id == candidate.member_id:
            return Binding(candidate, Reason.EXPLICIT, Outcome.USED, refresh)
        return Binding(candidate, Reason.EXPLICIT, Outcome.BYPASSED, None, "explicit_from")
    if not pool.service.explicit_from_sticks:
        return Binding(candidate, Reason.EXPLICIT, Outcome.BYPASSED, None, "explicit_from")
    if candidate.state is MemberState.DRAIN:  # S-101
        return Binding(candidate, Reason.EXPLICIT, Outcome.BYPASSED, None, DRAINING)
    if candidate.member_id in at_cap:
        return Refusal(NO_SENDER, ((candidate.sender.address, WhyNot.DAILY_CONTACTS),))
    return _stick(Choice(candidate, Reason.EXPLICIT), worth)


def _unable(ask: Ask, candidate: Candidate) -> Refusal | None:
    """Why a message cannot come from the sender that was named."""
    if candidate.state is MemberState.DISABLED:  # S-102
        return Refusal(NO_SENDER, ((candidate.sender.address, WhyNot.DISABLED),))
    if ask.media and why_not(candidate, media=True) is not None:
        return Refusal(NO_MEDIA_FROM_IT)
    if not reaches(candidate.sender.kind, candidate.sender.country, ask.to):
        return Refusal(UNREACHABLE)
    return None if is_clear(candidate, ask.to) else Refusal(UNREGISTERED_SENDER)  # S-63


def _heard(ask: Ask, pool: Pool, mapping: StoredMapping | None, worth: Standing) -> Binding | Refusal:
    """A text from the person, where the service lets it count (S-26): the first one makes a mapping, or each one moves it to
    the number that was written to. A use of the mapping is noted elsewhere (S-21)."""
    candidate = pool.by_address.get(ask.explicit or "")
    if candidate is None:
        return Refusal(NOT_IN_POOL)
    mode = pool.service.sticky_inbound
    nothing = Binding(candidate, Reason.EXPLICIT, Outcome.OFF)
    if mode is StickyInbound.OFF or not pool.service.sticky_sender or candidate.sender.kind is SenderKind.RCS:
        return nothing
    if candidate.state is not MemberState.ACTIVE:  # S-101, S-102
        return nothing
    if worth is Standing.ABSENT:
        return Binding(candidate, Reason.EXPLICIT, Outcome.CREATED, Change.INSERT, HEARD)
    pin = Pin.NONE if mapping is None else mapping.pin
    if worth in (Standing.EXPIRED, Standing.REMOVED, Standing.RESET):
        if pin is Pin.STRICT and worth is not Standing.RESET:
            return nothing
        return Binding(candidate, Reason.EXPLICIT, Outcome.REPLACED, Change.SWAP, HEARD)
    if pin is not Pin.NONE:  # what the person writes moves nobody who is held by hand (S-80)
        return nothing
    if mode is StickyInbound.FIRST or (mapping is not None and mapping.member_id == candidate.member_id):
        return nothing
    return Binding(candidate, Reason.EXPLICIT, Outcome.REPLACED, Change.SWAP, HEARD)


def _refresh(pool: Pool, mapping: StoredMapping, today: int, hour: int) -> Change | None:
    """A use is written at most once a day (S-8), where hours count once an hour (S-140); while it is provisional each use is
    written, because the write holds the mapping against a failing first message that would take it away (S-9)."""
    due = is_use_due(pool.scope.ttl, mapping.last_used_day, mapping.last_used_hour, today, hour)
    return Change.REFRESH if due or is_provisional(mapping, today) else None


def is_provisional(mapping: StoredMapping, today: int) -> bool:
    """Whether no message of the mapping may have left yet (S-9)."""
    return not mapping.established and today - mapping.created_day < PROVISIONAL_DAYS


def origin_of(ask: Ask, binding: Binding) -> Origin:
    """How a mapping comes about that a binding makes or changes."""
    if ask.heard:
        return Origin.INBOUND
    return Origin.EXPLICIT if binding.reason is Reason.EXPLICIT else Origin.SEND
