"""Who a message comes from when no mapping says so: a ladder of rungs over a service's pool.

Each rung names a set of senders; the first set with a usable one in it decides, and within it the least busy sender is taken.
Rules S-30 to S-39 of `docs/sticky-sender.md`. Time and chance do not enter: load is an argument, ties are broken by a hash of the
person, so the same question has the same answer in every process. Source: Twilio, Messaging Services, sender selection.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from itertools import chain
from typing import TypeVar

from limpet.core.address import Address, AddressKind
from limpet.core.limits import NO_LIMITS, ServiceLimits
from limpet.core.model import (
    CHANNEL_KINDS,
    NAME_KINDS,
    NUMBER_KINDS,
    Capability,
    Clearance,
    PoolMember,
    Sender,
    SenderKind,
    Service,
)
from limpet.core.nanp import overlay
from limpet.core.registration import REGULATED, UNREGISTERED_SENDER

K = TypeVar("K")

_GOLDEN = 0x9E3779B97F4A7C15  # an odd constant with well-mixed bits
_WORD = 0xFFFFFFFFFFFFFFFF
NANP_COUNTRIES = frozenset({"US", "CA"})
FALLBACK_COUNTRY = "US"
WITHOUT_NAMES = frozenset(
    {"AR", "BE", "BR", "CA", "CL", "CN", "CO", "CR", "DO", "EC", "GT", "GU", "HN", "KR", "MX", "MY", "NI", "NZ", "PA", "PE",
     "PR", "SV", "TW", "US", "UY", "VE", "VI", "ZA"}
)  # fmt: skip
"""Countries to which no text can come from a name. Source: Twilio, "International support for alphanumeric sender ID"."""


class Reason(StrEnum):
    """Why a message comes from its sender; kept with the message and shown."""

    STICKY = "sticky"
    EXPLICIT = "explicit"
    RCS = "rcs"
    SHORT_CODE = "short_code"
    DESTINATION_ALPHA = "destination_alpha"
    ALPHA = "alpha"
    TOLL_FREE = "toll_free"
    AREA_CODE = "area_code"
    OVERLAY = "overlay"
    COUNTRY = "country"
    US_OR_CANADA = "us_or_canada"
    US_FALLBACK = "us_fallback"
    ANY = "any"


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
    RETIRING = "retiring"
    """It is being swapped for another number."""
    DAILY_CONTACTS = "daily_contacts"
    """It has as many new people today as it may have (S-51)."""


NEVER = 1 << 31
NOBODY_USABLE = 21703


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


Group = tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """The members that can carry one sort of message, indexed for the ladder; `numbers` by country and area code."""

    all: Group = ()
    numbers: Group = ()
    by_kind: Mapping[SenderKind, Group] = field(default_factory=dict)
    by_country: Mapping[str, Group] = field(default_factory=dict)
    by_area: Mapping[str, Group] = field(default_factory=dict)

    def of(self, kind: SenderKind, country: str | None) -> Group:
        """The senders of a kind that are of a country."""
        return tuple(c for c in self.by_kind.get(kind, ()) if c.sender.country == country)


@dataclass(frozen=True, slots=True)
class Offers:
    """The members that can carry texts, and those that can carry media."""

    texts: Offer
    media: Offer


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
    by_address: Mapping[str, Candidate] = field(default_factory=dict)
    unrefused: Mapping[str, Offers] = field(default_factory=dict)
    """For countries in which carriers refuse some members, what the others offer (S-71)."""
    until_day: int = NEVER
    """The day from which it counts no more: a carrier's refusal ages out (S-73)."""

    limits: ServiceLimits = NO_LIMITS
    caps: Mapping[int, int] = field(default_factory=dict)
    """The members that may get only so many new people in a day."""

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


@dataclass(frozen=True, slots=True)
class Choice:
    """The sender and the rung that chose it."""

    candidate: Candidate
    reason: Reason


@dataclass(frozen=True, slots=True)
class Refusal:
    """No sender: Twilio's code, and for each candidate why not."""

    error_code: int
    why_not: tuple[tuple[str, WhyNot], ...] = ()


def make_pool(
    service: Service, members: Iterable[PoolMember], area_of: Callable[[str], str | None],
    has_mms: Callable[[str], bool] = lambda _: True, until_day: int = NEVER,
) -> Pool:  # fmt: skip
    """Index a service's live members once, so that each decision looks only at the senders of its rung. `has_mms` tells of a
    carrier whether it takes media."""
    candidates = tuple(
        Candidate(
            m.id, m.sender, area_of(m.sender.address), _salt(m.sender.address), has_mms(m.sender.carrier), m.refused_in,
            m.daily_contacts, m.clearance, m.retiring,
        )
        for m in members
    )  # fmt: skip
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
        {c.member_id: c for c in candidates},
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
    )


