"""A service's live members as a decision sees them: who can carry what, indexed so that a rung looks only at its own senders.

Made once for each change of a service or its pool. Rules S-31, S-37, S-38 of `docs/sticky-sender.md`. Source: Twilio, Messaging
Services, sender selection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import TypeVar

from limpet.core.address import Address, AddressKind
from limpet.core.limits import NO_LIMITS, CampaignShare, ServiceLimits
from limpet.core.model import (
    CHANNEL_KINDS,
    DRAIN_DAYS,
    NAME_KINDS,
    NUMBER_KINDS,
    Capability,
    Clearance,
    MemberState,
    PoolMember,
    Scope,
    Sender,
    SenderKind,
    Service,
)
from limpet.core.registration import REGULATED, is_ten_dlc

K = TypeVar("K")
NANP_COUNTRIES = frozenset({"US", "CA"})
WITHOUT_NAMES = frozenset(
    {"AR", "BE", "BR", "CA", "CL", "CN", "CO", "CR", "DO", "EC", "GT", "GU", "HN", "KR", "MX", "MY", "NI", "NZ", "PA", "PE",
     "PR", "SV", "TW", "US", "UY", "VE", "VI", "ZA"}
)  # fmt: skip
"""Countries to which no text can come from a name. Source: Twilio, "International support for alphanumeric sender ID"."""


class WhyNot(StrEnum):
    """Why a member of the pool could not carry a message."""

    NO_SMS = "no_sms"
    NO_MMS = "no_mms"
    CARRIER_WITHOUT_MMS = "carrier_without_mms"
    NO_CARRIER = "no_carrier"
    """No carrier has the sender's channel."""
    OTHER_DESTINATION = "other_destination"
    """It is a sender for other countries or another channel."""
    NOT_REGISTERED = "not_registered"
    """It may not write to the United States, or not yet."""
    DISABLED = "disabled"
    """An operator has it used for nothing (S-102)."""
    DRAINING = "draining"
    """It keeps its people and gets no new ones (S-101)."""
    RETIRING = "retiring"
    """It is being swapped for another number."""
    DAILY_CONTACTS = "daily_contacts"
    """It has as many new people today as it may have (S-51)."""
    LATER_RUNG = "later_rung"
    """A rung before its own has a sender (S-32). This and what follows is said only where somebody else is chosen."""
    BUSIER = "busier"
    """Of the same rung, and it has sent more lately (S-35)."""
    WEIGHT_ZERO = "weight_zero"
    """Of the same rung, with no share of new people (S-100)."""
    LESS_PREFERRED = "less_preferred"
    """Of the same rung and as busy; the person's hash prefers another (S-36)."""
    CARRIER_REFUSES = "carrier_refuses"
    """A carrier refuses it for the person's country (S-71)."""
    UNHEALTHY = "unhealthy"
    """It fails most people, and the service gives it no new ones (S-92)."""
    QUEUE_FULL = "queue_full"
    """It has as many messages queued as it may have (S-53)."""
    MAPPED_ELSEWHERE = "mapped_elsewhere"
    """The person hears from another member."""
    NOT_NAMED = "not_named"
    """Another member was named as From."""
    PINNED_TO_ANOTHER = "pinned_to_another"
    """The person is held to another number, strictly (S-82)."""


