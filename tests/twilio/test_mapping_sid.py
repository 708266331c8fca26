"""SIDs of mappings: each says where its row is, to whoever has the key and knows the service, and nothing to anybody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.ids import BUCKETS
from limpet.core.retention import Pseudonyms
from limpet.twilio.mapping_sid import mapping_sid, parse_mapping_sid, parse_walk_token, walk_token
from limpet.twilio.sid import is_sid

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
PSEUDONYMS = Pseudonyms(b"p" * 32)
numbers = st.builds(
    lambda channel, number: f"{channel}+{number}", st.sampled_from(("", "whatsapp:")), st.integers(10**6, 10**15 - 1)
)
services, buckets = st.integers(1, 2**31 - 1), st.integers(0, BUCKETS - 1)


@given(services, buckets, numbers)
def test_a_sid_leads_back_to_the_person(service: int, bucket: int, number: str) -> None:
    sid = mapping_sid(service, bucket, number, sid_key=KEY)
    assert is_sid("LM", sid)
    place = parse_mapping_sid(sid, service, KEY)
    assert place is not None
    assert (place.recipient, place.bucket) == (number, None)


@given(services, buckets, numbers)
def test_a_sid_of_a_pseudonym_leads_to_its_bucket_and_beginning(service: int, bucket: int, number: str) -> None:
    hidden = PSEUDONYMS.of(number)
    place = parse_mapping_sid(mapping_sid(service, bucket, hidden, sid_key=KEY), service, KEY)
    assert place is not None
    assert place.bucket == bucket
    assert hidden.startswith(place.recipient)
    assert place.recipient < hidden < place.end
    assert len(hidden) - len(place.recipient) == 22


@given(services, services, buckets, numbers)
def test_it_is_none_of_another_service_or_installation(service: int, other: int, bucket: int, number: str) -> None:
    sid = mapping_sid(service, bucket, number, sid_key=KEY)
    assert parse_mapping_sid(sid, service, OTHER_KEY) is None
    if other != service:
        assert parse_mapping_sid(sid, other, KEY) is None


@given(st.integers(0, 2**128 - 1))
def test_a_made_up_sid_is_refused(value: int) -> None:
    assert parse_mapping_sid(f"LM{value:032x}", 1, KEY) is None


@given(buckets, numbers, st.integers(0, 127))
def test_one_bit_more_or_less_makes_it_none(bucket: int, number: str, bit: int) -> None:
    sid = mapping_sid(1, bucket, number, sid_key=KEY)
    assert parse_mapping_sid(f"LM{int(sid[2:], 16) ^ (1 << bit):032x}", 1, KEY) is None


@pytest.mark.parametrize("text", ["", "LM", "LM" + "0" * 31, "LM" + "G" * 32, "SM" + "0" * 32, "LM" + "٠" * 32])
def test_what_has_another_form_is_none(text: str) -> None:
    assert parse_mapping_sid(text, 1, KEY) is None
    assert parse_walk_token(text, 1, KEY) is None


def test_a_sid_is_spelled_in_one_way() -> None:
    sid = mapping_sid(1, 5, "+14155550199", sid_key=KEY)
    assert any(digit.isalpha() for digit in sid[2:])
    assert parse_mapping_sid("LM" + sid[2:].upper(), 1, KEY) is None


def test_a_sid_shows_no_number() -> None:
    shown = {mapping_sid(1, 5, f"+1415555{n:04}", sid_key=KEY)[2:] for n in range(2000)}
    for place in range(32):
        assert len({sid[place] for sid in shown}) == 16


@given(services, buckets)
def test_a_walk_goes_on_at_a_bucket(service: int, bucket: int) -> None:
    token = walk_token(service, bucket, "", sid_key=KEY)
    place = parse_walk_token(token, service, KEY)
    assert place is not None
    assert (place.bucket, place.recipient) == (bucket, "")
    assert parse_mapping_sid("LM" + token[2:], service, KEY) is None


def test_what_is_no_recipient_has_no_sid() -> None:
    for name in ("ACME", "12345", "+0123456"):
        with pytest.raises(ValueError, match="spelled"):
            mapping_sid(1, 5, name, sid_key=KEY)
