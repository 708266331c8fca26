"""Who moves in a rebalance: the decision, without any store, on random pools and people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limpet.core.address import area_code
from limpet.core.model import MemberState, PoolMember, Sender, SenderKind
from limpet.core.pool import Pool, make_pool
from limpet.core.rebalance import MOVES_MAX, Counting, Deciding, Plan, Wish, apportioned, heirs, may_move
from limpet.core.selection import Choice, choose, shares
from limpet.core.sticky import Pin, Standing, StoredMapping, standing
from tests.core.test_sticky import SERVICE, TODAY, member, stored, to

PLACES = ("+1415555", "+1212555", "+1416555", "+4477009")
"""Two area codes of the United States, one of Canada, and the United Kingdom."""
NUMBERS = (
    ("+12125550101", "US"), ("+14155550101", "US"), ("+13125550101", "US"), ("+14165550101", "CA"), ("+447700900101", "GB"),
    ("+12125550102", "US"),
)  # fmt: skip
People = dict[str, StoredMapping]


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    """Random weights and states of some numbers, one of which may be a short code."""
    members = [
        replace(
            member(n, address, country),
            weight=draw(st.integers(0, 5)),
            state=draw(st.sampled_from([MemberState.ACTIVE] * 3 + [MemberState.DRAIN, MemberState.DISABLED])),
            retiring=draw(st.sampled_from([False] * 5 + [True])),
        )
        for n, (address, country) in enumerate(NUMBERS[: draw(st.integers(1, len(NUMBERS)))], 1)
    ]
    if draw(st.booleans()):
        members.append(short_code(9))
    failing = frozenset(m.id for m in members if draw(st.sampled_from([False] * 5 + [True])))
    geomatch = draw(st.booleans())
    return make_pool(replace(SERVICE, area_code_geomatch=geomatch), members, area_code, failing=failing)


def short_code(member_id: int) -> PoolMember:
    plain = member(member_id, "73547")
    sender = replace(plain.sender, kind=SenderKind.SHORT_CODE)
    assert isinstance(sender, Sender)
    return replace(plain, sender=sender)


@st.composite
def people(draw: st.DrawFn) -> People:
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(PLACES), st.integers(1, 9), st.integers(0, 60), st.sampled_from([Pin.NONE] * 5 + list(Pin)),
                st.sampled_from([True, True, True, False]),
            ),
            max_size=80,
        )
    )  # fmt: skip
    return {
        f"{place}{n:04}": replace(stored(who, TODAY - idle, TODAY - idle, established), pin=pin)
        for n, (place, who, idle, pin, established) in enumerate(rows)
    }


def planned(pool: Pool, of: Mapping[str, StoredMapping], wish: Wish) -> Plan:
    counting = Counting(pool, TODAY, wish.idle_days)
    for recipient, mapping in of.items():
        counting.add(recipient, mapping)
    return counting.plan(wish)


def carried_out(pool: Pool, of: Mapping[str, StoredMapping], plan: Plan, wish: Wish) -> People:
    """What becomes of people, looked at in the order of their numbers backwards."""
    deciding, after = Deciding(pool, plan.quotas, TODAY, wish.idle_days), dict(of)
    for recipient, mapping in sorted(of.items(), reverse=True):
        if (quota := deciding.target(recipient, mapping)) is not None:
            deciding.took(quota)
            after[recipient] = replace(mapping, member_id=quota.after)
    return after


def moved(before: Mapping[str, StoredMapping], after: Mapping[str, StoredMapping]) -> set[str]:
    return {one for one in before if before[one].member_id != after[one].member_id}


@given(pools(), people(), st.integers(0, 40), st.none() | st.integers(1, 100), st.integers(1, 50))
@settings(max_examples=300)
def test_S_106_nobody_moves_who_may_not_nor_to_whom_a_stranger_would_not_be_given(
    pool: Pool, of: People, idle_days: int, percent: int | None, most: int
) -> None:
    wish = Wish(idle_days, percent, most)
    plan = planned(pool, of, wish)
    after = carried_out(pool, of, plan, wish)
    gone = moved(of, after)
    assert len(gone) == plan.moves <= most
    assert plan.moves <= len(of) * (percent or 100) // 100
    for one in gone:
        mapping, person = of[one], to(one)
        assert mapping.pin is Pin.NONE
        assert TODAY - mapping.last_used_day >= idle_days
        assert standing(pool, mapping, person, TODAY) is Standing.LIVE
        assert standing(pool, after[one], person, TODAY) is Standing.LIVE
        was, became = pool.by_member[mapping.member_id], pool.by_member[after[one].member_id]
        assert (was.sender.kind, was.retiring) == (became.sender.kind, False)
        assert became.state is MemberState.ACTIVE
        assert became.member_id not in pool.failing
        others = {c.member_id for c in pool.candidates if c.sender.kind is not became.sender.kind}
        busy = {c.member_id: 1e9 for c in pool.candidates if c is not became}
        chosen = choose(replace(pool, failing=frozenset()), person, 1, busy, without=others)
        assert isinstance(chosen, Choice)
        assert chosen.candidate is became, "if it were the least busy one, a stranger would get it"


@given(pools(), people(), st.integers(0, 40))
@settings(max_examples=300)
def test_S_105_people_are_split_by_weight_as_far_as_they_may_move_and_then_nothing_is_left_to_do(
    pool: Pool, of: People, idle_days: int
) -> None:
    wish = Wish(idle_days)
    plan = planned(pool, of, wish)
    after = carried_out(pool, of, plan, wish)
    assert planned(pool, after, wish).moves == 0
    shown = {one.phone_number: (one.people, one.planned) for one in plan.members}
    here, there = (Counter(pool.by_member[m.member_id].sender.address for m in each.values() if m.member_id in pool.by_member)
                   for each in (of, after))  # fmt: skip
    assert shown == {address: (here[address], there[address]) for address in shown}


@given(st.lists(st.integers(0, 6), min_size=2, max_size=6), st.lists(st.integers(0, 5), max_size=200))
def test_S_105_where_everybody_may_move_shares_are_met_to_a_person_by_the_fewest_moves(
    weights: list[int], mapped: list[int]
) -> None:
    members = [replace(member(n, f"+1212555010{n}"), weight=w) for n, w in enumerate(weights, 1)]
    pool = make_pool(SERVICE, members, area_code)
    of = {f"+1415555{n:04}": stored(who % len(weights) + 1, TODAY - 99) for n, who in enumerate(mapped)}
    after = carried_out(pool, of, planned(pool, of, Wish()), Wish())
    counts = Counter(mapping.member_id for mapping in after.values())
    before = Counter(mapping.member_id for mapping in of.values())
    whole = sum(weights) or len(weights)
    for n, weight in enumerate(weights, 1):
        share = len(of) * (weight if any(weights) else 1) / whole
        assert abs(counts[n] - share) < 1, (counts, weights)
    assert len(moved(of, after)) == sum(max(0, before[n] - counts[n]) for n in before)


def test_S_105_numbers_that_join_get_their_share_from_all_at_once() -> None:
    """All fill at the same time, from wherever people come."""
    pool = make_pool(SERVICE, [member(n, f"+1212555010{n}") for n in range(1, 5)], area_code)
    of = {f"+1415555{n:04}": stored(1 + n % 2, TODAY - 99) for n in range(400)}
    plan = planned(pool, of, Wish())
    assert sorted((q.before, q.after, q.planned) for q in plan.quotas) == [(1, 3, 100), (2, 4, 100)]
    assert plan.moves == 200
    half = planned(pool, of, Wish(percent=25))
    assert (half.moves, sorted(q.planned for q in half.quotas)) == (100, [50, 50])
    crowded = {recipient: replace(mapping, member_id=1) for recipient, mapping in of.items()}
    deciding, gone = Deciding(pool, planned(pool, crowded, Wish()).quotas, TODAY, 30), Counter[int]()
    for recipient, mapping in list(crowded.items())[:30]:
        quota = deciding.target(recipient, mapping)
        assert quota is not None
        deciding.took(quota)
        gone[quota.after] += 1
    assert gone == {2: 10, 3: 10, 4: 10}


def test_S_106_who_hears_from_a_number_goes_to_no_short_code_and_the_other_way_round() -> None:
    pool = make_pool(SERVICE, [member(1, "+12125550101"), member(2, "+12125550102"), short_code(3)], area_code)
    us = to("+14155550100")
    assert heirs(pool, us, SenderKind.LONG_CODE) == ((1, 1), (2, 1))
    assert heirs(pool, us, SenderKind.SHORT_CODE) == ((3, 1),)
    assert [c.member_id for c, _ in shares(pool, us)] == [3]


def test_S_106_nobody_goes_to_a_number_abroad_that_a_short_code_at_home_would_take_the_place_of() -> None:
    drains = replace(member(1, "+12125550101"), state=MemberState.DRAIN)
    pool = make_pool(SERVICE, [drains, member(2, "+447700900101", "GB"), short_code(3)], area_code)
    assert heirs(pool, to("+14155550100"), SenderKind.LONG_CODE) == ()
    assert heirs(pool, to("+447700900999"), SenderKind.LONG_CODE) == ((2, 1),)


def test_S_105_a_number_that_drains_hands_its_idle_people_on_and_one_that_is_disabled_does_not() -> None:
    drains, off = (replace(member(n, f"+1212555010{n}"), state=state) for n, state in
                   ((1, MemberState.DRAIN), (2, MemberState.DISABLED)))  # fmt: skip
    pool = make_pool(SERVICE, [drains, off, member(3, "+12125550103")], area_code)
    of = {f"+1415555{n:04}": stored(1 + n % 2, TODAY - 99) for n in range(10)}
    after = carried_out(pool, of, planned(pool, of, Wish()), Wish())
    assert Counter(mapping.member_id for mapping in after.values()) == {2: 5, 3: 5}


def test_S_106_what_a_plan_says_of_many_is_bounded() -> None:
    pool = make_pool(SERVICE, [member(1, "+12125550101"), member(2, "+12125550102")], area_code)
    counting = Counting(pool, TODAY, 30)
    for n in range(100):
        counting.add(f"+1415555{n:04}", stored(1, TODAY - 99))
    plan = counting.plan(Wish(), factor=100_000.0)
    assert (plan.people, plan.moves, plan.estimated) == (10_000_000, MOVES_MAX, True)


@pytest.mark.parametrize(
    ("whole", "of", "parts"),
    [
        (10, {1: 1, 2: 1, 3: 1}, {1: 4, 2: 3, 3: 3}),
        (7, {1: 5, 2: 2}, {1: 5, 2: 2}),
        (0, {1: 5}, {1: 0}),
        (5, {}, {}),
        (1, {1: 0, 2: 3}, {1: 0, 2: 1}),
    ],
)
def test_S_105_a_number_of_people_is_split_whole(whole: int, of: dict[int, int], parts: dict[int, int]) -> None:
    assert apportioned(whole, of) == parts


@given(st.integers(0, 1000), st.dictionaries(st.integers(1, 9), st.integers(0, 500)))
def test_S_105_nobody_is_lost_in_splitting(whole: int, of: dict[int, int]) -> None:
    parts = apportioned(min(whole, sum(of.values())), of)
    assert sum(parts.values()) == min(whole, sum(of.values()))
    assert all(0 <= parts[key] <= of[key] for key in parts)
    assert all(parts[key] <= ceil(whole * of[key] / max(1, sum(of.values()))) for key in parts)


@pytest.mark.parametrize(("hour", "moves"), [(9, True), (10, False)])
def test_S_106_a_mapping_that_has_aged_by_the_hour_is_nobodys_to_move(hour: int, moves: bool) -> None:
    """Used at 8 o'clock; it lives for an hour."""
    service = replace(SERVICE, sticky_ttl_days=1, sticky_ttl_hours=1)
    pool = make_pool(
        service, [member(n, address, country) for n, (address, country) in enumerate(NUMBERS[:2], 1)], area_code
    )
    mapping = replace(stored(1, TODAY), last_used_hour=8)
    assert may_move(pool, mapping, to("+14155550177"), TODAY, 0, hour) is moves
    counting = Counting(pool, TODAY, 0, hour)
    for n in range(8):
        counting.add(f"+1415555017{n}", mapping)
    assert bool(counting.plan(Wish(0)).quotas) is moves