NEVER = 1 << 31


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pool member as the decision sees it. `salt` is a fixed number of its own that breaks ties; `mms` says whether its carrier
    takes media."""

    member_id: int
    sender: Sender
    area_code: str | None
    salt: int
    mms: bool = True
    refused_in: frozenset[str] = frozenset()
    """Countries for which its carrier refuses it (S-70)."""
    daily_contacts: int | None = None
    clearance: Clearance = Clearance.CLEAR
    retiring: bool = False
    weight: int = 1
    state: MemberState = MemberState.ACTIVE
    drain_day: int | None = None
    """Since when it drains (S-103), with the days of its window."""
    drain_days: int = DRAIN_DAYS
    replaces: bool = False
    """While it is disabled: its people get others for good (S-109)."""


Group = tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """The members that can carry one sort of message, indexed for the ladder; `numbers` by country and area code."""

    all: Group = ()
    numbers: Group = ()
    by_kind: Mapping[SenderKind, Group] = field(default_factory=dict)
    by_country: Mapping[str, Group] = field(default_factory=dict)
    by_area: Mapping[str, Group] = field(default_factory=dict)
    by_kind_and_country: Mapping[tuple[SenderKind, str | None], Group] = field(default_factory=dict)

    def of(self, kind: SenderKind, country: str | None) -> Group:
        """The senders of a kind that are of a country."""
        return self.by_kind_and_country.get((kind, country), ())


@dataclass(frozen=True, slots=True)
class Offers:
    """The members that can carry texts, and those that can carry media."""

    texts: Offer
    media: Offer


@dataclass(frozen=True, slots=True)
class Sister:
    """A live member of another service of the same space, and the campaign of that service, if it has one."""

    member: PoolMember
    campaign: CampaignShare | None = None


class Reachable(Mapping[int, Candidate]):
    """Whom people may be mapped to in a space, by member id: a service's own members, and its sisters, of which each is made when
    it is first asked for. There may be thousands, and a pool is made anew with each change of any of them."""

    def __init__(
        self, own: dict[int, Candidate], sisters: Mapping[int, Sister], made: Callable[[PoolMember], Candidate]
    ) -> None:
        self._known, self._sisters, self._made = own, sisters, made

    def __getitem__(self, member_id: int) -> Candidate:
        known = self._known.get(member_id)
        if known is None:
            known = self._known[member_id] = self._made(self._sisters[member_id].member)
        return known

    def __iter__(self) -> Iterator[int]:
        yield from {**self._known, **dict.fromkeys(self._sisters)}

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True, slots=True)
class Pool:
    """A service with its live members: who can carry texts and who media. It is as of `service.generation`.

    `regulated_texts` and `regulated_media` are what is left of both towards the United States: the same while all are clear.
    """

    service: Service
    candidates: Group
    texts: Offer = Offer()
    media: Offer = Offer()
    regulated_texts: Offer = Offer()
    regulated_media: Offer = Offer()
    by_member: Mapping[int, Candidate] = field(default_factory=dict)
    """Whom people may be mapped to: the members, and in a space those of the other services too (S-131)."""
    by_address: Mapping[str, Candidate] = field(default_factory=dict)
    unrefused: Mapping[str, Offers] = field(default_factory=dict)
    """For countries in which carriers refuse some members, what the others offer (S-71)."""
    until_day: int = NEVER
    """The day from which it counts no more: a carrier's refusal ages out (S-73)."""

    limits: ServiceLimits = NO_LIMITS
    caps: Mapping[int, int] = field(default_factory=dict)
    """The members that may get only so many new people in a day."""
    campaign: CampaignShare | None = None
    """What the service's campaign may send; None without a campaign."""
    failing: frozenset[int] = frozenset()
    """The members that get new people only where nobody else can have them (S-92)."""
    reset: frozenset[int] = frozenset()
    """Memberships that ended because all their mappings were taken away (S-86); their numbers are in the pool again."""
    weighted: bool = False
    """Whether any member has another share of new people than the others (S-100)."""
    sisters: Mapping[int, Sister] = field(default_factory=dict)
    """The members of other services of the space."""
    campaigns: tuple[CampaignShare, ...] = ()
    """All the campaigns that messages of the service may go out of."""
    scope: Scope = field(kw_only=True)
    """Where its mappings are: `service.scope`, made once."""

    def offer(self, country: str | None, *, media: bool = False) -> Offer:
        """What the members offer that may write to that country and that no carrier refuses for it."""
        offers = self.unrefused.get(country or "") if self.unrefused else None
        if offers is not None:
            return offers.media if media else offers.texts
        return self.permitted(country, media=media)

    def permitted(self, country: str | None, *, media: bool = False) -> Offer:
        """The same with those that a carrier refuses: to the United States only who is clear (S-60)."""
        if country == REGULATED:
            return self.regulated_media if media else self.regulated_texts
        return self.media if media else self.texts


def make_pool(
    service: Service, members: Iterable[PoolMember], area_of: Callable[[str], str | None],
    has_mms: Callable[[str], bool] = lambda _: True, until_day: int = NEVER, campaign: CampaignShare | None = None,
    failing: frozenset[int] = frozenset(), reset: frozenset[int] = frozenset(), sisters: Mapping[int, Sister] | None = None,
    others: Iterable[CampaignShare] = (),
) -> Pool:  # fmt: skip
    """Index a service's live members once, so that each decision looks only at the senders of its rung. `has_mms` tells of a
    carrier whether it takes media; `failing` are the members that the service gives no new people; `sisters` are never chosen,
    and `others` the campaigns of their services."""

    def candidate(m: PoolMember) -> Candidate:
        return Candidate(
            m.id, m.sender, area_of(m.sender.address), _salt(m.sender.address), has_mms(m.sender.carrier), m.refused_in,
            m.daily_contacts, m.clearance, m.retiring, m.weight, m.state, m.drain_day, m.drain_days, m.replaces,
        )  # fmt: skip

    candidates = tuple(map(candidate, members))
    own = {c.member_id: c for c in candidates}
    offers, clear = _offers(candidates), [c for c in candidates if c.clearance is Clearance.CLEAR]
    regulated = offers if len(clear) == len(candidates) else _offers(clear)
    refusing = {country for c in candidates for country in c.refused_in}
    return Pool(
        service,
        candidates,
        offers.texts,
        offers.media,
        regulated.texts,
        regulated.media,
        own if sisters is None else Reachable(own, sisters, candidate),
        {c.sender.address: c for c in candidates},
        {
            country: _offers(
                [c for c in (clear if country == REGULATED else candidates) if country not in c.refused_in]
            )
            for country in refusing
        },
        until_day,
        ServiceLimits(service.segments_per_s, service.daily_segments),
        {c.member_id: c.daily_contacts for c in candidates if c.daily_contacts is not None},
        campaign,
        failing,
        reset,
        any(c.weight != 1 for c in candidates),
        sisters or {},
        tuple({share for share in (campaign, *others) if share is not None}),
        scope=service.scope,
    )


