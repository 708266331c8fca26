"""Mappings that are held by hand, without any store: rules S-80 to S-82 as tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limpet.core.model import Capability, Clearance, PoolMember, SenderKind, StickyInbound, StickyOverflow
from limpet.core.pool import Pool, WhyNot
from limpet.core.selection import Reason, Refusal
from limpet.core.sticky import (
    Ask,
    Binding,
    Change,
    Crowd,
    Origin,
    Outcome,
    Pin,
    Standing,
    StoredMapping,
    decide,
    origin_of,
    standing,
)
from tests.core.test_sticky import TODAY, TWO, US, ask, bound, member, pool, stored, to

LONDON = "+447700900999"
PINS = (Pin.PLAIN, Pin.STRICT)
FIRST, SECOND = "+12125550101", "+12125550102"
MMS = frozenset({Capability.SMS, Capability.MMS})
DEAF = frozenset({Capability.VOICE})


def pinned(pin: Pin, member_id: int = 1, used: int = TODAY) -> StoredMapping:
    return replace(stored(member_id, used), pin=pin)


def cleared(clearance: Clearance) -> Pool:
    return pool(replace(member(1, FIRST), clearance=clearance), member(2, SECOND))


def refused(answer: Binding | Refusal) -> tuple[int, dict[str, WhyNot]]:
    assert isinstance(answer, Refusal), answer
    return answer.error_code, dict(answer.why_not)


@pytest.mark.parametrize("pin", PINS)
def test_S_80_a_pin_does_not_age(pin: Pin) -> None:
    answer = bound(decide(ask(), TWO, pinned(pin, used=TODAY - 5000), {}, TODAY))
    assert (answer.candidate.member_id, answer.outcome, answer.change) == (1, Outcome.USED, Change.REFRESH)
    assert standing(TWO, stored(1, TODAY - 5000), to(US), TODAY) is Standing.EXPIRED


@pytest.mark.parametrize("pin", PINS)
def test_S_80_a_pin_does_not_give_way_to_a_number_of_the_persons_country(pin: Pin) -> None:
    both = pool(member(1, FIRST), member(2, "+447700900123", "GB"))
    assert bound(decide(ask(LONDON), both, pinned(pin), {}, TODAY)).candidate.member_id == 1
    assert bound(decide(ask(LONDON), both, stored(1), {}, TODAY)).candidate.member_id == 2


@pytest.mark.parametrize("pin", PINS)
def test_S_80_a_pin_comes_before_rcs_senders(pin: Pin) -> None:
    rcs = member(3, "rcs:acme")
    rcs = replace(rcs, sender=replace(rcs.sender, kind=SenderKind.RCS))
    both = pool(member(1, FIRST), rcs)
    assert bound(decide(ask(), both, pinned(pin), {}, TODAY)).candidate.member_id == 1
    assert bound(decide(ask(), both, stored(1), {}, TODAY)).reason is Reason.RCS


@pytest.mark.parametrize("pin", PINS)
def test_S_80_a_text_from_the_person_moves_nobody_who_is_held(pin: Pin) -> None:
    following = pool(member(1, FIRST), member(2, SECOND), sticky_inbound=StickyInbound.FOLLOW)
    heard = Ask(to(US), 1, SECOND, heard=True)
    assert bound(decide(heard, following, pinned(pin), {}, TODAY)).change is None
    assert bound(decide(heard, following, stored(1), {}, TODAY)).change is Change.SWAP


def test_S_80_while_sticky_sender_is_off_pins_are_not_looked_at() -> None:
    off = pool(member(1, FIRST), member(2, SECOND), sticky_sender=False)
    answer = bound(decide(ask(), off, pinned(Pin.STRICT), {1: 1.0}, TODAY))
    assert (answer.candidate.member_id, answer.outcome) == (2, Outcome.OFF)


@pytest.mark.parametrize(
    ("members", "number", "cause"),
    [
        ((member(2, SECOND),), US, "number_removed"),
        ((member(1, FIRST, capabilities=DEAF), member(2, SECOND)), US, "sender_unusable"),
    ],
)
def test_S_81_a_pin_is_lost_with_its_number(members: tuple[PoolMember, ...], number: str, cause: str) -> None:
    answer = bound(decide(ask(number), pool(*members), pinned(Pin.PLAIN), {}, TODAY))
    assert (answer.candidate.member_id, answer.change, answer.cause) == (2, Change.SWAP, cause)


@pytest.mark.parametrize(
    ("there", "cause"),
    [
        (cleared(Clearance.PENDING), "registration_pending"),
        (cleared(Clearance.BARRED), "registration_lost"),
        (pool(replace(member(1, FIRST), refused_in=frozenset({"US"})), member(2, SECOND)), "sender_refused"),
    ],
)
def test_S_81_what_its_number_cannot_do_now_passes_a_pin_by(there: Pool, cause: str) -> None:
    answer = bound(decide(ask(), there, pinned(Pin.PLAIN), {}, TODAY))
    assert (answer.candidate.member_id, answer.outcome, answer.cause, answer.kept) == (2, Outcome.BYPASSED, cause, 1)
    assert answer.change is None


def test_S_81_media_and_a_full_queue_pass_a_pin_by() -> None:
    both = pool(member(1, FIRST), member(2, SECOND, capabilities=MMS), sticky_overflow=StickyOverflow.BYPASS)
    media = bound(decide(replace(ask(), media=True), both, pinned(Pin.PLAIN), {}, TODAY))
    full = bound(decide(ask(), both, pinned(Pin.PLAIN), {}, TODAY, Crowd((), lambda c: c.member_id == 1)))
    assert [(a.candidate.member_id, a.cause, a.kept) for a in (media, full)] == [
        (2, "media", 1), (2, "queue_full", 1),
    ]  # fmt: skip


def test_S_81_a_named_from_passes_a_pin_by() -> None:
    answer = bound(decide(ask(explicit=SECOND), TWO, pinned(Pin.PLAIN), {}, TODAY))
    assert (answer.candidate.member_id, answer.outcome, answer.change) == (2, Outcome.BYPASSED, None)


@pytest.mark.parametrize(
    ("members", "number", "code", "why"),
    [
        ((member(2, SECOND),), US, 21703, {SECOND: WhyNot.PINNED_TO_ANOTHER}),
        ((member(1, FIRST, capabilities=DEAF), member(2, SECOND)), US, 21703,
         {FIRST: WhyNot.NO_SMS, SECOND: WhyNot.PINNED_TO_ANOTHER}),
        ((replace(member(1, FIRST), clearance=Clearance.PENDING), member(2, SECOND)), US, 30034,
         {FIRST: WhyNot.NOT_REGISTERED, SECOND: WhyNot.PINNED_TO_ANOTHER}),
        ((replace(member(1, FIRST), clearance=Clearance.BARRED), member(2, SECOND)), US, 30034,
         {FIRST: WhyNot.NOT_REGISTERED, SECOND: WhyNot.PINNED_TO_ANOTHER}),
    ],
)  # fmt: skip
def test_S_82_a_strict_pin_has_its_number_or_none(
    members: tuple[PoolMember, ...], number: str, code: int, why: dict[str, WhyNot]
) -> None:
    assert refused(decide(ask(number), pool(*members), pinned(Pin.STRICT), {}, TODAY)) == (code, why)


def test_S_82_neither_media_nor_a_full_queue_nor_a_carrier_gives_a_strict_pin_another_number() -> None:
    both = pool(
        replace(member(1, FIRST), refused_in=frozenset({"US"})),
        member(2, SECOND, capabilities=MMS),
        sticky_overflow=StickyOverflow.BYPASS,
    )
    full = decide(ask(), both, pinned(Pin.STRICT), {}, TODAY, Crowd((), lambda c: c.member_id == 1))
    assert bound(full).candidate.member_id == 1
    media = refused(decide(replace(ask(), media=True), both, pinned(Pin.STRICT), {}, TODAY))
    assert media == (21703, {FIRST: WhyNot.NO_MMS, SECOND: WhyNot.PINNED_TO_ANOTHER})


def test_S_82_another_named_from_is_refused() -> None:
    other = refused(decide(ask(explicit=SECOND), TWO, pinned(Pin.STRICT), {}, TODAY))
    assert other == (21703, {SECOND: WhyNot.PINNED_TO_ANOTHER})
    assert bound(decide(ask(explicit=FIRST), TWO, pinned(Pin.STRICT), {}, TODAY)).outcome is Outcome.USED
    gone = refused(decide(ask(explicit=SECOND), TWO, pinned(Pin.STRICT, 9), {}, TODAY))
    assert gone == other


@pytest.mark.parametrize("pin", tuple(Pin))
def test_S_86_a_reset_of_the_number_ends_any_pin(pin: Pin) -> None:
    renewed = replace(TWO, reset=frozenset({9}))
    assert standing(renewed, pinned(pin, 9), to(US), TODAY) is Standing.RESET
    answer = bound(decide(ask(), renewed, pinned(pin, 9), {}, TODAY))
    assert (answer.outcome, answer.change, answer.cause) == (Outcome.REPLACED, Change.SWAP, "reset")
    named = bound(decide(ask(explicit=SECOND), renewed, pinned(pin, 9), {}, TODAY))
    assert (named.candidate.member_id, named.cause) == (2, "reset")


def test_where_a_mapping_comes_from_is_known_of_its_making() -> None:
    assert origin_of(ask(), bound(decide(ask(), TWO, None, {}, TODAY))) is Origin.SEND
    named = ask(explicit=FIRST)
    assert origin_of(named, bound(decide(named, TWO, None, {}, TODAY))) is Origin.EXPLICIT
    heard = Ask(to(US), 1, FIRST, heard=True)
    listening = pool(member(1, FIRST), sticky_inbound=StickyInbound.FIRST)
    assert origin_of(heard, bound(decide(heard, listening, None, {}, TODAY))) is Origin.INBOUND
