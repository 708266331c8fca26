"""Why not the others: what is said of each member, held to what happens to it when it is asked alone."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from limpet.core.address import area_code
from limpet.core.explain import Question, others
from limpet.core.model import Capability, Clearance, MemberState, PoolMember, StickyOverflow
from limpet.core.pool import Pool, WhyNot, make_pool
from limpet.core.selection import Choice, Reason, choose, passed_over
from limpet.core.sticky import NOBODY_CROWDED, Ask, Crowd, decide
from tests.core.test_sticky import SERVICE, TODAY, TWO, bound, member, pool, stored, to

NUMBERS = [
    ("+14155550111", "US"), ("+16285550112", "US"), ("+12125550113", "US"), ("+16045550114", "CA"), ("+447700900115", "GB"),
    ("+14155550116", "US"), ("+12125550117", "US"),
]  # fmt: skip
PEOPLE = ["+14155550100", "+16285550100", "+12125550100", "+16045550199", "+447700900999", "+33612345678"]
SOME_CAPABILITIES = st.sampled_from(
    [frozenset({Capability.SMS}), frozenset(Capability), frozenset({Capability.VOICE}), frozenset(Capability)]
)
COMPARED = {WhyNot.LATER_RUNG, WhyNot.WEIGHT_ZERO, WhyNot.BUSIER, WhyNot.LESS_PREFERRED}
ONLY_BESIDE_OTHERS = {WhyNot.CARRIER_REFUSES, WhyNot.UNHEALTHY}
"""What keeps a member back only while somebody else is there."""


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    made: list[PoolMember] = []
    for n, (number, country) in enumerate(draw(st.lists(st.sampled_from(NUMBERS), unique=True, min_size=1)), 1):
        one = member(n, number, country, draw(SOME_CAPABILITIES))
        made.append(
            replace(
                one,
                clearance=draw(st.sampled_from([Clearance.CLEAR, Clearance.CLEAR, *Clearance])),
                retiring=draw(st.sampled_from([False, False, False, True])),
                weight=draw(st.sampled_from([1, 1, 0, 3])),
                state=draw(st.sampled_from([MemberState.ACTIVE, MemberState.ACTIVE, *MemberState])),
                drain_day=draw(st.none() | st.integers(TODAY - 9, TODAY)),
                replaces=draw(st.booleans()),
                refused_in=frozenset(draw(st.sampled_from([(), (), ("US",), ("US", "CA", "GB", "FR")]))),
            )
        )
    failing = frozenset(m.id for m in made if draw(st.sampled_from([False, False, True])))
    service = replace(SERVICE, area_code_geomatch=draw(st.booleans()))
    return make_pool(service, made, area_code, failing=failing)


def only(whole: Pool, member_ids: set[int]) -> Pool:
    """The pool with nobody else in it."""
    kept = [
        PoolMember(
            c.member_id,
            1,
            c.sender,
            SERVICE.created_at,
            c.refused_in,
            c.daily_contacts,
            c.clearance,
            c.retiring,
            c.weight,
            c.state,
        )
        for c in whole.candidates
        if c.member_id in member_ids
    ]
    return make_pool(whole.service, kept, area_code, failing=whole.failing & member_ids)


@given(pools(), st.sampled_from(PEOPLE), st.booleans(), st.lists(st.integers(0, 2), min_size=8, max_size=8))
def test_S_90_what_is_said_of_a_member_is_what_happens_when_it_is_asked_alone(
    whole: Pool, person: str, media: bool, loads: list[int]
) -> None:
    busy, address = {n: float(load) for n, load in enumerate(loads)}, to(person)
    choice = choose(whole, address, 5, busy, media=media)
    if not isinstance(choice, Choice):
        return
    found = passed_over(whole, address, choice.candidate, busy, media=media)
    assert {p.candidate.member_id for p in found} | {choice.candidate.member_id} == set(whole.by_member)
    for passed in found:
        alone = choose(only(whole, {passed.candidate.member_id}), address, 5, busy, media=media)
        usable = passed.why in COMPARED | ONLY_BESIDE_OTHERS
        assert isinstance(alone, Choice) is usable, passed
        assert (passed.rung is not None) is (passed.why in COMPARED)
        if isinstance(alone, Choice) and passed.why in COMPARED:
            assert alone.reason is passed.rung
            assert (passed.rung is choice.reason) is (passed.why is not WhyNot.LATER_RUNG)


@given(pools(), st.sampled_from(PEOPLE), st.lists(st.integers(0, 2), min_size=8, max_size=8))
def test_S_90_who_is_as_near_is_told_by_load_and_then_by_the_persons_hash(
    whole: Pool, person: str, loads: list[int]
) -> None:
    busy, address = {n: float(load) for n, load in enumerate(loads)}, to(person)
    choice = choose(whole, address, 5, busy)
    if not isinstance(choice, Choice):
        return
    for passed in passed_over(whole, address, choice.candidate, busy):
        if passed.why in (WhyNot.BUSIER, WhyNot.LESS_PREFERRED):
            unburdened = {**busy, passed.candidate.member_id: -1.0}
            relieved = choose(whole, address, 5, unburdened)
            assert isinstance(relieved, Choice)
            assert relieved.candidate.member_id == passed.candidate.member_id
            its, least = (busy[c.member_id] / (c.weight or 1) for c in (passed.candidate, choice.candidate))
            more = its > least
            assert (passed.why is WhyNot.BUSIER) is more


def why(question: Question, answer: object) -> dict[int, WhyNot]:
    return {p.candidate.member_id: p.why for p in others(question, answer)}  # type: ignore[arg-type]


def test_S_90_a_mapping_and_a_named_from_keep_all_others_from_it() -> None:
    ask = Ask(to(PEOPLE[0]), 5)
    question = Question(ask, TWO, {}, NOBODY_CROWDED)
    used = bound(decide(ask, TWO, stored(2), {}, TODAY))
    assert (used.reason, why(question, used)) == (Reason.STICKY, {1: WhyNot.MAPPED_ELSEWHERE})
    named = replace(ask, explicit="+12125550101")
    answer = bound(decide(named, TWO, stored(2), {}, TODAY))
    assert why(replace(question, ask=named), answer) == {2: WhyNot.NOT_NAMED}


def test_S_90_of_a_full_queue_and_a_cap_it_is_said_that_it_is() -> None:
    three = pool(*(member(n, f"+1212555010{n}") for n in (1, 2, 3)), sticky_overflow=StickyOverflow.BYPASS)
    crowd = Crowd((), lambda candidate: candidate.member_id != 3)
    ask = Ask(to(PEOPLE[0]), 5)
    answer = bound(decide(ask, three, stored(1), {}, TODAY, crowd))
    assert why(Question(ask, three, {}, crowd), answer) == {1: WhyNot.QUEUE_FULL, 2: WhyNot.QUEUE_FULL}
    capped = Crowd({1, 2})
    answer = bound(decide(ask, three, None, {}, TODAY, capped))
    assert why(Question(ask, three, {}, capped), answer) == {1: WhyNot.DAILY_CONTACTS, 2: WhyNot.DAILY_CONTACTS}


def test_S_90_a_refusal_says_of_each_member_what_it_said_to_the_message() -> None:
    deaf = pool(member(1, "+12125550101", capabilities=frozenset({Capability.VOICE})))
    ask = Ask(to(PEOPLE[0]), 5)
    assert why(Question(ask, deaf, {}, NOBODY_CROWDED), decide(ask, deaf, None, {}, TODAY)) == {1: WhyNot.NO_SMS}
