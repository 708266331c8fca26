"""What a customer is owed as deliver_sm: a receipt for each id that asked for one, or a person's text in its parts.

Functions of a delivery's row. When it is sent and to which bind is for `limpet.esme.outbox`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from limpet.carrier.port import MessageKey, Submission
from limpet.carrier.smpp_config import USUAL_NUMBERINGS
from limpet.carrier.smpp_values import segment_message, to_wire
from limpet.core.encoding import segment
from limpet.core.esme import Ask, asks_in
from limpet.core.ids import id_time, reference_of
from limpet.core.status import Status
from limpet.smpp.commands import NO_TLVS, Message, Tlvs
from limpet.smpp.receipt import DELIVERY_RECEIPT, MessageState
from limpet.smpp.report import Outcome, receipt_text, receipt_tlvs
from limpet.store.callbacks import ESME_RECEIPT
from limpet.store.esmes import EsmeDelivery
from limpet.twilio.forms import Form, given, parse_form
from limpet.twilio.sid import message_sid

_EXPIRED, _REJECTED = frozenset({30036}), frozenset({30007, 30034, 30038, 21610, 21703})


class Parcel(NamedTuple):
    """One deliver_sm. It has no TLVs of ours: there are clients that take no PDU with one that they do not know."""

    message: Message
    tlvs: Tlvs


def parcels_of(delivery: EsmeDelivery, sid_key: bytes) -> list[Parcel]:
    """What is to be delivered, in order; none when nobody asked for this outcome."""
    form = parse_form(delivery.payload.encode())
    if delivery.kind == ESME_RECEIPT:
        return _receipts(delivery, form, sid_key)
    return _text(delivery, form)


def state_of(status: Status, error_code: int | None) -> MessageState:
    """SMPP's word for what became of a message (SMPP 3.4 §5.2.28)."""
    if status in _STATES:
        return _STATES[status]
    if error_code in _EXPIRED:
        return MessageState.EXPIRED
    return MessageState.REJECTED if error_code in _REJECTED else MessageState.UNDELIVERABLE


_STATES: Mapping[Status, MessageState] = {
    **dict.fromkeys(
        (Status.ACCEPTED, Status.SCHEDULED, Status.QUEUED, Status.SENDING, Status.SENT), MessageState.ENROUTE
    ),
    Status.DELIVERED: MessageState.DELIVERED,
    Status.READ: MessageState.DELIVERED,
    Status.CANCELED: MessageState.DELETED,
}


def _receipts(delivery: EsmeDelivery, form: Form, sid_key: bytes) -> list[Parcel]:
    status = Status(_said(form, "MessageStatus"))
    wanted = [ask for ask in asks_in(delivery.asked) if ask.wants(delivered=status is Status.DELIVERED)]
    return [_receipt(delivery, form, status, ask, sid_key) for ask in wanted]


def _receipt(delivery: EsmeDelivery, form: Form, status: Status, ask: Ask, sid_key: bytes) -> Parcel:
    """One id's receipt, from the person to the sender, as a text of theirs would come."""
    code = int(_said(form, "ErrorCode") or 0)
    sid = _said(form, "MessageSid")
    if ask.part_id is not None:
        sid = message_sid(delivery.bucket, ask.part_id, media=False, sid_key=sid_key)
    outcome = Outcome(
        sid,
        state_of(status, code),
        f"{code % 1000:03}",
        id_time(ask.part_id or delivery.message_id),
        _done_at(delivery, form),
    )
    source, source_numbering = to_wire(_said(form, "To"), USUAL_NUMBERINGS)
    destination, destination_numbering = to_wire(_said(form, "From"), USUAL_NUMBERINGS)
    message = Message(
        "", *source_numbering, source, *destination_numbering, destination, DELIVERY_RECEIPT,
        short_message=receipt_text(outcome),
    )  # fmt: skip
    return Parcel(message, receipt_tlvs(outcome))


def _done_at(delivery: EsmeDelivery, form: Form) -> datetime:
    """The carrier's own time where it gave one, else when the change was written."""
    raw = _said(form, "RawDlrDoneDate")
    return datetime.strptime(raw, "%y%m%d%H%M").replace(tzinfo=UTC) if raw else id_time(delivery.id)


def _text(delivery: EsmeDelivery, form: Form) -> list[Parcel]:
    content = segment(_said(form, "Body"))
    submission = Submission(
        MessageKey(*delivery.key), 0, _said(form, "From"), _said(form, "To"), content, reference_of(delivery.message_id)
    )
    parts = (segment_message(submission, index, USUAL_NUMBERINGS)[0] for index in range(content.count))
    return [Parcel(part._replace(registered_delivery=0), NO_TLVS) for part in parts]


def _said(form: Form, name: str) -> str:
    return given(form, name) or ""
