"""Senders of every kind in one pool: which of them writes to whom, and which mappings they break."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limpet.core.model import Capability, PoolMember, SenderKind
from limpet.core.pool import WhyNot, can_carry_media
from limpet.core.selection import Choice, Reason, Refusal, choose
from limpet.core.sticky import Ask, Change, Outcome, Standing, decide, standing
from tests.core.test_sticky import TODAY, bound, member, pool, stored, to

BOTH = frozenset({Capability.SMS, Capability.MMS})
LONDON, PARIS, TORONTO, BOSTON, SAO_PAULO = (
    "+447700900999",
    "+33612345678",
    "+14165550199",
    "+16175550199",
    "+5511961234567",
)


def of(kind: SenderKind, member_id: int, address: str, country: str, carrier: str = "hand") -> PoolMember:
    plain = member(member_id, address, country)
    return replace(plain, sender=replace(plain.sender, kind=kind, carrier=carrier))


US_CODE = of(SenderKind.SHORT_CODE, 1, "73546", "US")
GB_CODE = of(SenderKind.SHORT_CODE, 2, "60777", "GB")
NAME = of(SenderKind.ALPHANUMERIC, 3, "ACME", "")
FRENCH = of(SenderKind.DESTINATION_ALPHA, 4, "ACME FR", "FR")
EVERYWHERE = of(SenderKind.DESTINATION_ALPHA, 5, "ACME INT", "")
US_LONG, GB_LONG = member(6, "+12125550106"), member(7, "+447700900107", "GB")
FREE = of(SenderKind.TOLL_FREE, 8, "+18005550108", "US")
CA_LONG = member(9, "+16045550109", "CA")
WHATSAPP = of(SenderKind.WHATSAPP, 10, "whatsapp:+12125550110", "US")
WHATSAPP_GB = of(SenderKind.WHATSAPP, 11, "whatsapp:+447700900111", "GB")
RCS = of(SenderKind.RCS, 12, "rcs:acme", "US")
ALL = (US_CODE, GB_CODE, NAME, FRENCH, EVERYWHERE, US_LONG, GB_LONG, FREE, CA_LONG, WHATSAPP, WHATSAPP_GB)


@pytest.mark.parametrize(
    ("number", "left_out", "expected", "reason"),
    [
        (BOSTON, (), 1, Reason.SHORT_CODE),
        (BOSTON, (1,), 6, Reason.COUNTRY),
        (LONDON, (), 2, Reason.SHORT_CODE),
        (LONDON, (2,), 5, Reason.DESTINATION_ALPHA),
        (LONDON, (2, 5), 3, Reason.ALPHA),
        (LONDON, (2, 3, 5), 7, Reason.COUNTRY),
        (LONDON, (2, 3, 5, 7, 8), 6, Reason.US_FALLBACK),
        (PARIS, (), 4, Reason.DESTINATION_ALPHA),
        (PARIS, (4,), 5, Reason.DESTINATION_ALPHA),
        (PARIS, (4, 5), 3, Reason.ALPHA),
        (PARIS, (3, 4, 5, 8), 6, Reason.US_FALLBACK),
        (PARIS, (3, 4, 5, 6, 8, 9), 7, Reason.ANY),
        (TORONTO, (), 8, Reason.TOLL_FREE),
        (TORONTO, (8,), 9, Reason.COUNTRY),
        (SAO_PAULO, (8,), 6, Reason.US_FALLBACK),
        (f"whatsapp:{LONDON}", (), 11, Reason.COUNTRY),
        (f"whatsapp:{LONDON}", (11,), 10, Reason.ANY),
        (f"whatsapp:{BOSTON}", (), 10, Reason.COUNTRY),
    ],
)
def test_S_32_S_37_S_38_S_39_each_kind_in_its_turn(
    number: str, left_out: tuple[int, ...], expected: int, reason: Reason
) -> None:
    some = pool(*(m for m in ALL if m.id not in left_out), area_code_geomatch=False)
    loads = {expected: 5.0, 6: 0.0 if expected == 6 else 1.0, 8: 9.0}
    answer = choose(some, to(number), 77, loads)
    assert isinstance(answer, Choice)
    assert (answer.candidate.member_id, answer.reason) == (expected, reason)


@pytest.mark.parametrize("number", [LONDON, f"whatsapp:{BOSTON}"])
def test_S_37_S_38_who_cannot_write_there_says_so(number: str) -> None:
    answer = choose(pool(US_CODE, FRENCH), to(number), 1, {})
    assert isinstance(answer, Refusal)
    assert dict(answer.why_not) == {"73546": WhyNot.OTHER_DESTINATION, "ACME FR": WhyNot.OTHER_DESTINATION}


@pytest.mark.parametrize(
    ("mapped", "joining", "number", "expected"),
    [
        (US_LONG, GB_LONG, LONDON, Standing.FOREIGN),
        (US_LONG, GB_CODE, LONDON, Standing.FOREIGN),
        (US_LONG, NAME, LONDON, Standing.LIVE),
        (US_LONG, EVERYWHERE, LONDON, Standing.LIVE),
        (US_LONG, US_CODE, LONDON, Standing.LIVE),
        (GB_LONG, GB_CODE, LONDON, Standing.LIVE),
        (NAME, GB_LONG, LONDON, Standing.LIVE),
        (EVERYWHERE, GB_CODE, LONDON, Standing.LIVE),
        (GB_CODE, GB_LONG, LONDON, Standing.LIVE),
        (FREE, CA_LONG, TORONTO, Standing.LIVE),
        (FREE, GB_LONG, LONDON, Standing.FOREIGN),
        (US_CODE, GB_LONG, LONDON, Standing.UNUSABLE),
        (FRENCH, GB_LONG, LONDON, Standing.UNUSABLE),
        (NAME, US_LONG, BOSTON, Standing.UNUSABLE),
    ],
)
def test_S_12_S_13_which_mappings_a_joining_sender_breaks(
    mapped: PoolMember, joining: PoolMember, number: str, expected: Standing
) -> None:
    assert standing(pool(mapped, joining), stored(mapped.id), to(number), TODAY) is expected


def with_mms(one: PoolMember) -> PoolMember:
    return replace(one, sender=replace(one.sender, capabilities=BOTH))


def test_S_24_media_passes_a_mapping_by_always_with_the_same_sender() -> None:
    pictures = [with_mms(member(n, f"+1212555012{n}")) for n in range(2, 6)]
    some, ask = pool(member(1, "+12125550101"), *pictures), Ask(to(BOSTON), 4242, media=True)
    busy = [{n: float((n * turn) % 5) for n in range(6)} for turn in range(1, 5)]
    answers = [bound(decide(ask, some, stored(1, TODAY - 1), loads, TODAY)) for loads in busy]
    assert len({answer.candidate.member_id for answer in answers}) == 1
    assert answers[0].candidate.member_id != 1
    assert (answers[0].outcome, answers[0].change, answers[0].cause) == (Outcome.BYPASSED, Change.REFRESH, "media")
    assert answers[0].kept == 1
    capable = bound(decide(ask, some, stored(3), {}, TODAY))
    assert (capable.candidate.member_id, capable.outcome) == (3, Outcome.USED)
    first = bound(decide(ask, some, None, {}, TODAY))
    assert first.candidate.member_id != 1
    assert (first.outcome, first.change) == (Outcome.CREATED, Change.INSERT)


def test_S_24_S_31_where_nobody_has_mms_the_mapping_stays_as_it_is() -> None:
    some, ask = pool(member(1, "+12125550101")), Ask(to(BOSTON), 1, media=True)
    for mapping in (None, stored(1)):
        answer = decide(ask, some, mapping, {}, TODAY)
        assert answer == Refusal(21703, (("+12125550101", WhyNot.NO_MMS),))
    assert not can_carry_media(some)
    named = decide(replace(ask, explicit="+12125550101"), some, None, {}, TODAY)
    assert named == Refusal(21621)


def test_S_25_rcs_comes_first_and_has_no_mapping() -> None:
    some = pool(US_LONG, US_CODE, RCS)
    for mapping in (None, stored(6), stored(1)):
        answer = bound(decide(Ask(to(BOSTON), 1), some, mapping, {}, TODAY))
        assert (answer.candidate.member_id, answer.reason, answer.change) == (12, Reason.RCS, None)
    without_carrier = pool(US_LONG, of(SenderKind.RCS, 12, "rcs:acme", "US", carrier=""))
    assert bound(decide(Ask(to(BOSTON), 1), without_carrier, stored(6), {}, TODAY)).candidate.member_id == 6


def test_S_31_a_channel_that_no_carrier_has_is_not_used() -> None:
    silent = pool(of(SenderKind.WHATSAPP, 10, "whatsapp:+12125550110", "US", carrier=""))
    answer = choose(silent, to(f"whatsapp:{BOSTON}"), 1, {})
    assert answer == Refusal(21703, (("whatsapp:+12125550110", WhyNot.NO_CARRIER),))


def test_an_explicit_from_must_be_able_to_write_there() -> None:
    answer = decide(Ask(to(LONDON), 1, "73546"), pool(US_CODE, GB_LONG), None, {}, TODAY)
    assert answer == Refusal(21612)
