"""Who a message comes from when no mapping says so: a ladder of rungs over a service's pool.

Each rung names a set of senders; the first set with a usable one in it decides, and within it the least busy sender is taken.
Rules S-30 to S-39 of `docs/sticky-sender.md`. Time and chance do not enter: load is an argument, ties are broken by a hash of the
person, so the same question has the same answer in every process. Source: Twilio, Messaging Services, sender selection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import TypeVar

from limpet.core.address import Address, AddressKind
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
    NO_CARRIER = "no_carrier"
    """No carrier has the sender's channel."""
    OTHER_DESTINATION = "other_destination"
    """It is a sender for other countries or another channel."""
    NOT_REGISTERED = "not_registered"
    """It may not write to the United States, or not yet."""
    RETIRING = "retiring"
    """It is being swapped for another number."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pool member as the decision sees it. `salt` is a fixed number of its own that breaks ties."""

    member_id: int
    sender: Sender
    area_code: str | None
    salt: int
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

    def offer(self, to: Address, *, media: bool = False) -> Offer:
        """Who may carry a message to that place: to the United States only who is clear (S-60)."""
        if to.country == REGULATED:
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


def make_pool(service: Service, members: Iterable[PoolMember], area_of: Callable[[str], str | None]) -> Pool:
    """Index a service's live members once, so that each decision looks only at the senders of its rung."""
    candidates = tuple(
        Candidate(m.id, m.sender, area_of(m.sender.address), _salt(m.sender.address), m.clearance, m.retiring)
        for m in members
    )
    texts = [c for c in candidates if why_not(c) is None and not c.retiring]
    media = [c for c in candidates if why_not(c, media=True) is None and not c.retiring]
    offers = _offer(texts), _offer(media)
    all_clear = all(c.clearance is Clearance.CLEAR for c in candidates)
    clear = offers if all_clear else (_offer(_clear(texts)), _offer(_clear(media)))
    return Pool(
        service,
        candidates,
        *offers,
        *clear,
        {c.member_id: c for c in candidates},
        {c.sender.address: c for c in candidates},
    )


def choose(
    pool: Pool, to: Address, person: int, loads: Mapping[int, float], *, media: bool = False
) -> Choice | Refusal:
    """The sender for a person without a mapping. `person` is the 64-bit hash of the address, `loads` how busy members are.

    An empty pool is 21704, a pool without a usable member 21703 (S-30), or 30034 where registration is what it lacks (S-60).
    """
    if not pool.candidates:
        return Refusal(21704)
    offer = pool.offer(to, media=media)
    for rung in WHATSAPP_LADDER if to.kind is AddressKind.WHATSAPP else LADDER:
        if offered := rung.senders(offer, pool.service, to):
            return Choice(_least_busy(offered, person, loads), rung.reason)
    reasons = tuple((c.sender.address, _why_not_there(c, to, media)) for c in pool.candidates)
    unregistered = any(why is WhyNot.NOT_REGISTERED for _, why in reasons)
    return Refusal(UNREGISTERED_SENDER if unregistered else 21703, reasons)


def _why_not_there(candidate: Candidate, to: Address, media: bool) -> WhyNot:
    """Why a member that no rung offered was not offered."""
    if (always := why_not(candidate, media=media)) is not None:
        return always
    if not is_clear(candidate, to):
        return WhyNot.NOT_REGISTERED
    return WhyNot.RETIRING if candidate.retiring else WhyNot.OTHER_DESTINATION


def is_clear(candidate: Candidate, to: Address) -> bool:
    """Whether registration lets a member write there; it concerns the United States only (S-64)."""
    return to.country != REGULATED or candidate.clearance is Clearance.CLEAR


def _clear(candidates: Iterable[Candidate]) -> Iterable[Candidate]:
    return (c for c in candidates if c.clearance is Clearance.CLEAR)


def why_not(candidate: Candidate, *, media: bool = False) -> WhyNot | None:
    """What keeps a live member from carrying a message, wherever it goes; None when nothing does (S-31)."""
    sender = candidate.sender
    if sender.kind in CHANNEL_KINDS:
        return None if sender.carrier else WhyNot.NO_CARRIER
    if Capability.SMS not in sender.capabilities:
        return WhyNot.NO_SMS
    return WhyNot.NO_MMS if media and Capability.MMS not in sender.capabilities else None


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


def has_local(pool: Pool, to: Address) -> bool:
    """Whether a usable number or short code of the person's own country is in the pool (S-12)."""
    country, offer = to.country or "", pool.offer(to)
    return bool(offer.by_country.get(country)) or bool(offer.of(SenderKind.SHORT_CODE, country))


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
