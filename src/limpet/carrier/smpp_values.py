"""The carrier seam's values as SMPP's, and back: submissions to submit_sm, deliver_sm to receipts and texts.

Functions of their arguments. It refuses to know connections, windows and the order of things.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from limpet.carrier.port import Delivery, Inbound, Receipt, ReceiptState, Refused, Retry, Submission
from limpet.carrier.smpp_config import Numbering, Numberings
from limpet.core.encoding import Encoding, gsm7_octets, gsm7_text, ucs2_octets, ucs2_text
from limpet.smpp.commands import Data, Message, Pdu, Tag, Tlvs
from limpet.smpp.pdu import text_octets
from limpet.smpp.receipt import UCS2_CODING, USER_DATA_HEADER, MessageState, Report, read_report, without_header
from limpet.smpp.status import UNKNOWN_ATTEMPTS_MAX, Outcome, meaning

GSM7_CODING = 0
RECEIPT_ALWAYS = 1
"""registered_delivery: a receipt, whatever becomes of the message (SMPP 3.4 §5.2.17)."""

SHORT_CODE_DIGITS_MAX = 6
PHONE_DIGITS = range(11, 16)
"""Digits of a phone number with its country code that carriers send without saying that it has one."""

_INTERNATIONAL = 1
_REFERENCE = Tag.USER_MESSAGE_REFERENCE.value
_UNKNOWN_ERROR = 30008


def segment_message(submission: Submission, index: int, numberings: Numberings) -> tuple[Message, Tlvs]:
    """The submit_sm of one segment (SMPP 3.4 §4.4), and its TLVs.

    One of several segments begins with a concatenation header of 8 bits (3GPP TS 23.040 §9.2.3.24.1).
    """
    content = submission.content
    wide = content.encoding is Encoding.UCS2
    octets = (ucs2_octets if wide else gsm7_octets)(content.segments[index])
    total = content.count
    header = bytes((5, 0, 3, submission.reference & 0xFF, total, index + 1)) if total > 1 else b""
    source, source_numbering = to_wire(submission.sender, numberings)
    destination, destination_numbering = to_wire(submission.recipient, numberings)
    message = Message(
        "",
        *source_numbering,
        source,
        *destination_numbering,
        destination,
        USER_DATA_HEADER if header else 0,
        registered_delivery=RECEIPT_ALWAYS,
        data_coding=UCS2_CODING if wide else GSM7_CODING,
        short_message=header + octets,
    )
    return message, {_REFERENCE: submission.reference.to_bytes(2, "big")}


def refusal(submission: Submission, status: int) -> Refused:
    """What a command_status that is not ESME_ROK means for a message: its Twilio code, and whether to try again.

    A status that says too little is temporary for the first `UNKNOWN_ATTEMPTS_MAX` attempts.
    """
    name, outcome, error_code = meaning(status)
    retry = _RETRIES.get(outcome, Retry.NEVER)
    if outcome is Outcome.UNKNOWN and submission.attempt < UNKNOWN_ATTEMPTS_MAX:
        retry = Retry.LATER
    return Refused(submission.key, submission.attempt, error_code, retry, name)


def unsendable(submission: Submission, why: str) -> Refused:
    """A message that no PDU can carry fails by itself, and harms no other."""
    return Refused(submission.key, submission.attempt, _UNKNOWN_ERROR, Retry.NEVER, why)


def delivery(pdu: Pdu, token: int) -> Delivery:
    """What a deliver_sm or data_sm brings: a receipt for a message of ours, or a person's text.

    A part of a long text is delivered by itself, its header taken off; putting parts together is not done here.
    """
    if not isinstance(pdu.body, Message | Data):
        raise TypeError(f"{pdu.command.name} delivers nothing")
    source = from_wire(pdu.body.source_addr, pdu.body.source_addr_ton)
    destination = from_wire(pdu.body.destination_addr, pdu.body.dest_addr_ton)
    report = read_report(pdu)
    if report is not None:
        return _receipt(report, token, sender=destination, recipient=source)
    return Inbound(token, sender=source, recipient=destination, body=text_of(pdu))


def to_wire(address: str, numberings: Numberings) -> tuple[str, Numbering]:
    """An address without its plus sign, and how it is to be read."""
    if address.startswith("+"):
        return address[1:], numberings.phone
    if not address.isdecimal():
        return address, numberings.alphanumeric
    return address, numberings.short_code if len(address) <= SHORT_CODE_DIGITS_MAX else numberings.phone


def from_wire(address: str, ton: int) -> str:
    """An address with the plus sign that SMPP leaves out, where it is a phone number with its country code."""
    if not (address.isascii() and address.isdecimal()):
        return address
    international = ton == _INTERNATIONAL and len(address) > SHORT_CODE_DIGITS_MAX
    return f"+{address}" if international or len(address) in PHONE_DIGITS else address


def text_of(pdu: Pdu) -> str:
    """A person's text, without its header. NUL, which no text contains and PostgreSQL cannot keep, becomes U+FFFD."""
    if not isinstance(pdu.body, Message | Data):
        return ""
    _, octets = without_header(pdu.body.esm_class, text_octets(pdu))
    return decoded(pdu.body.data_coding, octets)


