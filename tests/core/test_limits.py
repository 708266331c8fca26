"""What keeps usable members from more people and messages: rules S-50 to S-53 of docs/sticky-sender.md, without any store."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.limits import ServiceLimits, at_cap, fitting
from limpet.core.model import Clearance, StickyOverflow
from limpet.core.pool import Candidate, Pool, WhyNot
from limpet.core.selection import Reason, Refusal
from limpet.core.sticky import Ask, Binding, Change, Crowd, Outcome, StoredMapping, decide
from tests.core.test_sticky import TODAY, member, pool, to

US_1, US_2, GB_1 = "+12125550101", "+12125550102", "+442079460101"
PERSON = "+14155550199"


def ask(**more: object) -> Ask:
    return Ask(to(PERSON), 77, **more)  # type: ignore[arg-type]


def crowd(*at_cap: int, full: tuple[int, ...] = ()) -> Crowd:
    return Crowd(frozenset(at_cap), lambda candidate: candidate.member_id in full)


def mapped(member_id: int) -> StoredMapping:
    return StoredMapping(member_id, TODAY, TODAY - 30, True)


def bound(answer: Binding | Refusal) -> Binding:
    assert isinstance(answer, Binding)
    return answer


def three() -> Pool:
    return pool(member(1, US_1), member(2, US_2), member(3, GB_1, "GB"))


def test_S_51_members_at_their_cap_are_passed_over_rung_by_rung() -> None:
    assert bound(decide(ask(), three(), None, {}, TODAY, crowd(1))).candidate.member_id == 2
    last = bound(decide(ask(), three(), None, {}, TODAY, crowd(1, 2)))
    assert (last.candidate.member_id, last.reason, last.change) == (3, Reason.ANY, Change.INSERT)


def test_S_51_when_all_are_at_their_cap_the_reasons_say_so() -> None:
    answer = decide(ask(), three(), None, {}, TODAY, crowd(1, 2, 3))
    assert answer == Refusal(21703, tuple((number, WhyNot.DAILY_CONTACTS) for number in (US_1, US_2, GB_1)))


@pytest.mark.parametrize(
    ("unregistered", "at_cap", "code"),
    [
        ((1, 2), (), 30034),
        ((1,), (2,), 21703),
        ((1, 2), (2,), 30034),
        ((), (1, 2), 21703),
    ],
)
def test_S_60_registration_is_lacking_unless_a_registered_number_has_only_its_people_for_today(
    unregistered: tuple[int, ...], at_cap: tuple[int, ...], code: int
) -> None:
    members = [
        replace(each, clearance=Clearance.PENDING if each.id in unregistered else Clearance.CLEAR)
        for each in (member(1, US_1), member(2, US_2))
    ]
    answer = decide(ask(), pool(*members), None, {}, TODAY, crowd(*at_cap))
    assert isinstance(answer, Refusal)
    assert answer.error_code == code
    assert dict(answer.why_not)[US_1] is (WhyNot.NOT_REGISTERED if 1 in unregistered else WhyNot.DAILY_CONTACTS)


def test_S_50_people_that_a_member_has_already_are_written_to_as_before() -> None:
    answer = bound(decide(ask(), three(), mapped(1), {}, TODAY, crowd(1, 2, 3)))
    assert (answer.candidate.member_id, answer.outcome, answer.change) == (1, Outcome.USED, None)
    explicit = bound(decide(ask(explicit=US_1), three(), mapped(1), {}, TODAY, crowd(1)))
    assert explicit.outcome is Outcome.USED


def test_S_50_a_dead_mapping_is_a_new_one_when_it_is_replaced() -> None:
    assert bound(decide(ask(), three(), mapped(9), {}, TODAY, crowd(1))).candidate.member_id == 2
    assert decide(ask(), pool(member(1, US_1)), mapped(9), {}, TODAY, crowd(1)) == Refusal(
        21703, ((US_1, WhyNot.DAILY_CONTACTS),)
    )


def test_S_51_a_named_from_at_its_cap_makes_no_mapping() -> None:
    refused = Refusal(21703, ((US_1, WhyNot.DAILY_CONTACTS),))
    assert decide(ask(explicit=US_1), three(), None, {}, TODAY, crowd(1)) == refused
    other = bound(decide(ask(explicit=US_1), three(), mapped(2), {}, TODAY, crowd(1)))
    assert (other.outcome, other.change) == (Outcome.BYPASSED, None)
    off = pool(member(1, US_1), sticky_sender=False)
    assert bound(decide(ask(explicit=US_1), off, None, {}, TODAY, crowd(1))).outcome is Outcome.OFF
    assert bound(decide(ask(), off, None, {}, TODAY, crowd(1))).candidate.member_id == 1


def test_S_52_a_foreign_mapping_stays_while_the_numbers_at_home_are_at_their_cap() -> None:
    held = bound(decide(ask(), three(), mapped(3), {}, TODAY, crowd(1, 2)))
    assert (held.candidate.member_id, held.outcome) == (3, Outcome.USED)
    moved = bound(decide(ask(), three(), mapped(3), {}, TODAY, crowd(1)))
    assert (moved.candidate.member_id, moved.cause) == (2, "local_number_joined")


def test_S_53_a_full_queue_is_passed_by_where_the_service_asks_for_it() -> None:
    asked = pool(*(member(n, f"+1212555010{n}") for n in range(1, 6)), sticky_overflow=StickyOverflow.BYPASS)
    answers = [bound(decide(ask(), asked, mapped(1), {2: 9.0 * n}, TODAY, crowd(full=(1,)))) for n in range(5)]
    assert len({answer.candidate.member_id for answer in answers}) == 1
    first = answers[0]
    assert first.candidate.member_id != 1
    assert (first.outcome, first.cause, first.kept, first.change) == (Outcome.BYPASSED, "queue_full", 1, None)
    also = bound(decide(ask(), asked, mapped(1), {}, TODAY, crowd(full=(1, first.candidate.member_id))))
    assert also.candidate.member_id not in {1, first.candidate.member_id}


def test_S_53_otherwise_the_message_stays_with_its_sender() -> None:
    plain = bound(decide(ask(), three(), mapped(1), {}, TODAY, crowd(full=(1,))))
    assert (plain.candidate.member_id, plain.outcome) == (1, Outcome.USED)
    asked = replace(three(), service=replace(three().service, sticky_overflow=StickyOverflow.BYPASS))
    nobody = bound(decide(ask(), asked, mapped(1), {}, TODAY, crowd(full=(1, 2, 3))))
    assert (nobody.candidate.member_id, nobody.outcome) == (1, Outcome.USED)
    room = bound(decide(ask(), asked, mapped(1), {}, TODAY, crowd(full=(2,))))
    assert (room.candidate.member_id, room.outcome) == (1, Outcome.USED)


def test_a_paused_service_sends_nothing_and_hears() -> None:
    paused = pool(member(1, US_1), paused=True)
    assert decide(ask(), paused, mapped(1), {}, TODAY) == Refusal(21702)
    assert decide(ask(explicit=US_1), paused, None, {}, TODAY) == Refusal(21702)
    assert isinstance(decide(ask(explicit=US_1, heard=True), paused, mapped(1), {}, TODAY), Binding)


def test_a_pool_carries_its_limits() -> None:
    made = pool(replace(member(1, US_1), daily_contacts=5), member(2, US_2), segments_per_s=2.5, daily_segments=100)
    assert made.limits == ServiceLimits(2.5, 100)
    assert made.caps == {1: 5}
    assert isinstance(made.by_member[1], Candidate)


@pytest.mark.parametrize(
    ("room", "wanted", "taken"),
    [
        (0, [1], [False]),
        (3, [1, 1, 1, 1], [True, True, True, False]),
        (3, [2, 2, 1], [True, False, True]),
        (-5, [1], [False]),
    ],
)
def test_what_fits_is_taken_in_turn(room: int, wanted: list[int], taken: list[bool]) -> None:
    assert fitting(room, wanted) == taken


@given(st.integers(-5, 50), st.lists(st.integers(1, 11), max_size=30))
def test_no_more_is_taken_than_there_is(room: int, wanted: list[int]) -> None:
    taken = fitting(room, wanted)
    used = sum(amount for amount, fits in zip(wanted, taken, strict=True) if fits)
    assert used <= max(0, room)
    assert all(fits or amount > room - used for amount, fits in zip(wanted, taken, strict=True))


def test_a_cap_is_reached_when_it_is_used_up() -> None:
    assert at_cap({1: 2, 2: 0, 3: 5}, {1: 2, 3: 4}) == {1, 2}
