"""A receipt's text as every client reads it (SMPP 3.4 appendix B), and its TLVs: the other direction of `limpet.smpp.receipt`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from limpet.smpp.commands import Tag
from limpet.smpp.receipt import MessageState

STATE_WORDS: Mapping[MessageState, str] = {
    MessageState.ENROUTE: "ENROUTE",
    MessageState.DELIVERED: "DELIVRD",
    MessageState.EXPIRED: "EXPIRED",
    MessageState.DELETED: "DELETED",
    MessageState.UNDELIVERABLE: "UNDELIV",
    MessageState.ACCEPTED: "ACCEPTD",
    MessageState.UNKNOWN: "UNKNOWN",
    MessageState.REJECTED: "REJECTD",
}


class Outcome(NamedTuple):
    """What became of a message, as its receipt says it. `err` has three characters."""

    message_id: str
    state: MessageState
    err: str
    submitted_at: datetime
    done_at: datetime


def receipt_text(outcome: Outcome) -> bytes:
    """The text. Dates are UTC, to the minute."""
    submitted, done = outcome.submitted_at.astimezone(UTC), outcome.done_at.astimezone(UTC)
    delivered = int(outcome.state is MessageState.DELIVERED)
    return (
        f"id:{outcome.message_id} sub:001 dlvrd:{delivered:03} submit date:{submitted:%y%m%d%H%M} "
        f"done date:{done:%y%m%d%H%M} stat:{STATE_WORDS[outcome.state]} err:{outcome.err} text:"
    ).encode("ascii")


def receipt_tlvs(outcome: Outcome) -> dict[int, bytes]:
    """Id and state once more (§5.3.2.12, §5.3.2.35), for clients that rather read these."""
    return {
        Tag.RECEIPTED_MESSAGE_ID.value: outcome.message_id.encode("ascii") + b"\0",
        Tag.MESSAGE_STATE.value: bytes((outcome.state,)),
    }