def decoded(data_coding: int, octets: bytes) -> str:
    """The text of octets in some alphabet; never fails. NUL as in `text_of`."""
    return _alphabet(data_coding)(octets).replace("\0", "\N{REPLACEMENT CHARACTER}")


_RETRIES: Mapping[Outcome, Retry] = {Outcome.TEMPORARY: Retry.LATER, Outcome.THROTTLED: Retry.SLOWER}
_STATES: Mapping[MessageState, ReceiptState] = {
    MessageState.ENROUTE: ReceiptState.ENROUTE,
    MessageState.ACCEPTED: ReceiptState.ENROUTE,
    MessageState.DELIVERED: ReceiptState.DELIVERED,
    MessageState.EXPIRED: ReceiptState.UNDELIVERED,
    MessageState.DELETED: ReceiptState.UNDELIVERED,
    MessageState.UNDELIVERABLE: ReceiptState.UNDELIVERED,
    MessageState.REJECTED: ReceiptState.UNDELIVERED,
    MessageState.UNKNOWN: ReceiptState.UNKNOWN,
}


def _receipt(report: Report, token: int, sender: str, recipient: str) -> Receipt:
    return Receipt(
        token,
        sender,
        recipient,
        report.message_id,
        _STATES[report.state],
        report.error_code,
        report.reference,
        report.submitted_at,
        report.done_at,
    )


def _codec(name: str) -> Callable[[bytes], str]:
    return lambda octets: octets.decode(name, "replace")


_LATIN1 = _codec("latin-1")
_ALPHABETS: Mapping[int, Callable[[bytes], str]] = {
    0: gsm7_text,
    1: _LATIN1,
    2: _LATIN1,
    3: _LATIN1,
    4: _LATIN1,
    5: _codec("shift_jis"),
    6: _codec("iso8859-5"),
    7: _codec("iso8859-8"),
    8: ucs2_text,
    14: _codec("euc_kr"),
}
"""data_coding (SMPP 3.4 §5.2.19); 0 is the centre's own alphabet, which is taken to be GSM-7."""
_GROUP_ALPHABETS = (gsm7_text, _LATIN1, ucs2_text, gsm7_text)


def _alphabet(data_coding: int) -> Callable[[bytes], str]:
    """By the table, or as a GSM data coding scheme (3GPP TS 23.038 §4), which some centres pass on."""
    known = _ALPHABETS.get(data_coding)
    if known is not None:
        return known
    if data_coding >= 0xF0:
        return _LATIN1 if data_coding & 0x04 else gsm7_text
    return _GROUP_ALPHABETS[data_coding >> 2 & 3]
