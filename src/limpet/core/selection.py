"""Who a message comes from when no mapping says so: a ladder of rungs over a service's pool.

Each rung names a set of senders; the first set with a usable one in it decides, and within it the least busy sender is taken.
Rules S-30 to S-39 of `docs/sticky-sender.md`. Time and chance do not enter: load is an argument, ties are broken by a hash of the
person, so the same question has the same answer in every process. Source: Twilio, Messaging Services, sender selection.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from math import log

from limpet.core.address import Address, AddressKind
from limpet.core.model import (
    NUMBER_KINDS,
    MemberState,
    SenderKind,
    Service,
)
from limpet.core.nanp import overlay
from limpet.core.pool import (
    NANP_COUNTRIES,
    WITHOUT_NAMES,
    Candidate,
    Offer,
    Pool,
    WhyNot,
    is_clear,
    reaches,
    why_unused,
)
from limpet.core.registration import UNREGISTERED_SENDER

_GOLDEN = 0x9E3779B97F4A7C15  # an odd constant with well-mixed bits
_WORD = 0xFFFFFFFFFFFFFFFF
_PREFERENCES = _WORD + 1
FALLBACK_COUNTRY = "US"


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


NOBODY_USABLE = 21703


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
    found = _climb(pool, to, media, without)
    if found is not None:
        pick = _least_burdened if pool.weighted else _least_busy
        return Choice(pick(found.offered, person, loads), found.reason)
    reasons = tuple((c.sender.address, _passed_over(c, to, media, without)) for c in pool.candidates)
    return Refusal(_code_of({why for _, why in reasons}), reasons)


def shares(pool: Pool, to: Address, without: Collection[int] = ()) -> list[tuple[Candidate, float]]:
    """Whom a new person there is given to, and how likely each, if all are as busy as their weights say; empty for nobody. Caps
    and queues are not asked."""
    found = _climb(pool, to, False, without)
    if found is None:
        return []
    sharing = [c for c in found.offered if c.weight] or list(found.offered)
    whole = sum(c.weight or 1 for c in sharing)
    return [(c, (c.weight or 1) / whole) for c in sharing]


@dataclass(frozen=True, slots=True)
class Passed:
    """A member that a choice passed over: why, and the rung on which it would have been offered, if any."""

    candidate: Candidate
    why: WhyNot
    rung: Reason | None = None


def passed_over(
    pool: Pool, to: Address, chosen: Candidate, loads: Mapping[int, float], *, media: bool = False,
    without: Collection[int] = (),
) -> list[Passed]:  # fmt: skip
    """Of the same question that `choose` answered with `chosen`: the other members, each with why not, as the ladder saw them."""
    found = _climb(pool, to, media, without)
    offer, left_out = (Offer(), without) if found is None else (found.offer, found.without)
    rungs: dict[int, Reason] = {}
    for reason, offered in _rungs(offer, pool.service, to, left_out):
        for c in offered:
            rungs.setdefault(c.member_id, reason)
    here = None if found is None else found.reason
    others = [c for c in pool.candidates if c.member_id != chosen.member_id]
    return [
        Passed(c, _compared(c, chosen, here, rung, loads) if rung else _passed_over(c, to, media, without, pool), rung)
        for c in others
        for rung in [rungs.get(c.member_id)]
    ]


def _compared(
    candidate: Candidate, chosen: Candidate, here: Reason | None, rung: Reason, loads: Mapping[int, float]
) -> WhyNot:
    """Why a member that the ladder offers was not the one."""
    if rung is not here:
        return WhyNot.LATER_RUNG
    if chosen.weight and not candidate.weight:
        return WhyNot.WEIGHT_ZERO
    busier = _burden(candidate, loads) > _burden(chosen, loads)
    return WhyNot.BUSIER if busier else WhyNot.LESS_PREFERRED


def _passed_over(
    candidate: Candidate, to: Address, media: bool, without: Collection[int], pool: Pool | None = None
) -> WhyNot:
    """Why no rung offered a member. With `pool` somebody else was chosen, and what keeps a member back only then counts too."""
    if (always := why_unused(candidate, media=media)) is not None:
        return always
    if not is_clear(candidate, to):
        return WhyNot.NOT_REGISTERED
    if candidate.state is MemberState.DRAIN:
        return WhyNot.DRAINING
    if candidate.retiring:
        return WhyNot.RETIRING
    if candidate.member_id in without:
        return WhyNot.DAILY_CONTACTS
    if pool is not None and reaches(candidate.sender.kind, candidate.sender.country, to):
        if (to.country or "") in candidate.refused_in:
            return WhyNot.CARRIER_REFUSES
        if candidate.member_id in pool.failing:
            return WhyNot.UNHEALTHY
    return WhyNot.OTHER_DESTINATION


def _code_of(reasons: Collection[WhyNot]) -> int:
    """Registration is what is lacking (S-60), unless a registered number is there that has its people for today (S-51)."""
    unregistered = WhyNot.NOT_REGISTERED in reasons and WhyNot.DAILY_CONTACTS not in reasons
    return UNREGISTERED_SENDER if unregistered else NOBODY_USABLE


def is_refused(pool: Pool, candidate: Candidate, to: Address) -> bool:
    """Whether a carrier refuses the sender for the person's country and another member can write there (S-71, S-72)."""
    if (to.country or "") not in candidate.refused_in:
        return False
    return next(_rungs(pool.offer(to.country), pool.service, to), None) is not None


