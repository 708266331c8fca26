"""The decision, without any store: rules of docs/sticky-sender.md as tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.address import Address, area_code, parse_recipient
from limpet.core.model import Capability, InDoubtPolicy, PoolMember, Sender, SenderKind, Service, StickyInbound
from limpet.core.pool import Pool, make_pool
from limpet.core.selection import Reason, Refusal
from limpet.core.sticky import Ask, Binding, Change, Outcome, Standing, StoredMapping, decide, standing

AT = datetime(2026, 3, 2, tzinfo=UTC)
TODAY = 9557
SERVICE = Service(
    1, "MG" + "1" * 32, 1, "test", None, "POST", None, "POST", None, True, True, True, "inherit", True, False, False, 36000,
    "undeclared", False, False, "all", InDoubtPolicy.RESEND, True, 365, StickyInbound.OFF, 1, AT, AT,
)  # fmt: skip
SMS = frozenset({Capability.SMS})
US = "+14155550100"


def member(member_id: int, address: str, country: str = "US", capabilities: frozenset[Capability] = SMS) -> PoolMember:
    sender = Sender(
        member_id, f"PN{member_id:032x}", 1, SenderKind.LONG_CODE, address, country, capabilities, address, "hand",
        "", "POST", "", "POST", "", {}, AT, AT,
    )  # fmt: skip
    return PoolMember(member_id, 1, sender, AT)


def pool(*members: PoolMember, **settings: object) -> Pool:
    return make_pool(replace(SERVICE, **settings), members, area_code)  # type: ignore[arg-type]


def to(number: str) -> Address:
    address = parse_recipient(number)
    assert address is not None
    return address


def ask(number: str = US, explicit: str | None = None) -> Ask:
    return Ask(to(number), 12345, explicit)


def stored(member_id: int, used: int = TODAY, created: int = TODAY - 100, established: bool = True) -> StoredMapping:
    return StoredMapping(member_id, used, created, established)


TWO = pool(member(1, "+12125550101"), member(2, "+12125550102"))


def bound(answer: Binding | Refusal) -> Binding:
    assert isinstance(answer, Binding), answer
    return answer


def test_S_1_the_first_message_makes_a_mapping_and_later_ones_use_it() -> None:
    first = bound(decide(ask(), TWO, None, {}, TODAY))
    assert (first.outcome, first.change, first.cause) == (Outcome.CREATED, Change.INSERT, "first_message")
    later = bound(decide(ask(), TWO, stored(first.candidate.member_id), {first.candidate.member_id: 1e9}, TODAY))
    assert later.candidate == first.candidate
    assert (later.outcome, later.reason, later.change) == (Outcome.USED, Reason.STICKY, None)


def test_S_3_with_sticky_sender_off_the_mapping_is_not_looked_at() -> None:
    off = pool(member(1, "+12125550101"), member(2, "+12125550102"), sticky_sender=False)
    for busy, free in ((1, 2), (2, 1)):
        answer = bound(decide(ask(), off, stored(busy), {busy: 1.0}, TODAY))
        assert (answer.candidate.member_id, answer.outcome, answer.change) == (free, Outcome.OFF, None)


@pytest.mark.parametrize(
    ("unused_days", "ttl", "worth"),
    [
        (0, 365, Standing.LIVE),
        (364, 365, Standing.LIVE),
        (365, 365, Standing.LIVE),
        (366, 365, Standing.EXPIRED),
        (367, 365, Standing.EXPIRED),
        (8, 8, Standing.LIVE),
        (9, 8, Standing.EXPIRED),
        (-1, 365, Standing.LIVE),
    ],
)
def test_S_5_day_365_is_live_and_day_366_is_dead(unused_days: int, ttl: int, worth: Standing) -> None:
    aged = pool(member(1, "+12125550101"), sticky_ttl_days=ttl)
    assert standing(aged, stored(1, TODAY - unused_days), to(US), TODAY) is worth


def test_S_5_an_expired_mapping_is_replaced_and_says_so() -> None:
    answer = bound(decide(ask(), TWO, stored(1, TODAY - 366), {}, TODAY))
    assert (answer.outcome, answer.change, answer.cause) == (Outcome.REPLACED, Change.SWAP, "expired")


def test_S_6_a_mapping_of_an_ended_membership_is_dead() -> None:
    answer = bound(decide(ask(), TWO, stored(3), {}, TODAY))
    assert (answer.outcome, answer.change, answer.cause) == (Outcome.REPLACED, Change.SWAP, "number_removed")


def test_S_7_the_same_number_under_a_new_membership_is_not_what_the_mapping_points_at() -> None:
    again = pool(member(7, "+12125550101"))
    assert standing(again, stored(1), to(US), TODAY) is Standing.REMOVED


@pytest.mark.parametrize(
    ("mapping", "change"),
    [
        (stored(1, TODAY), None),
        (stored(1, TODAY - 1), Change.REFRESH),
        (stored(1, TODAY + 3), None),
        (stored(1, TODAY, TODAY, established=False), Change.REFRESH),
        (stored(1, TODAY, TODAY - 1, established=False), Change.REFRESH),
        (stored(1, TODAY, TODAY - 2, established=False), None),
    ],
)
def test_S_8_a_use_is_written_once_a_day_and_while_provisional_each_time(
    mapping: StoredMapping, change: Change | None
) -> None:
    assert bound(decide(ask(), TWO, mapping, {}, TODAY)).change is change


def test_S_11_a_message_without_a_sender_writes_nothing() -> None:
    deaf = pool(member(1, "+12125550101", capabilities=frozenset({Capability.VOICE})))
    refusal = decide(ask(), deaf, stored(1), {}, TODAY)
    assert isinstance(refusal, Refusal)
    assert refusal.error_code == 21703


def test_S_12_a_foreign_mapping_is_replaced_only_when_a_local_number_is_there() -> None:
    us, gb = member(1, "+12125550101"), member(2, "+447700900123", "GB")
    london = "+447700900999"
    assert standing(pool(us), stored(1), to(london), TODAY) is Standing.LIVE
    assert standing(pool(us, gb), stored(1), to(london), TODAY) is Standing.FOREIGN
    assert standing(pool(us, gb), stored(2), to(london), TODAY) is Standing.LIVE
    assert standing(pool(us, gb), stored(1), to(US), TODAY) is Standing.LIVE
    answer = bound(decide(ask(london), pool(us, gb), stored(1), {}, TODAY))
    assert (answer.candidate.member_id, answer.cause) == (2, "local_number_joined")


def test_S_12_a_local_number_that_carries_no_texts_breaks_nothing() -> None:
    us, deaf = member(1, "+12125550101"), member(2, "+447700900123", "GB", frozenset({Capability.VOICE}))
    assert standing(pool(us, deaf), stored(1), to("+447700900999"), TODAY) is Standing.LIVE


def test_S_13_an_unusable_sender_is_replaced() -> None:
    deaf = pool(member(1, "+12125550101", capabilities=frozenset({Capability.VOICE})), member(2, "+12125550102"))
    answer = bound(decide(ask(), deaf, stored(1), {}, TODAY))
    assert (answer.candidate.member_id, answer.change, answer.cause) == (2, Change.SWAP, "sender_unusable")


def test_S_14_a_from_outside_the_pool_is_refused() -> None:
    answer = decide(ask(explicit="+12125550999"), TWO, stored(1), {}, TODAY)
    assert answer == Refusal(21711)


def test_S_15_a_from_beside_the_service_makes_the_first_mapping_unless_switched_off() -> None:
    answer = bound(decide(ask(explicit="+12125550102"), TWO, None, {}, TODAY))
    assert (answer.candidate.member_id, answer.reason, answer.change) == (2, Reason.EXPLICIT, Change.INSERT)
    dead = bound(decide(ask(explicit="+12125550102"), TWO, stored(9), {}, TODAY))
    assert (dead.change, dead.cause) == (Change.SWAP, "number_removed")
    ignoring = pool(member(1, "+12125550101"), member(2, "+12125550102"), explicit_from_sticks=False)
    assert bound(decide(ask(explicit="+12125550102"), ignoring, None, {}, TODAY)).change is None


def test_S_16_a_from_refreshes_its_own_mapping_and_leaves_another_alone() -> None:
    same = bound(decide(ask(explicit="+12125550101"), TWO, stored(1, TODAY - 5), {}, TODAY))
    assert (same.candidate.member_id, same.change, same.outcome) == (1, Change.REFRESH, Outcome.USED)
    other = bound(decide(ask(explicit="+12125550102"), TWO, stored(1, TODAY - 5), {}, TODAY))
    assert (other.candidate.member_id, other.change, other.outcome, other.cause) == (
        2,
        None,
        Outcome.BYPASSED,
        "explicit_from",
    )


def test_S_16_with_sticky_sender_off_a_from_touches_nothing() -> None:
    off = pool(member(1, "+12125550101"), sticky_sender=False)
    answer = bound(decide(ask(explicit="+12125550101"), off, stored(1, TODAY - 5), {}, TODAY))
    assert (answer.change, answer.outcome) == (None, Outcome.OFF)


@given(
    member_id=st.integers(1, 4), age=st.integers(360, 370) | st.integers(-2, 2), created=st.integers(0, 400),
    established=st.booleans(), on=st.booleans(), explicit=st.sampled_from([None, "+12125550101", "+12125550199"]),
    loads=st.dictionaries(st.integers(1, 3), st.floats(0, 100)),
)  # fmt: skip
def test_S_2_a_live_mapping_always_wins_over_load(
    member_id: int, age: int, created: int, established: bool, on: bool, explicit: str | None, loads: dict[int, float]
) -> None:
    three = pool(*(member(n, f"+1212555010{n}") for n in (1, 2, 3)), sticky_sender=on)
    mapping = stored(member_id, TODAY - age, TODAY - created, established)
    answer = decide(ask(explicit=explicit), three, mapping, loads, TODAY)
    if isinstance(answer, Refusal):
        assert explicit == "+12125550199"
    elif on and explicit is None and member_id <= 3 and age <= 365:
        assert answer.candidate.member_id == member_id
        assert answer.change in (None, Change.REFRESH)
    elif on and explicit is None:
        assert answer.change is Change.SWAP
    elif not on:
        assert answer.change is None
