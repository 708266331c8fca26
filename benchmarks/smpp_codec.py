"""What one PDU costs: microseconds to write a submission and to read its answer and its receipt, the best of many.

Run: `.venv/bin/python benchmarks/smpp_codec.py`. Compare two versions in turns on the same machine.
"""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable

from limpet.carrier.port import MessageKey, Submission
from limpet.carrier.smpp_config import USUAL_NUMBERINGS
from limpet.carrier.smpp_values import delivery, segment_message
from limpet.core.encoding import segment
from limpet.smpp.commands import Command, Message, MessageId, Pdu, Tag
from limpet.smpp.pdu import decode, encode

RUNS, CALLS = 60, 2_000
_TEXT = b"id:1700000000001 sub:001 dlvrd:001 submit date:2603021200 done date:2603021201 stat:DELIVRD err:000 text:"


def _cases() -> dict[str, Callable[[], object]]:
    one = Submission(MessageKey(1, 2), 1, "+12125550100", "+14155550199", segment("Your parcel leaves today."), 7)
    long = Submission(MessageKey(1, 2), 1, "+12125550100", "+14155550199", segment("x" * 300), 7)
    message, tlvs = segment_message(one, 0, USUAL_NUMBERINGS)
    submit = Pdu(Command.SUBMIT_SM, 0, 5, message, tlvs)
    answer = encode(Pdu(Command.SUBMIT_SM_RESP, 0, 5, MessageId("1700000000001")))
    back = Message("", 1, 1, "14155550199", 1, 1, "12125550100", 4, short_message=_TEXT)
    receipt = encode(Pdu(Command.DELIVER_SM, 0, 5, back, {Tag.MESSAGE_STATE.value: b"\2"}))
    receipt_pdu = decode(receipt, 0, len(receipt))
    assert isinstance(receipt_pdu, Pdu)
    return {
        "submission to submit_sm": lambda: segment_message(one, 0, USUAL_NUMBERINGS),
        "first segment of a long one": lambda: segment_message(long, 0, USUAL_NUMBERINGS),
        "submit_sm to bytes": lambda: encode(submit),
        "bytes to submit_sm_resp": lambda: decode(answer, 0, len(answer)),
        "bytes to deliver_sm": lambda: decode(receipt, 0, len(receipt)),
        "deliver_sm to a receipt": lambda: delivery(receipt_pdu, 1),
    }


def main() -> None:
    """Print a line a case."""
    for name, case in _cases().items():
        best = min(timeit.repeat(case, number=CALLS, repeat=RUNS, timer=time.process_time)) / CALLS
        print(f"{name:28} {best * 1e6:6.2f} us")


if __name__ == "__main__":
    main()