def choose(
    pool: Pool, to: Address, person: int, loads: Mapping[int, float], *, media: bool = False,
    without: Collection[int] = (),
) -> Choice | Refusal:  # fmt: skip
    """The sender for a person without a mapping. `person` is the 64-bit hash of the address, `loads` how busy members are;
    members `without` which it must be done are those that may not get another person today (S-51).

    An empty pool is 21704, a pool without a usable member 21703 (S-30), or 30034 where registration is what it lacks (S-60).
    """
    if not pool.candidates:
        return Refusal(21704)
    offer = pool.offer(to.country, media=media)
    found = _climb(offer, pool.service, to, without)
    if found is None and pool.unrefused:  # nobody but those refused: ask again (S-72)
        found = _climb(pool.permitted(to.country, media=media), pool.service, to, without)
    if found is not None:
        reason, offered = found
        return Choice(_least_busy(offered, person, loads), reason)
    reasons = tuple((c.sender.address, _passed_over(c, to, media, without)) for c in pool.candidates)
    return Refusal(_code_of({why for _, why in reasons}), reasons)


def _passed_over(candidate: Candidate, to: Address, media: bool, without: Collection[int]) -> WhyNot:
    """Why a member was not the one, when nobody was."""
    if (always := why_not(candidate, media=media)) is not None:
        return always
    if not is_clear(candidate, to):
        return WhyNot.NOT_REGISTERED
    if candidate.retiring:
        return WhyNot.RETIRING
    return WhyNot.DAILY_CONTACTS if candidate.member_id in without else WhyNot.OTHER_DESTINATION


def _code_of(reasons: Collection[WhyNot]) -> int:
    """Registration is what is lacking (S-60), unless a registered number is there that has its people for today (S-51)."""
    unregistered = WhyNot.NOT_REGISTERED in reasons and WhyNot.DAILY_CONTACTS not in reasons
    return UNREGISTERED_SENDER if unregistered else NOBODY_USABLE


def is_clear(candidate: Candidate, to: Address) -> bool:
    """Whether registration lets a member write there; it concerns the United States only (S-64)."""
    return to.country != REGULATED or candidate.clearance is Clearance.CLEAR


def is_refused(pool: Pool, candidate: Candidate, to: Address) -> bool:
    """Whether a carrier refuses the sender for the person's country and another member can write there (S-71, S-72)."""
    if (to.country or "") not in candidate.refused_in:
        return False
    return _climb(pool.offer(to.country), pool.service, to) is not None


def _climb(
    offer: Offer, service: Service, to: Address, without: Collection[int] = ()
) -> tuple[Reason, Sequence[Candidate]] | None:
    """The first rung with a sender, and its senders; members `without` whom it must be are not there."""
    for rung in WHATSAPP_LADDER if to.kind is AddressKind.WHATSAPP else LADDER:
        offered = rung.senders(offer, service, to)
        if without:
            offered = [c for c in offered if c.member_id not in without]
        if offered:
            return rung.reason, offered
    return None


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


def is_foreign(candidate: Candidate, to: Address) -> bool:
    """Whether a sender is a number of another country than the person's; toll-free numbers are at home in the US and Canada."""
    sender = candidate.sender
    if sender.kind is SenderKind.TOLL_FREE and sender.country in NANP_COUNTRIES:
        return to.country not in NANP_COUNTRIES
    return sender.kind in NUMBER_KINDS and sender.country != to.country


def has_local(pool: Pool, to: Address, without: Collection[int] = ()) -> bool:
    """Whether a usable number or short code of the person's own country is in the pool (S-12), and may get them today (S-52)."""
    country = to.country or ""
    texts = pool.offer(country)
    local = chain(texts.by_country.get(country, ()), texts.of(SenderKind.SHORT_CODE, country))
    return any(c.member_id not in without for c in local)


def has_rcs(pool: Pool) -> bool:
    """Whether the pool has an RCS sender that could be used: those come before everything, mappings too (S-25)."""
    return SenderKind.RCS in pool.texts.by_kind


def can_carry_media(pool: Pool) -> bool:
    """Whether any usable member has MMS."""
    return bool(pool.media.all)


@dataclass(frozen=True, slots=True)
class Rung:
    """A step of the ladder: which of the members that can carry a message it offers to a recipient."""

    reason: Reason
    senders: Callable[[Offer, Service, Address], Sequence[Candidate]]


def _rcs(offer: Offer, _service: Service, to: Address) -> Sequence[Candidate]:
    return offer.of(SenderKind.RCS, to.country) or offer.by_kind.get(SenderKind.RCS, ())


def _short_code(offer: Offer, _service: Service, to: Address) -> Sequence[Candidate]:
    return offer.of(SenderKind.SHORT_CODE, to.country)


def _destination_alpha(offer: Offer, _service: Service, to: Address) -> Sequence[Candidate]:
    """The name for the person's country, else the one for all countries (S-38)."""
    if to.country in WITHOUT_NAMES:
        return ()
    return offer.of(SenderKind.DESTINATION_ALPHA, to.country) or offer.of(SenderKind.DESTINATION_ALPHA, "")


