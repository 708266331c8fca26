"""Submissions as one carrier wants them written: its alphabet, its way with long messages, its TLVs, its numbers.

Functions of their arguments. The usual wording is `limpet.carrier.smpp_values`'s, and costs nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from limpet.carrier.port import Question, Submission
from limpet.carrier.smpp_config import USUAL_WORDING, Coding, Long, Numbering, Numberings, Wording
from limpet.carrier.smpp_values import segment_message, to_wire
from limpet.core.alphabet import pack
from limpet.core.encoding import GSM7_PART_MAX, UCS2_PART_MAX, Encoding, Segmented, gsm7_octets, segment_as, ucs2_octets
from limpet.smpp.commands import NO_TLVS, Body, Command, Data, Message, Query, Tag, Tlvs
from limpet.smpp.concatenation import Part, Scheme, write_part
from limpet.smpp.receipt import USER_DATA_HEADER

GSM7_LONG_HEADER_PART_MAX, UCS2_LONG_HEADER_PART_MAX = 152, 66
"""Units of a part whose header is one octet longer than usual: a reference of 16 bits."""
_NATIONAL = 2
_SCHEMES: Mapping[Long, Scheme] = {
    Long.HEADER_8: Scheme.HEADER_8,
    Long.HEADER_16: Scheme.HEADER_16,
    Long.TLVS: Scheme.TLVS,
}
_PART_MAX: Mapping[tuple[Long, Encoding], int] = {
    (Long.HEADER_16, Encoding.GSM7): GSM7_LONG_HEADER_PART_MAX,
    (Long.HEADER_16, Encoding.UCS2): UCS2_LONG_HEADER_PART_MAX,
}
_USUAL_PART_MAX: Mapping[Encoding, int] = {Encoding.GSM7: GSM7_PART_MAX, Encoding.UCS2: UCS2_PART_MAX}


def fitted(submission: Submission, wording: Wording) -> Submission:
    """The submission with its body cut as this carrier takes it: in one piece, in shorter parts, or in another alphabet.

    What the customer is told of segments stays as Twilio counts them; the carrier may see fewer, or one more.
    """
    if wording is USUAL_WORDING:
        return submission
    content = _cut(submission.content, wording)
    return submission if content is submission.content else replace(submission, content=content)


def _cut(content: Segmented, wording: Wording) -> Segmented:
    encoding = _encoding(content, wording)
    if wording.long_messages is Long.PAYLOAD:
        return Segmented(encoding, ("".join(content.segments),))
    part_max = _PART_MAX.get((wording.long_messages, encoding))
    if encoding is content.encoding and (part_max is None or content.count == 1):
        return content
    return segment_as("".join(content.segments), encoding, part_max or _USUAL_PART_MAX[encoding])


def _encoding(content: Segmented, wording: Wording) -> Encoding:
    """UCS-2 for what the carrier's default alphabet does not have."""
    if content.encoding is Encoding.GSM7 and wording.default_alphabet is Coding.LATIN1:
        return Encoding.GSM7 if all(map(_is_latin1, content.segments)) else Encoding.UCS2
    return content.encoding


def _is_latin1(text: str) -> bool:
    return all(character <= "\xff" for character in text)


def segment_pdu(
    submission: Submission, index: int, numberings: Numberings, wording: Wording
) -> tuple[Command, Message | Data, Tlvs]:
    """The submit_sm or data_sm of one segment of a `fitted` submission, and its TLVs."""
    if wording is USUAL_WORDING:
        return (Command.SUBMIT_SM, *segment_message(submission, index, numberings))
    header, tlvs = _place(submission, index, wording)
    coding, octets = _octets(submission.content, index, wording, len(header))
    source, source_numbering = number_to_wire(submission.sender, numberings, wording)
    destination, destination_numbering = number_to_wire(submission.recipient, numberings, wording)
    message = Message(
        wording.service_type,
        *source_numbering,
        source,
        *destination_numbering,
        destination,
        USER_DATA_HEADER if header else 0,
        registered_delivery=wording.registered_delivery,
        data_coding=coding,
        short_message=header + octets,
    )
    reference = {Tag.USER_MESSAGE_REFERENCE.value: submission.reference.to_bytes(2, "big")} if wording.reference else {}
    return _placed(message, {**tlvs, **wording.tlvs, **reference}, wording)


def _place(submission: Submission, index: int, wording: Wording) -> tuple[bytes, Tlvs]:
    if submission.content.count == 1:
        return b"", NO_TLVS
    scheme = _SCHEMES[wording.long_messages]
    return write_part(Part(scheme, submission.reference, submission.content.count, index + 1))


def _octets(content: Segmented, index: int, wording: Wording, header_octets: int) -> tuple[int, bytes]:
    """The data_coding and the octets of one segment."""
    text = content.segments[index]
    if content.encoding is Encoding.UCS2:
        return wording.ucs2_coding, ucs2_octets(text)
    if wording.default_alphabet is Coding.LATIN1:
        return wording.default_coding, text.encode("latin-1")
    octets = gsm7_octets(text)
    packed = wording.default_alphabet is Coding.GSM7_PACKED
    return wording.default_coding, pack(octets, header_octets) if packed else octets


def _placed(message: Message, tlvs: Tlvs, wording: Wording) -> tuple[Command, Message | Data, Tlvs]:
    """The text where it belongs: in short_message, or in message_payload."""
    payload = {**tlvs, Tag.MESSAGE_PAYLOAD.value: message.short_message}
    if wording.data_sm:
        data = Data(*message[:8], message.registered_delivery, message.data_coding)
        return Command.DATA_SM, data, payload
    if wording.long_messages is Long.PAYLOAD and len(message.short_message) > SHORT_OCTETS_MAX:
        return Command.SUBMIT_SM, message._replace(short_message=b""), payload
    return Command.SUBMIT_SM, message, tlvs


SHORT_OCTETS_MAX = 254
"""A text of more octets goes into message_payload (SMPP 3.4 §5.2.21)."""


def number_to_wire(address: str, numberings: Numberings, wording: Wording) -> tuple[str, Numbering]:
    """An address as the carrier wants it: national in its own country, with or without its plus sign elsewhere."""
    national = f"+{wording.country_code}"
    if wording.country_code and address.startswith(national):
        return address[len(national) :], Numbering(_NATIONAL, numberings.phone.npi)
    if wording.plus and address.startswith("+"):
        return address, numberings.phone
    return to_wire(address, numberings)


def query_body(question: Question, numberings: Numberings, wording: Wording) -> Body:
    """The query_sm that asks what became of a segment (SMPP 3.4 §4.8)."""
    source, numbering = number_to_wire(question.sender, numberings, wording)
    return Query(question.carrier_message_id, *numbering, source)