def share_of(pool: Pool, candidate: Candidate, to: Address) -> CampaignShare | None:
    """The campaign out of whose share a message goes: to the United States, from a ten-digit number of a service that has one
    (S-54, S-64). It is that of the service in whose pool the number is, whichever sends (S-132)."""
    if not pool.campaigns:
        return None
    sister = pool.sisters.get(candidate.member_id)
    share = pool.campaign if sister is None else sister.campaign
    if share is None:
        return None
    return share if is_of_campaign(candidate.sender.kind, candidate.sender.country, to) else None


def is_of_campaign(kind: SenderKind, country: str, to: Address) -> bool:
    """Whether what such a number sends there goes out of a campaign's share: from ten digits to the United States (S-54)."""
    return to.country == REGULATED and is_ten_dlc(kind, country)


def is_clear(candidate: Candidate, to: Address) -> bool:
    """Whether registration lets a member write there; it concerns the United States only (S-64)."""
    return to.country != REGULATED or candidate.clearance is Clearance.CLEAR


def why_not(candidate: Candidate, *, media: bool = False) -> WhyNot | None:
    """What keeps a live member from carrying a message, wherever it goes; None when nothing does (S-31)."""
    sender = candidate.sender
    if sender.kind in CHANNEL_KINDS:
        return None if sender.carrier else WhyNot.NO_CARRIER
    if Capability.SMS not in sender.capabilities:
        return WhyNot.NO_SMS
    if not media:
        return None
    if Capability.MMS not in sender.capabilities:
        return WhyNot.NO_MMS
    return None if candidate.mms else WhyNot.CARRIER_WITHOUT_MMS


def why_unused(candidate: Candidate, *, media: bool = False) -> WhyNot | None:
    """The same, and whether an operator has the member used for nothing (S-102)."""
    return WhyNot.DISABLED if candidate.state is MemberState.DISABLED else why_not(candidate, media=media)


def takes_people(candidate: Candidate) -> bool:
    """Whether a member may get new people at all (S-68, S-101, S-102)."""
    return candidate.state is MemberState.ACTIVE and not candidate.retiring


def carries_media(candidate: Candidate) -> bool:
    """Whether a message from this sender takes its media along."""
    return why_not(candidate, media=True) is None


def reaches(kind: SenderKind, country: str, to: Address) -> bool:
    """Whether a sender of this kind and country may write to that place at all: a short code to its own country, a name where
    names are known, a channel's sender to that channel (S-37, S-38)."""
    if to.kind is AddressKind.WHATSAPP or kind is SenderKind.WHATSAPP:
        return to.kind is AddressKind.WHATSAPP and kind is SenderKind.WHATSAPP
    if kind is SenderKind.SHORT_CODE:
        return country == to.country
    if kind in NAME_KINDS:
        return to.country not in WITHOUT_NAMES and country in ("", to.country)
    return True


def has_rcs(pool: Pool) -> bool:
    """Whether the pool has an RCS sender that could be used: those come before everything, mappings too (S-25)."""
    return SenderKind.RCS in pool.texts.by_kind


def can_carry_media(pool: Pool) -> bool:
    """Whether any usable member has MMS."""
    return bool(pool.media.all)


def _salt(address: str) -> int:
    return int.from_bytes(blake2b(address.encode(), digest_size=8).digest(), "big")


def _offers(candidates: Sequence[Candidate]) -> Offers:
    """What those offer that get new people."""
    return Offers(
        _offer(c for c in candidates if why_not(c) is None and takes_people(c)),
        _offer(c for c in candidates if why_not(c, media=True) is None and takes_people(c)),
    )


def _offer(usable: Iterable[Candidate]) -> Offer:
    group = tuple(usable)
    numbers = tuple(c for c in group if c.sender.kind in NUMBER_KINDS)
    return Offer(
        group,
        numbers,
        _grouped(group, lambda c: c.sender.kind),
        _grouped(numbers, lambda c: c.sender.country),
        _grouped(numbers, lambda c: c.area_code),
        _grouped(group, lambda c: (c.sender.kind, c.sender.country)),
    )


def _grouped(candidates: Iterable[Candidate], key: Callable[[Candidate], K | None]) -> dict[K, Group]:
    groups: dict[K, list[Candidate]] = {}
    for candidate in candidates:
        if (name := key(candidate)) is not None:
            groups.setdefault(name, []).append(candidate)
    return {name: tuple(members) for name, members in groups.items()}
