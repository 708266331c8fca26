"""The ladder: which sender of a pool a person without a mapping gets, and why."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.load import HALF_LIFE_S, LoadMeter
from limpet.core.model import Capability
from limpet.core.pool import Pool, WhyNot
from limpet.core.selection import Choice, Reason, Refusal, choose
from tests.core.test_sticky import member, pool, to

SAN_FRANCISCO = "+14155550100"
MIXED = (
    member(1, "+14155550111"),
    member(2, "+16285550112"),
    member(3, "+12125550113"),
    member(4, "+16045550114", "CA"),
    member(5, "+447700900115", "GB"),
)


def chosen(answer: Choice | Refusal) -> Choice:
    assert isinstance(answer, Choice), answer
    return answer


def test_S_30_an_empty_pool_and_a_pool_of_nobody_usable_are_told_apart() -> None:
    assert choose(pool(), to(SAN_FRANCISCO), 1, {}) == Refusal(21704)
    deaf = pool(member(1, "+14155550111", capabilities=frozenset({Capability.VOICE})))
    assert choose(deaf, to(SAN_FRANCISCO), 1, {}) == Refusal(21703, (("+14155550111", WhyNot.NO_SMS),))


def test_S_31_a_member_that_carries_no_texts_is_passed_over() -> None:
    mostly_deaf = pool(member(1, "+14155550111", capabilities=frozenset({Capability.VOICE})), member(2, "+14155550112"))
    assert chosen(choose(mostly_deaf, to(SAN_FRANCISCO), 1, {2: 99.0})).candidate.member_id == 2


@pytest.mark.parametrize(
    ("number", "geomatch", "left_out", "expected", "reason"),
    [
        (SAN_FRANCISCO, True, (), {1}, Reason.AREA_CODE),
        (SAN_FRANCISCO, True, (1,), {2}, Reason.OVERLAY),
        (SAN_FRANCISCO, True, (1, 2), {3}, Reason.COUNTRY),
        (SAN_FRANCISCO, True, (1, 2, 3), {4}, Reason.US_OR_CANADA),
        (SAN_FRANCISCO, True, (1, 2, 3, 4), {5}, Reason.ANY),
        (SAN_FRANCISCO, False, (), {1, 2, 3}, Reason.COUNTRY),
        (SAN_FRANCISCO, False, (1, 2, 3), {4, 5}, Reason.ANY),
        ("+16045550199", True, (), {4}, Reason.AREA_CODE),
        ("+16045550199", False, (4,), {1, 2, 3}, Reason.US_FALLBACK),
        ("+447700900999", True, (), {5}, Reason.COUNTRY),
        ("+447700900999", True, (5,), {1, 2, 3}, Reason.US_FALLBACK),
        ("+447700900999", True, (1, 2, 3, 5), {4}, Reason.ANY),
        ("+33612345678", False, (), {1, 2, 3}, Reason.US_FALLBACK),
    ],
)
def test_S_32_S_33_the_first_rung_with_a_sender_decides(
    number: str, geomatch: bool, left_out: tuple[int, ...], expected: set[int], reason: Reason
) -> None:
    some = pool(*(m for m in MIXED if m.id not in left_out), area_code_geomatch=geomatch)
    answers = [chosen(choose(some, to(number), person, {})) for person in range(1, 2000, 17)]
    assert {a.candidate.member_id for a in answers} == expected
    assert {a.reason for a in answers} == {reason}


def test_S_34_overlay_complexes_are_read_from_the_recipients_row() -> None:
    some = pool(
        member(1, "+12505550111", "CA"),
        member(2, "+16045550112", "CA"),
        member(3, "+16475550113", "CA"),
        area_code_geomatch=True,
    )
    answer = chosen(choose(some, to("+17785550100"), 5, {1: 5.0, 2: 1.0}))
    assert (answer.reason, answer.candidate.member_id) == (Reason.OVERLAY, 2)


def test_S_35_the_least_busy_sender_is_taken() -> None:
    some = pool(*(member(n, f"+1212555010{n}") for n in range(1, 6)))
    loads = {1: 3.0, 2: 2.0, 3: 0.5, 4: 9.0, 5: 0.6}
    assert chosen(choose(some, to(SAN_FRANCISCO), 77, loads)).candidate.member_id == 3


def test_S_35_one_persons_messages_spread_when_load_is_counted() -> None:
    some, meter = pool(*(member(n, f"+1212555010{n}") for n in range(1, 6))), LoadMeter(0.0)
    taken = Counter[int]()
    for n in range(100):
        candidate = chosen(choose(some, to(SAN_FRANCISCO), 77, meter.loads)).candidate
        meter.add(candidate.member_id, 1, n * 0.01)
        taken[candidate.member_id] += 1
    assert set(taken.values()) == {20}


def test_S_35_load_fades_and_numbers_stay_small() -> None:
    meter = LoadMeter(0.0)
    meter.add(1, 8, 0.0)
    meter.add(2, 1, 2 * HALF_LIFE_S)
    assert meter.loads[1] / meter.loads[2] == pytest.approx(2.0)
    for step in range(3, 3000):
        meter.add(3, 1, step * HALF_LIFE_S)
    assert meter.loads[3] < 2.0**600
    assert meter.loads.get(1, 0.0) < 1e-100


@given(st.integers(0, 2**64 - 1))
def test_S_36_one_more_number_moves_only_its_own_people(person: int) -> None:
    five: Pool = pool(*(member(n, f"+1212555010{n}") for n in range(1, 6)))
    six = pool(*(member(n, f"+1212555010{n}") for n in range(1, 7)))
    before = chosen(choose(five, to(SAN_FRANCISCO), person, {})).candidate.member_id
    after = chosen(choose(six, to(SAN_FRANCISCO), person, {})).candidate.member_id
    assert after in (before, 6)


def test_S_36_people_are_shared_out_evenly_by_their_hashes() -> None:
    some = pool(*(member(n, f"+121255501{n:02}") for n in range(1, 11)))
    people = [(n * 0x9E3779B97F4A7C15 + 12345) & (2**64 - 1) for n in range(20_000)]
    taken = Counter(chosen(choose(some, to(SAN_FRANCISCO), person, {})).candidate.member_id for person in people)
    assert all(1700 < count < 2300 for count in taken.values()), taken
