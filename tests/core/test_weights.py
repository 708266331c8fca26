"""Shares of new people, and numbers that get none or are not used: the decision, without any store."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from limpet.core.explain import Question, others
from limpet.core.load import LoadMeter
from limpet.core.model import MemberState, PoolMember, StickyInbound
from limpet.core.pool import Pool, WhyNot, make_pool
from limpet.core.selection import Refusal
from limpet.core.sticky import NO_SENDER, NOBODY_CROWDED, Ask, Change, Outcome, Pin, Standing, decide, standing
from tests.core.test_sticky import SERVICE, TODAY, US, ask, bound, member, pool, stored, to

PEOPLE = 20_000
A, B, C = (member(n, f"+1212555010{n}") for n in (1, 2, 3))


def weighted(*weights: int) -> Pool:
    return pool(*(replace(m, weight=w) for m, w in zip((A, B, C), weights, strict=False)))


def in_state(one: PoolMember, state: MemberState) -> PoolMember:
    return replace(one, state=state)


def spread(of: Pool, *, loaded: bool) -> Counter[int]:
    """How many of many people each member gets, each message counted as load or not."""
    chance, meter, found = random.Random(7), LoadMeter(0.0), Counter[int]()
    for n in range(PEOPLE):
        asked = Ask(to(US), chance.getrandbits(64))
        chosen = bound(decide(asked, of, None, meter.loads if loaded else {}, TODAY)).candidate.member_id
        meter.add(chosen, 1, n / 1000)
        found[chosen] += 1
    return found


@pytest.mark.parametrize("loaded", [True, False])
@pytest.mark.parametrize("weights", [(1, 1, 1), (1, 2, 5), (100, 1, 0), (0, 3, 1)])
def test_S_100_people_are_spread_in_proportion_to_weights(weights: tuple[int, ...], loaded: bool) -> None:
    found, whole = spread(weighted(*weights), loaded=loaded), sum(weights)
    for n, weight in enumerate(weights, 1):
        assert abs(found[n] - PEOPLE * weight / whole) <= PEOPLE * 0.012, (found, weights)
    assert all(found[n] == 0 for n, weight in enumerate(weights, 1) if not weight)


def test_S_100_a_member_without_a_share_is_there_where_nobody_else_is() -> None:
    assert bound(decide(ask(), weighted(0, 0), None, {1: 1.0}, TODAY)).candidate.member_id == 2
    british = make_pool(SERVICE, [replace(A, weight=0), member(2, "+447700900123", "GB")], lambda _: None)
    assert bound(decide(ask(), british, None, {}, TODAY)).candidate.member_id == 1
    question = Question(ask(), weighted(0, 1), {}, NOBODY_CROWDED)
    answer = decide(question.ask, question.pool, None, {}, TODAY)
    assert [(p.candidate.member_id, p.why) for p in others(question, answer)] == [(1, WhyNot.WEIGHT_ZERO)]


def test_S_100_a_change_of_one_weight_moves_only_what_it_must() -> None:
    before, after, chance = weighted(1, 1, 1), weighted(1, 1, 2), random.Random(3)
    for _ in range(2000):
        asked = Ask(to(US), chance.getrandbits(64))
        was, now = (bound(decide(asked, p, None, {}, TODAY)).candidate.member_id for p in (before, after))
        assert now in (was, 3)


def test_S_101_a_number_that_drains_keeps_its_people_and_gets_no_new_ones() -> None:
    drained = pool(in_state(A, MemberState.DRAIN), B)
    kept = bound(decide(ask(), drained, stored(1), {}, TODAY))
    assert (kept.candidate.member_id, kept.outcome) == (1, Outcome.USED)
    assert bound(decide(ask(), drained, None, {2: 1e9}, TODAY)).candidate.member_id == 2
    named = bound(decide(ask(explicit=A.sender.address), drained, None, {}, TODAY))
    assert (named.candidate.member_id, named.outcome, named.change, named.cause) == (
        1,
        Outcome.BYPASSED,
        None,
        "draining",
    )
    alone = decide(ask(), pool(in_state(A, MemberState.DRAIN)), None, {}, TODAY)
    assert alone == Refusal(NO_SENDER, ((A.sender.address, WhyNot.DRAINING),))


@pytest.mark.parametrize(
    ("used", "drains", "worth"),
    [
        (TODAY, TODAY - 9, Standing.LIVE),
        (TODAY - 3, TODAY - 9, Standing.LIVE),
        (TODAY - 4, TODAY - 9, Standing.DRAINED),
        (TODAY - 90, TODAY - 3, Standing.LIVE),
        (TODAY - 90, TODAY - 4, Standing.DRAINED),
        (TODAY - 90, None, Standing.LIVE),
    ],
)
def test_S_103_a_mapping_to_a_number_that_drains_counts_by_its_window(
    used: int, drains: int | None, worth: Standing
) -> None:
    drained = replace(in_state(A, MemberState.DRAIN), drain_day=drains)
    assert standing(pool(drained, B), stored(1, used), to(US), TODAY) is worth
    assert standing(pool(drained, B), replace(stored(1, used), pin=Pin.PLAIN), to(US), TODAY) is Standing.LIVE
    decided = bound(decide(ask(), pool(drained, B), stored(1, used), {}, TODAY))
    assert decided.outcome is (Outcome.USED if worth is Standing.LIVE else Outcome.REPLACED)
    alone = bound(decide(ask(), pool(drained), stored(1, used), {}, TODAY))
    assert (alone.candidate.member_id, alone.outcome) == (1, Outcome.USED), "nobody else can have the person"
    named = bound(decide(ask(explicit=B.sender.address), pool(drained, B), stored(1, used), {}, TODAY))
    assert named.change is None, "a named From leaves the mapping alone"


def test_S_109_who_is_held_to_a_number_that_is_given_up_is_passed_by_and_stays() -> None:
    given_up = replace(in_state(A, MemberState.DISABLED), replaces=True)
    assert standing(pool(given_up, B), stored(1), to(US), TODAY) is Standing.GIVEN_UP
    held = bound(decide(ask(), pool(given_up, B), replace(stored(1), pin=Pin.PLAIN), {}, TODAY))
    assert (held.outcome, held.kept) == (Outcome.BYPASSED, 1)
    replaced = bound(decide(ask(), pool(given_up, B), stored(1), {}, TODAY))
    assert (replaced.change, replaced.cause) == (Change.SWAP, "number_disabled")
    assert isinstance(decide(ask(), pool(given_up), stored(1), {}, TODAY), Refusal)


@pytest.mark.parametrize("state", [MemberState.DRAIN, MemberState.DISABLED])
def test_S_101_what_people_write_gives_such_a_number_nobody(state: MemberState) -> None:
    follows = pool(in_state(A, state), B, sticky_inbound=StickyInbound.FOLLOW)
    for mapping in (None, stored(2)):
        heard = bound(decide(replace(ask(explicit=A.sender.address), heard=True), follows, mapping, {}, TODAY))
        assert heard.change is None


def test_S_102_people_of_a_disabled_number_are_passed_by_and_keep_their_mapping() -> None:
    disabled = pool(in_state(A, MemberState.DISABLED), B, C)
    assert standing(disabled, stored(1), to(US), TODAY) is Standing.DISABLED
    found = {
        bound(decide(ask(), disabled, stored(1, TODAY - 1), {load: 1e9}, TODAY)).candidate.member_id for load in (2, 3)
    }
    assert len(found) == 1, "always the same one, whatever the load"
    passed = bound(decide(ask(), disabled, stored(1, TODAY - 1), {}, TODAY))
    assert (passed.outcome, passed.change, passed.kept, passed.cause) == (
        Outcome.BYPASSED, Change.REFRESH, 1, "sender_disabled",
    )  # fmt: skip
    again = bound(decide(ask(), pool(A, B, C), stored(1), {}, TODAY))
    assert (again.candidate.member_id, again.outcome) == (1, Outcome.USED)


def test_S_102_a_disabled_number_is_used_for_nothing() -> None:
    disabled = pool(in_state(A, MemberState.DISABLED), B)
    refused = Refusal(NO_SENDER, ((A.sender.address, WhyNot.DISABLED),))
    assert decide(ask(explicit=A.sender.address), disabled, stored(1), {}, TODAY) == refused
    assert decide(ask(), pool(in_state(A, MemberState.DISABLED)), stored(1), {}, TODAY) == refused
    named = bound(decide(ask(explicit=B.sender.address), disabled, stored(1), {}, TODAY))
    assert (named.outcome, named.change) == (Outcome.BYPASSED, None), "the mapping stays"
    question = Question(ask(), disabled, {}, NOBODY_CROWDED)
    answer = decide(ask(), disabled, None, {}, TODAY)
    assert [p.why for p in others(question, answer)] == [WhyNot.DISABLED]


def test_S_102_a_pin_to_a_disabled_number_is_passed_by_and_a_strict_one_has_nobody() -> None:
    disabled = pool(in_state(A, MemberState.DISABLED), B)
    passed = bound(decide(ask(), disabled, replace(stored(1), pin=Pin.PLAIN), {}, TODAY))
    assert (passed.outcome, passed.kept, passed.candidate.member_id) == (Outcome.BYPASSED, 1, 2)
    strict = decide(ask(), disabled, replace(stored(1), pin=Pin.STRICT), {}, TODAY)
    assert isinstance(strict, Refusal)
    assert dict(strict.why_not)[A.sender.address] is WhyNot.DISABLED