@dataclass(frozen=True, slots=True)
class _Found:
    """The rung that decides and its senders, with the offer that was climbed and the members that were left out of it."""

    reason: Reason
    offered: Sequence[Candidate]
    offer: Offer
    without: Collection[int]


def _climb(pool: Pool, to: Address, media: bool, without: Collection[int]) -> _Found | None:
    """The first rung with a sender, of the first offer that has one."""
    for offer, left_out in _offers(pool, to, media, without):
        for reason, offered in _rungs(offer, pool.service, to, left_out):
            return _Found(reason, offered, offer, left_out)
    return None


def _offers(
    pool: Pool, to: Address, media: bool, without: Collection[int]
) -> Iterator[tuple[Offer, Collection[int]]]:  # fmt: skip
    """What is climbed, one after the other: without members that fail most people, where it can be done without them (S-92), then
    with them, and where nobody but those is left whom a carrier refuses, with all (S-72)."""
    offer = pool.offer(to.country, media=media)
    if pool.failing:
        yield offer, {*without, *pool.failing}
    yield offer, without
    if pool.unrefused:
        yield pool.permitted(to.country, media=media), without


def _rungs(
    offer: Offer, service: Service, to: Address, without: Collection[int] = ()
) -> Iterator[tuple[Reason, Sequence[Candidate]]]:
    """The rungs that have a sender, and their senders; members `without` whom it must be are not there."""
    for rung in WHATSAPP_LADDER if to.kind is AddressKind.WHATSAPP else LADDER:
        offered = rung.senders(offer, service, to)
        if without:
            offered = [c for c in offered if c.member_id not in without]
        if offered:
            yield rung.reason, offered


def is_foreign(candidate: Candidate, to: Address) -> bool:
    """Whether a sender is a number of another country than the person's; toll-free numbers are at home in the US and Canada."""
    sender = candidate.sender
    if sender.kind is SenderKind.TOLL_FREE and sender.country in NANP_COUNTRIES:
        return to.country not in NANP_COUNTRIES
    return sender.kind in NUMBER_KINDS and sender.country != to.country


def has_local(pool: Pool, to: Address, without: Collection[int] = ()) -> bool:
    """Whether the pool has a usable number or short code of the person's own country (S-12) that may get them (S-52, S-92)."""
    country = to.country or ""
    texts = pool.offer(country)
    local = chain(texts.by_country.get(country, ()), texts.of(SenderKind.SHORT_CODE, country))
    return any(c.member_id not in without and c.member_id not in pool.failing for c in local)


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
    if load.count(least) == 1:
        return offered[load.index(least)]
    free = [c for c, its in zip(offered, load, strict=True) if its == least]
    return max(free, key=lambda c: _preference(person, c.salt))


def _least_burdened(offered: Sequence[Candidate], person: int, loads: Mapping[int, float]) -> Candidate:
    """The same where members have weights: load counts by its share, and the hash prefers each as often as its weight says; one
    without a share is taken only where nobody has one (S-100)."""
    sharing = [c for c in offered if c.weight] or list(offered)
    if len(sharing) == 1:
        return sharing[0]
    burden = [_burden(c, loads) for c in sharing]
    least = min(burden)
    free = [c for c, its in zip(sharing, burden, strict=True) if its == least]
    return free[0] if len(free) == 1 else min(free, key=lambda c: _distance(person, c))


def _burden(candidate: Candidate, loads: Mapping[int, float]) -> float:
    return loads.get(candidate.member_id, 0.0) / (candidate.weight or 1)


def _distance(person: int, candidate: Candidate) -> float:
    """Weighted rendezvous hashing: of exponential distances the least is each one's as often as its weight says."""
    return -log((_preference(person, candidate.salt) + 1) / _PREFERENCES) / (candidate.weight or 1)


def _preference(person: int, salt: int) -> int:
    """Rendezvous hashing: each person ranks all senders, and one that joins or leaves moves only its own people."""
    mixed = ((person ^ salt) * _GOLDEN) & _WORD
    return ((mixed ^ (mixed >> 32)) * _GOLDEN) & _WORD