def _alpha(offer: Offer, _service: Service, to: Address) -> Sequence[Candidate]:
    return () if to.country in WITHOUT_NAMES else offer.by_kind.get(SenderKind.ALPHANUMERIC, ())


def _toll_free_in_canada(offer: Offer, _service: Service, to: Address) -> Sequence[Candidate]:
    """Canada: toll-free before long codes (S-39)."""
    if to.country != "CA":
        return ()
    return [c for c in offer.by_kind.get(SenderKind.TOLL_FREE, ()) if c.sender.country in NANP_COUNTRIES]


def _geomatched(service: Service, to: Address) -> bool:
    """Area codes count between the US and Canada, where the service asks for them (S-33)."""
    return service.area_code_geomatch and to.country in NANP_COUNTRIES and to.area_code is not None


def _same_area(offer: Offer, service: Service, to: Address) -> Sequence[Candidate]:
    return offer.by_area.get(to.area_code or "", ()) if _geomatched(service, to) else ()


def _same_complex(offer: Offer, service: Service, to: Address) -> Sequence[Candidate]:
    """Codes that serve the same place, read from the row of the recipient's own code (S-34)."""
    if not _geomatched(service, to):
        return ()
    return [c for code in sorted(overlay(to.area_code or "")) for c in offer.by_area.get(code, ())]


def _same_country(offer: Offer, _service: Service, to: Address) -> Sequence[Candidate]:
    return offer.by_country.get(to.country or "", ())


def _us_or_canada(offer: Offer, service: Service, to: Address) -> Sequence[Candidate]:
    if not _geomatched(service, to):
        return ()
    return [c for country in sorted(NANP_COUNTRIES) for c in offer.by_country.get(country, ())]


def _us(offer: Offer, _service: Service, _to: Address) -> Sequence[Candidate]:
    return offer.by_country.get(FALLBACK_COUNTRY, ())


def _any(offer: Offer, _service: Service, _to: Address) -> Sequence[Candidate]:
    return offer.numbers


def _whatsapp_of_country(offer: Offer, _service: Service, to: Address) -> Sequence[Candidate]:
    return offer.of(SenderKind.WHATSAPP, to.country)


def _whatsapp(offer: Offer, _service: Service, _to: Address) -> Sequence[Candidate]:
    return offer.by_kind.get(SenderKind.WHATSAPP, ())


# The first rung with a sender in it decides (S-32).
LADDER = (
    Rung(Reason.RCS, _rcs),
    Rung(Reason.SHORT_CODE, _short_code),
    Rung(Reason.DESTINATION_ALPHA, _destination_alpha),
    Rung(Reason.ALPHA, _alpha),
    Rung(Reason.TOLL_FREE, _toll_free_in_canada),
    Rung(Reason.AREA_CODE, _same_area),
    Rung(Reason.OVERLAY, _same_complex),
    Rung(Reason.COUNTRY, _same_country),
    Rung(Reason.US_OR_CANADA, _us_or_canada),
    Rung(Reason.US_FALLBACK, _us),
    Rung(Reason.ANY, _any),
)
WHATSAPP_LADDER = (Rung(Reason.COUNTRY, _whatsapp_of_country), Rung(Reason.ANY, _whatsapp))


def _least_busy(offered: Sequence[Candidate], person: int, loads: Mapping[int, float]) -> Candidate:
    """The sender with the least recent load; among equals the one that the person's hash prefers (S-35, S-36)."""
    load = [loads.get(c.member_id, 0.0) for c in offered]
    least = min(load)
    free = [c for c, its in zip(offered, load, strict=True) if its == least]
    return free[0] if len(free) == 1 else max(free, key=lambda c: _preference(person, c.salt))


def _preference(person: int, salt: int) -> int:
    """Rendezvous hashing: each person ranks all senders, and one that joins or leaves moves only its own people."""
    mixed = ((person ^ salt) * _GOLDEN) & _WORD
    return ((mixed ^ (mixed >> 32)) * _GOLDEN) & _WORD


def _salt(address: str) -> int:
    return int.from_bytes(blake2b(address.encode(), digest_size=8).digest(), "big")


def _offers(candidates: Sequence[Candidate]) -> Offers:
    """What those offer that get new people: one that is being swapped gets none (S-68)."""
    return Offers(
        _offer(c for c in candidates if why_not(c) is None and not c.retiring),
        _offer(c for c in candidates if why_not(c, media=True) is None and not c.retiring),
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
    )


def _grouped(candidates: Iterable[Candidate], key: Callable[[Candidate], K | None]) -> dict[K, Group]:
    groups: dict[K, list[Candidate]] = {}
    for candidate in candidates:
        if (name := key(candidate)) is not None:
            groups.setdefault(name, []).append(candidate)
    return {name: tuple(members) for name, members in groups.items()}
