"""Who a message comes from when no mapping says so: a ladder of rungs over a service's pool.

Each rung names a set of senders; the first set with a usable one in it decides, and within it the least busy sender is taken.
Rules S-30 to S-36 of `docs/sticky-sender.md`. Time and chance do not enter: load is an argument, ties are broken by a hash of the
person, so the same question has the same answer in every process. Source: Twilio, Messaging Services, sender selection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b

from limpet.core.address import Address
from limpet.core.model import Capability, PoolMember, Sender, Service
from limpet.core.nanp import overlay

_GOLDEN = 0x9E3779B97F4A7C15  # an odd constant with well-mixed bits
_WORD = 0xFFFFFFFFFFFFFFFF
NANP_COUNTRIES = frozenset({"US", "CA"})
FALLBACK_COUNTRY = "US"


class Reason(StrEnum):
    """Why a message comes from its sender; kept with the message and shown."""

    STICKY = "sticky"
    EXPLICIT = "explicit"
    AREA_CODE = "area_code"
    OVERLAY = "overlay"
    COUNTRY = "country"
    US_OR_CANADA = "us_or_canada"
    US_FALLBACK = "us_fallback"
    ANY = "any"


class WhyNot(StrEnum):
    """Why a member of the pool could not carry a message."""

    NO_SMS = "no_sms"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pool member as the decision sees it. `salt` is a fixed number of its own that breaks ties."""

    member_id: int
    sender: Sender
    area_code: str | None
    salt: int


@dataclass(frozen=True, slots=True)
class Pool:
    """A service with its live members, the usable ones indexed for the ladder. It is as of `service.generation`."""

    service: Service
    candidates: tuple[Candidate, ...]
    usable: tuple[Candidate, ...] = ()
    by_member: Mapping[int, Candidate] = field(default_factory=dict)
    by_address: Mapping[str, Candidate] = field(default_factory=dict)
    by_country: Mapping[str, tuple[Candidate, ...]] = field(default_factory=dict)
    by_area: Mapping[str, tuple[Candidate, ...]] = field(default_factory=dict)


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
    candidates = tuple(Candidate(m.id, m.sender, area_of(m.sender.address), _salt(m.sender.address)) for m in members)
    usable = tuple(c for c in candidates if why_not(c) is None)
    return Pool(
        service,
        candidates,
        usable,
        {c.member_id: c for c in candidates},
        {c.sender.address: c for c in candidates},
        _grouped(usable, lambda c: c.sender.country),
        _grouped(usable, lambda c: c.area_code),
    )


def choose(pool: Pool, to: Address, person: int, loads: Mapping[int, float]) -> Choice | Refusal:
    """The sender for a person without a mapping. `person` is the 64-bit hash of the address, `loads` how busy members are.

    An empty pool is Twilio's 21704, a pool without a usable member 21703 (S-30).
    """
    if not pool.candidates:
        return Refusal(21704)
    for rung in LADDER:
        if offered := rung.senders(pool, to):
            return Choice(_least_busy(offered, person, loads), rung.reason)
    return Refusal(21703, tuple((c.sender.address, why) for c in pool.candidates if (why := why_not(c))))


def why_not(candidate: Candidate) -> WhyNot | None:
    """What keeps a live member from carrying a text; None when nothing does (S-31)."""
    return None if Capability.SMS in candidate.sender.capabilities else WhyNot.NO_SMS


def has_local(pool: Pool, to: Address) -> bool:
    """Whether a usable sender of the person's own country is in the pool (S-12)."""
    return bool(pool.by_country.get(to.country or ""))


@dataclass(frozen=True, slots=True)
class Rung:
    """A step of the ladder: which senders of the pool it offers to a recipient."""

    reason: Reason
    senders: Callable[[Pool, Address], Sequence[Candidate]]


def _geomatched(pool: Pool, to: Address) -> bool:
    """Area codes count between the US and Canada, where the service asks for them (S-33)."""
    return pool.service.area_code_geomatch and to.country in NANP_COUNTRIES and to.area_code is not None


def _same_area(pool: Pool, to: Address) -> Sequence[Candidate]:
    return pool.by_area.get(to.area_code or "", ()) if _geomatched(pool, to) else ()


def _same_complex(pool: Pool, to: Address) -> Sequence[Candidate]:
    """Codes that serve the same place, read from the row of the recipient's own code (S-34)."""
    if not _geomatched(pool, to):
        return ()
    return [c for code in sorted(overlay(to.area_code or "")) for c in pool.by_area.get(code, ())]


def _same_country(pool: Pool, to: Address) -> Sequence[Candidate]:
    return pool.by_country.get(to.country or "", ())


def _us_or_canada(pool: Pool, to: Address) -> Sequence[Candidate]:
    return (
        [c for country in sorted(NANP_COUNTRIES) for c in pool.by_country.get(country, ())]
        if _geomatched(pool, to)
        else ()
    )


def _us(pool: Pool, _to: Address) -> Sequence[Candidate]:
    return pool.by_country.get(FALLBACK_COUNTRY, ())


def _any(pool: Pool, _to: Address) -> Sequence[Candidate]:
    return pool.usable


# The first rung with a sender in it decides (S-32).
LADDER = (
    Rung(Reason.AREA_CODE, _same_area),
    Rung(Reason.OVERLAY, _same_complex),
    Rung(Reason.COUNTRY, _same_country),
    Rung(Reason.US_OR_CANADA, _us_or_canada),
    Rung(Reason.US_FALLBACK, _us),
    Rung(Reason.ANY, _any),
)


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


def _grouped(
    candidates: Iterable[Candidate], key: Callable[[Candidate], str | None]
) -> dict[str, tuple[Candidate, ...]]:
    groups: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        if (name := key(candidate)) is not None:
            groups.setdefault(name, []).append(candidate)
    return {name: tuple(members) for name, members in groups.items()}
