"""How much is kept of what a carrier says beside a text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from limpet.core.tlvs import TLV_OCTETS_MAX, TLVS_MAX, kept, read, written

SAID = st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=700)), max_size=40)


@given(SAID)
def test_there_is_an_end_to_it_and_what_is_kept_is_whole(said: list[tuple[int, bytes]]) -> None:
    found = kept(said)
    assert len(found) <= TLVS_MAX
    assert sum(len(value) for _, value in found) <= TLV_OCTETS_MAX
    assert len({tag for tag, _ in found}) == len(found)
    assert set(found) <= set(said)
    assert read(written(found)) == found
    assert kept(found) == found


def test_of_a_tag_the_first_counts_and_what_does_not_fit_makes_room_for_what_does() -> None:
    assert kept([(1, b"a"), (1, b"b")]) == ((1, b"a"),)
    assert kept([(1, b"a" * 1000), (2, b"b" * 100), (3, b"c" * 24)]) == ((1, b"a" * 1000), (3, b"c" * 24))
    assert kept((tag, b"") for tag in range(20)) == tuple((tag, b"") for tag in range(16))


def test_it_is_written_as_a_carriers_tlvs_are_configured() -> None:
    assert written(((0x1400, b"\0\xff"), (5, b""))) == {"0x1400": "hex:00ff", "0x0005": "hex:"}
