"""SIDs: a message's leads to its row and cannot be made up; the rest are chance in Twilio's form."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.core.ids import BUCKETS
from limpet.twilio.sid import is_sid, message_sid, new_sid, parse_message_sid

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
buckets, ids = st.integers(0, BUCKETS - 1), st.integers(0, 2**63 - 1)
SID = message_sid(1023, 2**63 - 1, media=False, sid_key=KEY)


@given(buckets, ids, st.booleans())
def test_a_message_sid_leads_back_to_its_row(bucket: int, row_id: int, media: bool) -> None:
    sid = message_sid(bucket, row_id, media=media, sid_key=KEY)
    assert re.fullmatch("(SM|MM)[0-9a-f]{32}", sid)
    assert sid.startswith("MM") == media
    assert is_sid(sid[:2], sid)
    assert parse_message_sid(sid, KEY) == (bucket, row_id)
    assert parse_message_sid(sid, OTHER_KEY) is None


def test_the_layout_is_bucket_id_check() -> None:
    assert SID.startswith("SM03ff7fffffffffffffff")
    assert message_sid(1023, 2**63 - 1, media=False, sid_key=KEY) == SID


@given(st.integers(0, len(SID) - 1), st.sampled_from("0123456789abcdefSM"))
def test_a_sid_with_another_digit_leads_nowhere(place: int, digit: str) -> None:
    changed = SID[:place] + digit + SID[place + 1 :]
    assert (parse_message_sid(changed, KEY) is not None) == (changed == SID)


@pytest.mark.parametrize(
    "sid", ["", "SM", SID + "0", SID + "\n", SID[:-1], SID.upper(), "PN" + SID[2:], "SM" + "０" * 32]
)
def test_what_has_not_the_form_leads_nowhere(sid: str) -> None:
    assert parse_message_sid(sid, KEY) is None


@pytest.mark.parametrize("bucket", [BUCKETS, 0xFFFF])
def test_a_bucket_that_there_is_not_leads_nowhere(bucket: int) -> None:
    assert parse_message_sid(message_sid(bucket, 1, media=False, sid_key=KEY), KEY) is None


@given(st.integers(0))
def test_other_sids_are_chance_in_the_same_form(chance: int) -> None:
    sid = new_sid("MG", chance)
    assert is_sid("MG", sid)
    assert not is_sid("PN", sid)
    assert int(sid[2:], 16) == chance % 2**128


@pytest.mark.parametrize(
    "text", ["", "MG", "MG" + "0" * 31, "MG" + "0" * 33, "mg" + "0" * 32, "MG" + "g" * 32, "MG" + "0" * 32 + "\n"]
)
def test_what_is_no_sid(text: str) -> None:
    assert not is_sid("MG", text)
