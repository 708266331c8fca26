"""The carrier seam's values as SMPP's, and back: submissions to submit_sm, deliver_sm to receipts and texts.

Functions of their arguments. It refuses to know connections, windows and the order of things.
"""

from __future__ import annotations

from collections.abc import Mapping

from limpet.carrier.port import (
    UNASKED,
    Delivery,
    Inbound,
    Part,
    Question,
    Receipt,
    ReceiptState,
    Refused,
    Retry,
    Submission,
)
from limpet.carrier.smpp_codes import NO_CODES
from limpet.carrier.smpp_config import USUAL_WORDING, Coding, Numbering, Numberings, Wording
from limpet.core.alphabet import Alphabet, text_in, unpack
from limpet.core.encoding import Encoding, gsm7_octets, ucs2_octets
from limpet.core.tlvs import Tlvs as Kept
from limpet.core.tlvs import kept
from limpet.smpp.commands import Data, Message, Pdu, QueryAnswer, Tag, Tlvs
from limpet.smpp.concatenation import read_part
from limpet.smpp.pdu import text_octets
from limpet.smpp.receipt import (
    STATE_ERRORS,
    UCS2_CODING,
    USER_DATA_HEADER,
    MessageState,
    Report,
    read_report,
    without_header,
)
from limpet.smpp.status import UNKNOWN_ATTEMPTS_MAX, Outcome, meaning

GSM7_CODING = 0
RECEIPT_ALWAYS = 1
"""registered_delivery: a receipt, whatever becomes of the message (SMPP 3.4 §5.2.17)."""

SHORT_CODE_DIGITS_MAX = 6
PHONE_DIGITS = range(11, 16)
"""Digits of a phone number with its country code that carriers send without saying that it has one."""

_INTERNATIONAL, _NATIONAL = 1, 2
_REFERENCE = Tag.USER_MESSAGE_REFERENCE.value
_READ = frozenset(tag.value for tag in Tag)
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


def refusal(submission: Submission, status: int, own: Mapping[int, int] = NO_CODES.submit) -> Refused:
    """What a command_status that is not ESME_ROK means for a message: its Twilio code, and whether to try again.

    A status that says too little is temporary for the first `UNKNOWN_ATTEMPTS_MAX` attempts, unless `own`, the carrier's own
    numbers, tells what it says: then it is final.
    """
    name, outcome, error_code = meaning(status)
    if (told := own.get(status)) is not None:
        error_code = told
        outcome = Outcome.PERMANENT if outcome is Outcome.UNKNOWN else outcome
    retry = _RETRIES.get(outcome, Retry.NEVER)
    if outcome is Outcome.UNKNOWN and submission.attempt < UNKNOWN_ATTEMPTS_MAX:
        retry = Retry.LATER
    return Refused(submission.key, submission.attempt, error_code, retry, name)


def unsendable(submission: Submission, why: str) -> Refused:
    """A message that no PDU can carry fails by itself, and harms no other."""
    return Refused(submission.key, submission.attempt, _UNKNOWN_ERROR, Retry.NEVER, why)


def delivery(
    pdu: Pdu, token: int, wording: Wording = USUAL_WORDING, own: Mapping[str, int] = NO_CODES.receipt
) -> Delivery:
    """What a deliver_sm or data_sm brings: a receipt for a message of ours, or a person's text or a part of one. `own` are the
    carrier's own reasons."""
    body = pdu.body
    if not isinstance(body, Message | Data):
        raise TypeError(f"{pdu.command.name} delivers nothing")
    source = from_wire(body.source_addr, body.source_addr_ton, wording.country_code)
    destination = from_wire(body.destination_addr, body.dest_addr_ton, wording.country_code)
    report = read_report(pdu, own)
    if report is not None:
        return _receipt(report, token, sender=destination, recipient=source)
    alphabet, header, octets = _read(pdu, body, wording)
    part, unread = read_part(pdu, header), _unread(pdu.tlvs)
    if part is None or part.total == 1:
        return Inbound(token, source, destination, text_in(alphabet, octets), tlvs=unread)
    name = f"{part.scheme}:{part.reference}:{part.total}"
    found = Part(name, part.total, part.number, alphabet, octets)
    return Inbound(token, source, destination, "", part=found, tlvs=unread)


