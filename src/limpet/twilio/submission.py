"""A message's submission, ours: what its carrier was given and what it said of each segment, and how a person settles a doubt.

Twilio shows no such thing. It knows no store: values come in, JSON goes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from limpet.core.model import InDoubtPolicy
from limpet.core.tlvs import Tlvs, written
from limpet.twilio.dates import iso8601
from limpet.twilio.forms import Form, choice, missing
from limpet.twilio.resources import Json

RELEASES: Final = (InDoubtPolicy.RESEND, InDoubtPolicy.FAIL)


def parse_release(form: Form) -> InDoubtPolicy:
    """`InDoubt`: `resend` or `fail`."""
    value = choice(form, "InDoubt", RELEASES)
    if value is None:
        raise missing("InDoubt")
    return InDoubtPolicy(value)


def submission_resource(
    *, account_sid: str, message_sid: str, service_sid: str | None, status: str, lane: str | None, attempt: int,
    claimed_at: datetime | None, sent_at: datetime | None, in_doubt_at: datetime | None, num_segments: int,
    carrier_message_ids: Sequence[str], segment_states: Sequence[str], tlvs: Tlvs, url: str,
) -> Json:  # fmt: skip
    """The JSON. `segments` is empty until the carrier has given ids; `state` is `sent` until a receipt says more, and
    `unknown` where it is not known whether the segment left.
    `in_doubt_since` is set while nobody knows whether the message left. `tlvs` are what the carrier of an
    inbound message has said beside it."""
    states = list(segment_states) or ["sent"] * len(carrier_message_ids)
    return {
        "account_sid": account_sid,
        "attempts": attempt,
        "carrier": None if lane is None else lane.rpartition("/")[0],
        "date_claimed": None if claimed_at is None else iso8601(claimed_at),
        "date_sent": None if sent_at is None else iso8601(sent_at),
        "in_doubt_since": None if in_doubt_at is None else iso8601(in_doubt_at),
        "lane": lane,
        "message_sid": message_sid,
        "messaging_service_sid": service_sid,
        "num_segments": str(num_segments),
        "segments": [
            {"carrier_message_id": carrier_id or None, "number": number, "state": state if carrier_id else "unknown"}
            for number, (carrier_id, state) in enumerate(zip(carrier_message_ids, states, strict=False), 1)
        ],
        "status": status,
        "tlvs": written(tlvs),
        "url": url,
    }
