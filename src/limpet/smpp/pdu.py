"""SMPP 3.4 PDUs to bytes and back, one at a time or out of a stream.

It refuses to know connections, conversations and time. Bytes that are no PDU become a `Malformed` value: nothing that a
peer sends raises.
"""

from __future__ import annotations

import struct

from limpet.smpp.codec import HEADER, HEADER_OCTETS, PDU_OCTETS_MAX, decode_by_table, encode_by_table
from limpet.smpp.commands import Command, Malformed, Message, MessageId, Pdu, Tag
from limpet.smpp.hot import decode_delivery, decode_submit_answer, encode_message
from limpet.smpp.layouts import LAYOUTS, TLV_OCTETS
from limpet.smpp.status import Status

_LENGTH = struct.Struct(">I")
_SUBMIT_SM_RESP = Command.SUBMIT_SM_RESP.value
_DELIVER_SM = Command.DELIVER_SM.value


def encode(pdu: Pdu) -> bytes:
    """The bytes of a PDU. Raises ValueError when a value does not fit its field: the caller's fault, never a peer's."""
    if type(pdu.body) is Message:
        return encode_message(pdu, pdu.body)
    return encode_by_table(pdu)


def encode_answer(command: Command, status: int, sequence: int, message_id: str = "") -> bytes:
    """The bytes of an answer that is a header and at most an id: what goes out most often beside submit_sm.

    An answer that refuses has no id (§4.4.2), but deliver_sm_resp always has its empty one (§4.6.2).
    """
    if LAYOUTS[command].body is not MessageId or (status and command is not Command.DELIVER_SM_RESP):
        return HEADER.pack(HEADER_OCTETS, command, status, sequence)
    octets = message_id.encode("latin-1")
    return HEADER.pack(HEADER_OCTETS + len(octets) + 1, command, status, sequence) + octets + b"\0"


def decode(data: bytes, start: int, end: int) -> Pdu | Malformed:
    """The PDU that lies in `data[start:end]`, whose command_length is already known to be `end - start`."""
    _, command_id, status, sequence = HEADER.unpack_from(data, start)
    pdu: Pdu | None = None
    if command_id == _SUBMIT_SM_RESP:
        pdu = decode_submit_answer(data, start, end, status, sequence)
    elif command_id == _DELIVER_SM:
        pdu = decode_delivery(data, start, end, status, sequence)
    return pdu or decode_by_table(data, start, end)


def tlv_integer(pdu: Pdu, tag: Tag) -> int | None:
    """A TLV's value as a number; None where it is absent or not as long as its table says.

    An odd TLV is passed over instead of refused: a carrier repeats a refused receipt for days.
    """
    value = pdu.tlvs.get(tag)
    return int.from_bytes(value, "big") if value is not None and _fits(tag, value) else None


def tlv_text(pdu: Pdu, tag: Tag) -> str | None:
    """A TLV's value as text up to its NUL, which many leave out; None where it is absent, empty or too long."""
    value = pdu.tlvs.get(tag)
    if value is None or not _fits(tag, value):
        return None
    return value.partition(b"\0")[0].decode("latin-1") or None


def text_octets(pdu: Pdu) -> bytes:
    """A message's text, from `short_message` or, where that is empty, from `message_payload` (§5.3.2.32)."""
    octets = pdu.body.short_message if isinstance(pdu.body, Message) else b""
    return octets or pdu.tlvs.get(Tag.MESSAGE_PAYLOAD, b"")


class Splitter:
    """Cuts a stream into PDUs. Each octet is copied a constant number of times, however the stream is chunked.

    command_length is judged on its own four octets, before anything behind it is kept, so that at most one PDU of
    `PDU_OCTETS_MAX` is ever waited for.
    """

    def __init__(self) -> None:
        self._kept = bytearray()
        self._needed = _LENGTH.size
        self._broken = False

    def feed(self, data: bytes) -> list[Pdu | Malformed]:
        """What `data` completes, in order. After a fatal `Malformed` there is nothing more."""
        if self._broken:
            return []
        if self._kept:
            self._kept += data
            if len(self._kept) < self._needed:
                return []
            data = bytes(self._kept)
            self._kept.clear()
        return self._split(data)

    def _split(self, data: bytes) -> list[Pdu | Malformed]:
        pdus: list[Pdu | Malformed] = []
        at, size, needed = 0, len(data), _LENGTH.size
        while size - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(data, at)
            if not HEADER_OCTETS <= length <= PDU_OCTETS_MAX:
                self._broken = True
                return [*pdus, Malformed(0, 0, Status.RINVCMDLEN, fatal=True)]
            if size - at < length:
                needed = length
                break
            pdus.append(decode(data, at, at + length))
            at += length
        self._keep(data, at, needed)
        return pdus

    def _keep(self, data: bytes, at: int, needed: int) -> None:
        self._kept += memoryview(data)[at:]
        self._needed = needed


def _fits(tag: Tag, value: bytes) -> bool:
    least, most = TLV_OCTETS[tag]
    return least <= len(value) <= most