def _unread(tlvs: Tlvs) -> Kept:
    """What is to be kept of TLVs that nobody here reads."""
    return kept((tag, value) for tag, value in tlvs.items() if tag not in _READ) if tlvs else ()


def answer_receipt(question: Question, answer: QueryAnswer) -> Receipt:
    """What an answer to query_sm says, as the receipt that it stands for."""
    state = _STATES.get(_MESSAGE_STATES.get(answer.message_state, MessageState.UNKNOWN), ReceiptState.UNKNOWN)
    error_code = STATE_ERRORS.get(_MESSAGE_STATES.get(answer.message_state, MessageState.UNKNOWN))
    return Receipt(
        UNASKED, question.sender, question.recipient, question.carrier_message_id, state, error_code, None, None, None
    )  # fmt: skip


def to_wire(address: str, numberings: Numberings) -> tuple[str, Numbering]:
    """An address without its plus sign, and how it is to be read."""
    if address.startswith("+"):
        return address[1:], numberings.phone
    if not address.isdecimal():
        return address, numberings.alphanumeric
    return address, numberings.short_code if len(address) <= SHORT_CODE_DIGITS_MAX else numberings.phone


def from_wire(address: str, ton: int, country_code: str = "") -> str:
    """An address with the plus sign that SMPP leaves out, where it is a phone number with its country code. A national one is
    completed by the carrier's `country_code`."""
    if not (address.isascii() and address.isdecimal()):
        return address
    if country_code and ton == _NATIONAL and len(address) > SHORT_CODE_DIGITS_MAX:
        return f"+{country_code}{address}"
    international = ton == _INTERNATIONAL and len(address) > SHORT_CODE_DIGITS_MAX
    return f"+{address}" if international or len(address) in PHONE_DIGITS else address


def text_of(pdu: Pdu, wording: Wording = USUAL_WORDING) -> str:
    """A person's text, without its header."""
    if not isinstance(pdu.body, Message | Data):
        return ""
    alphabet, _, octets = _read(pdu, pdu.body, wording)
    return text_in(alphabet, octets)


def _read(pdu: Pdu, body: Message | Data, wording: Wording) -> tuple[Alphabet, bytes, bytes]:
    """A text's alphabet, its header without the length octet, and its octets, one septet an octet in GSM-7."""
    header, octets = without_header(body.esm_class, text_octets(pdu))
    alphabet = alphabet_of(body.data_coding, wording)
    if alphabet is Alphabet.GSM7 and wording.default_alphabet is Coding.GSM7_PACKED:
        octets = unpack(octets, len(header) + 1 if header else 0)
    return alphabet, header, octets


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
_MESSAGE_STATES: Mapping[int, MessageState] = {state.value: state for state in MessageState}


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


_ALPHABETS: Mapping[int, Alphabet] = {
    0: Alphabet.GSM7,
    1: Alphabet.LATIN1,
    2: Alphabet.LATIN1,
    3: Alphabet.LATIN1,
    4: Alphabet.LATIN1,
    5: Alphabet.JIS,
    6: Alphabet.CYRILLIC,
    7: Alphabet.HEBREW,
    8: Alphabet.UCS2,
    14: Alphabet.KOREAN,
}
"""data_coding (SMPP 3.4 §5.2.19); 0 is the centre's own alphabet, which is GSM-7 unless the carrier's wording says otherwise."""
_GROUP_ALPHABETS = (Alphabet.GSM7, Alphabet.LATIN1, Alphabet.UCS2, Alphabet.GSM7)


def alphabet_of(data_coding: int, wording: Wording = USUAL_WORDING) -> Alphabet:
    """By the table, or as a GSM data coding scheme (3GPP TS 23.038 §4), which some centres pass on."""
    if data_coding == 0 and wording.default_alphabet is Coding.LATIN1:
        return Alphabet.LATIN1
    known = _ALPHABETS.get(data_coding)
    if known is not None:
        return known
    if data_coding >= 0xF0:
        return Alphabet.LATIN1 if data_coding & 0x04 else Alphabet.GSM7
    return _GROUP_ALPHABETS[data_coding >> 2 & 3]
