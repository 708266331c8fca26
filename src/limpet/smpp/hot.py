"""Shortcuts for the three PDUs of which there is one a message: submit_sm out, submit_sm_resp and deliver_sm in.

Each does what `limpet.smpp.codec` does, or leaves the work to it: whatever is unusual, and all that is wrong.
"""

from __future__ import annotations

import struct

from limpet.smpp.codec import HEADER_OCTETS, decode_tlvs, encode_by_table, framed
from limpet.smpp.commands import Command, Message, MessageId, Pdu
from limpet.smpp.layouts import LAYOUTS, SHORT_MESSAGE_OCTETS_MAX

_DELIVER_SM = Command.DELIVER_SM
_SUBMIT_SM_RESP = Command.SUBMIT_SM_RESP
_OCTETS_MAX = {field.name: field.octets_max for field in LAYOUTS[Command.SUBMIT_SM].fields}
_ADDRESS_OCTETS_MAX = _OCTETS_MAX["source_addr"]
_SERVICE_TYPE_OCTETS_MAX = _OCTETS_MAX["service_type"]
_TIME_OCTETS_MAX = _OCTETS_MAX["validity_period"]
_MESSAGE_ID_OCTETS_MAX = LAYOUTS[Command.SUBMIT_SM_RESP].fields[0].octets_max
_BEFORE_TIMES = struct.Struct("BBB")
_AFTER_TIMES = struct.Struct("BBBBB")
_TIMES_AT = _BEFORE_TIMES.size
_TEXT_AT = _TIMES_AT + 2 + _AFTER_TIMES.size
"""Offsets from esm_class, where both times are empty."""


def encode_message(pdu: Pdu, message: Message) -> bytes:
    """submit_sm or deliver_sm; ValueError as `encode_by_table`."""
    (service_type, source_ton, source_npi, source, dest_ton, dest_npi, destination, esm_class, protocol, priority,
     schedule, validity, registered, replace, coding, canned, octets) = message  # fmt: skip
    if (
        "\0" in f"{service_type}{source}{destination}{schedule}{validity}"
        or len(source) >= _ADDRESS_OCTETS_MAX
        or len(destination) >= _ADDRESS_OCTETS_MAX
        or len(service_type) >= _SERVICE_TYPE_OCTETS_MAX
        or len(schedule) >= _TIME_OCTETS_MAX
        or len(validity) >= _TIME_OCTETS_MAX
        or len(octets) > SHORT_MESSAGE_OCTETS_MAX
    ):
        return encode_by_table(pdu)
    try:
        body = b"%b\0%c%c%b\0%c%c%b\0%c%c%c%b\0%b\0%c%c%c%c%c%b" % (
            service_type.encode("latin-1"), source_ton, source_npi, source.encode("latin-1"),
            dest_ton, dest_npi, destination.encode("latin-1"), esm_class, protocol, priority,
            schedule.encode("latin-1"), validity.encode("latin-1"),
            registered, replace, coding, canned, len(octets), octets,
        )  # fmt: skip
    except (OverflowError, UnicodeEncodeError):
        return encode_by_table(pdu)
    return framed(pdu, body)


def decode_submit_answer(data: bytes, start: int, end: int, status: int, sequence: int) -> Pdu | None:
    """submit_sm_resp that is an id and nothing else; None where the table must look."""
    at = start + HEADER_OCTETS
    if data.find(0, at, end) != end - 1 or end - at > _MESSAGE_ID_OCTETS_MAX:
        return None
    return Pdu(_SUBMIT_SM_RESP, status, sequence, MessageId(data[at : end - 1].decode("latin-1")))


def decode_delivery(data: bytes, start: int, end: int, status: int, sequence: int) -> Pdu | None:
    """deliver_sm whose two times are empty, as they must be (§4.6.1); None where the table must look."""
    find, at = data.find, start + HEADER_OCTETS
    service_end = find(0, at, at + _SERVICE_TYPE_OCTETS_MAX)
    source_end = find(0, service_end + 3, service_end + 3 + _ADDRESS_OCTETS_MAX)
    flags = find(0, source_end + 3, source_end + 3 + _ADDRESS_OCTETS_MAX) + 1
    text = flags + _TEXT_AT
    if service_end < 0 or source_end < 0 or not flags or text > end or data[flags + 3] or data[flags + 4]:
        return None
    esm_class, protocol, priority = _BEFORE_TIMES.unpack_from(data, flags)
    registered, replace, coding, canned, length = _AFTER_TIMES.unpack_from(data, flags + _TIMES_AT + 2)
    if text + length > end or length > SHORT_MESSAGE_OCTETS_MAX:
        return None
    tlvs = decode_tlvs(data, text + length, end)
    if tlvs is None:
        return None
    body = Message(
        data[at:service_end].decode("latin-1"),
        data[service_end + 1], data[service_end + 2], data[service_end + 3 : source_end].decode("latin-1"),
        data[source_end + 1], data[source_end + 2], data[source_end + 3 : flags - 1].decode("latin-1"),
        esm_class, protocol, priority, "", "", registered, replace, coding, canned, data[text : text + length],
    )  # fmt: skip
    return Pdu(_DELIVER_SM, status, sequence, body, tlvs)
