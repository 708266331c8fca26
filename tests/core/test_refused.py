"""Senders that a carrier refuses for a country: rules S-70 to S-73, without a store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limpet.core.model import Capability, PoolMember
from limpet.core.pool import Pool
from limpet.core.selection import Choice, choose
from limpet.core.sticky import Ask, Binding, Change, Outcome, Standing, decide, standing
from tests.core.test_sticky import TODAY, US, ask, bound, member, pool, stored, to

BRITON = "+447700900199"


def refused(one: PoolMember, *countries: str) -> PoolMember:
    return replace(one, refused_in=frozenset(countries))


ONE_REFUSED = pool(refused(member(1, "+12125550101"), "US"), member(2, "+12125550102"))
ALL_REFUSED = pool(refused(member(1, "+12125550101"), "US"), refused(member(2, "+12125550102"), "US"))


def senders(some: Pool, number: str) -> set[int]:
    answers = [choose(some, to(number), person, {}) for person in range(1, 2000, 17)]
    return {answer.candidate.member_id for answer in answers if isinstance(answer, Choice)}


def test_S_70_only_the_country_that_was_refused_is_concerned() -> None:
    assert senders(ONE_REFUSED, US) == {2}
    assert senders(ONE_REFUSED, BRITON) == {1, 2}
    assert standing(ONE_REFUSED, stored(1), to(BRITON), TODAY) is Standing.LIVE
    assert standing(ONE_REFUSED, stored(2), to(US), TODAY) is Standing.LIVE


def test_S_71_a_mapping_to_it_is_replaced_with_its_cause() -> None:
    answer = bound(decide(ask(), ONE_REFUSED, stored(1), {}, TODAY))
    assert (answer.candidate.member_id, answer.outcome, answer.change, answer.cause) == (
        2, Outcome.REPLACED, Change.SWAP, "sender_refused",
    )  # fmt: skip


def test_S_72_where_all_are_refused_the_mapping_stays_and_new_people_get_anybody() -> None:
    answer = bound(decide(ask(), ALL_REFUSED, stored(1), {}, TODAY))
    assert (answer.candidate.member_id, answer.outcome, answer.cause) == (1, Outcome.USED, None)
    assert senders(ALL_REFUSED, US) == {1, 2}


@pytest.mark.parametrize("number", [US, "+16045550199"])
def test_S_72_a_member_that_cannot_write_there_is_no_other(number: str) -> None:
    """A short code of another country is in the pool, and no help."""
    country = to(number).country or ""
    deaf = replace(member(2, "+12125550102"), sender=replace(member(2, "+1").sender, capabilities=frozenset()))
    some = pool(refused(member(1, "+12125550101"), country), deaf)
    assert bound(decide(ask(number), some, stored(1), {}, TODAY)).outcome is Outcome.USED


def test_S_72_media_that_only_the_refused_one_can_carry_does_not_replace_it_by_itself() -> None:
    both = frozenset({Capability.SMS, Capability.MMS})
    some = pool(refused(member(1, "+12125550101", capabilities=both), "US"), member(2, "+12125550102"))
    answer = decide(Ask(to(US), 12345, None, True), some, stored(1), {}, TODAY)
    assert isinstance(answer, Binding)
    assert (answer.candidate.member_id, answer.outcome) == (1, Outcome.USED)


def test_S_71_a_named_from_is_sent_as_asked_and_leaves_the_mapping() -> None:
    answer = bound(decide(ask(explicit="+12125550101"), ONE_REFUSED, stored(1), {}, TODAY))
    assert (answer.candidate.member_id, answer.outcome) == (1, Outcome.USED)
    other = bound(decide(ask(explicit="+12125550102"), ONE_REFUSED, stored(1), {}, TODAY))
    assert (other.outcome, other.change) == (Outcome.BYPASSED, None)


def test_S_71_a_local_number_that_is_refused_draws_nobody_from_abroad() -> None:
    some = pool(member(1, "+447700900101", "GB"), refused(member(2, "+12125550102"), "US"))
    assert standing(some, stored(1), to(US), TODAY) is Standing.LIVE
