"""Every Twilio code that a message can be refused with is a status of SMPP's, and the reasons that only SMPP has are told too."""

from __future__ import annotations

import pytest

from limpet.core.errors import ERRORS
from limpet.esme.statuses import STATUSES, status_of
from limpet.smpp.commands import Tag
from limpet.smpp.status import Outcome, Status, meaning

CAUSES: list[tuple[dict[str, object], dict[int, bytes], Status]] = [
    ({"to": ""}, {}, Status.RINVDSTADR),
    ({"to": "12"}, {}, Status.RINVDSTADR),
    ({"source": "not a sender"}, {}, Status.RINVSRCADR),
    ({"body": ""}, {}, Status.RINVMSGLEN),
    ({"body": ""}, {Tag.MESSAGE_PAYLOAD.value: b"x" * 1601}, Status.RINVMSGLEN),
    ({"validity_period": "tomorrow"}, {}, Status.RINVEXPIRY),
    ({"validity_period": "250101000000000+"}, {}, Status.RINVEXPIRY),
    ({"schedule_delivery_time": "000000000100000R"}, {}, Status.RINVSCHED),
    ({"schedule_delivery_time": "991301000000000+"}, {}, Status.RINVSCHED),
    ({"esm_class": 0x08}, {}, Status.RINVESMCLASS),
    ({"body": b"\x06\x05\x04\x0b\x84\x23\xf0x", "esm_class": 0x40}, {}, Status.RINVESMCLASS),
    ({"data_coding": 4}, {}, Status.RSUBMITFAIL),
    ({"priority_flag": 4}, {}, Status.RINVPRTFLG),
    ({"replace_if_present_flag": 1}, {}, Status.RINVREPFLAG),
    ({"sm_default_msg_id": 1}, {}, Status.RINVDFTMSGID),
    ({}, {Tag.DESTINATION_PORT.value: b"\0\1"}, Status.ROPTPARNOTALLWD),
    ({}, {0x1400: b"MG" + b"0" * 32}, Status.RINVSYSTYP),
]
"""What is changed in a good submit_sm, the TLVs with it, and what it is answered with."""


def test_every_code_in_the_table_is_one() -> None:
    assert set(STATUSES) <= set(ERRORS)


@pytest.mark.parametrize("code", [20429, 20503, 20500, 21611])
def test_what_is_temporary_stays_temporary(code: int) -> None:
    assert meaning(status_of(code)).outcome in (Outcome.TEMPORARY, Outcome.THROTTLED)


@pytest.mark.parametrize("code", [21211, 21212, 21408, 21610, 21701, 21711, 35114, 20005])
def test_what_is_permanent_stays_permanent(code: int) -> None:
    assert meaning(status_of(code)).outcome is Outcome.PERMANENT


def test_a_code_without_a_status_of_its_own_is_a_failed_submission() -> None:
    assert status_of(21717) is Status.RSUBMITFAIL
