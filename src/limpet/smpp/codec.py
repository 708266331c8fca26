"""The codec that walks the tables of `limpet.smpp.layouts`: right for every command, quick enough for all but three.

It refuses to know connections, sequences and time. Text is read as Latin-1, so that every octet has a character and
survives the way back.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from limpet.smpp.commands import NO_TLVS, RESPONSE, Command, Malformed, Pdu, Tlvs
from limpet.smpp.layouts import LAYOUTS, TLV_OCTETS, Field, Kind
from limpet.smpp.status import Status

HEADER = struct.Struct(">IIII")
HEADER_OCTETS = HEADER.size
PDU_OCTETS_MAX = 65_536
"""Most octets of a PDU, in either direction; ours, the specification sets none."""

_TLV = struct.Struct(">HH")
_COMMANDS: Mapping[int, Command] = {command.value: command for command in Command}
_ANY_LENGTH = (0, 0xFFFF)
_INTEGER_MAX = 0xFF


def encode_by_table(pdu: Pdu) -> bytes:
    """The bytes of a PDU (§3.2).

    Raises ValueError when a value does not fit its field: the caller's fault, never a peer's.
    """
    layout = LAYOUTS[pdu.command]
    if type(pdu.body) is not layout.body:
        raise ValueError(f"{pdu.command.name} has no body {type(pdu.body).__name__}")
    parts = [_encode_field(field, value) for field, value in zip(layout.fields, pdu.body, strict=True)]
    return framed(pdu, b"".join(parts))


def decode_by_table(data: bytes, start: int, end: int) -> Pdu | Malformed:
    """The PDU that lies in `data[start:end]`, whose command_length is already known to be `end - start`.

    Of an answer that refuses, the status counts: its body may be absent (§4.4.2), and is passed over where it is odd.
    """
    _, command_id, status, sequence = HEADER.unpack_from(data, start)
    command = _COMMANDS.get(command_id)
    if command is None:
        return Malformed(command_id, sequence, Status.RINVCMDID)
    layout = LAYOUTS[command]
    at = start + HEADER_OCTETS
    if at == end and command_id & RESPONSE:
        return Pdu(command, status, sequence, layout.body())
    values: list[object] = []
    at, wrong = _decode_fields(data, at, end, layout.fields, values)
    tlvs = None if wrong else decode_tlvs(data, at, end)
    if tlvs is None and command_id & RESPONSE and status:
        return Pdu(command, status, sequence, layout.body())
    if tlvs is None:
        return Malformed(command_id, sequence, wrong or Status.RINVOPTPARSTREAM)
    return Pdu(command, status, sequence, layout.body(*values), tlvs)


def framed(pdu: Pdu, body: bytes) -> bytes:
    """Header, body and TLVs; ValueError where a TLV has not the length of its table."""
    for tag, value in pdu.tlvs.items():
        least, most = TLV_OCTETS.get(tag, _ANY_LENGTH)
        if not least <= len(value) <= most:
            raise ValueError(f"TLV 0x{tag:04X} cannot have {len(value)} octets")
        body += _TLV.pack(tag, len(value)) + value
    length = HEADER_OCTETS + len(body)
    if length > PDU_OCTETS_MAX:
        raise ValueError(f"a PDU of {length} octets")
    return HEADER.pack(length, pdu.command, pdu.status, pdu.sequence) + body


def decode_tlvs(data: bytes, at: int, end: int) -> Tlvs | None:
    """The TLVs from `at` to `end` (§3.2.4); None where one runs over the end."""
    if at == end:
        return NO_TLVS
    tlvs: dict[int, bytes] = {}
    while at < end:
        value_at = at + _TLV.size
        if value_at > end:
            return None
        tag, length = _TLV.unpack_from(data, at)
        at = value_at + length
        if at > end:
            return None
        tlvs.setdefault(tag, data[value_at:at])
    return tlvs


def _encode_field(field: Field, value: object) -> bytes:
    """One field. What does not fit is named without its value, which may be a password or a person's number."""
    if field.kind is Kind.INTEGER and isinstance(value, int) and 0 <= value <= _INTEGER_MAX:
        return bytes((value,))
    if field.kind is Kind.C_STRING and isinstance(value, str) and len(value) < field.octets_max and _is_text(value):
        return value.encode("latin-1") + b"\0"
    if field.kind is Kind.OCTETS and isinstance(value, bytes) and len(value) <= field.octets_max:
        return bytes((len(value),)) + value
    raise ValueError(f"the value for {field.name} does not fit: {field.kind.value}, at most {field.octets_max}")


def _is_text(value: str) -> bool:
    return all("\0" < character <= "\xff" for character in value)


def _decode_fields(
    data: bytes, at: int, end: int, fields: Sequence[Field], values: list[object]
) -> tuple[int, Status | None]:
    """Append the value of each field; answers where the fields end, and what is wrong with them."""
    for field in fields:
        if at >= end:
            return at, Status.RINVCMDLEN
        if field.kind is Kind.INTEGER:
            values.append(data[at])
            at += 1
        elif field.kind is Kind.C_STRING:
            most = max(field.octets_max, field.octets_read_max)
            stop = data.find(0, at, min(end, at + most))
            if stop < 0:
                return at, Status.RINVCMDLEN if at + most > end else field.status
            values.append(data[at:stop].decode("latin-1"))
            at = stop + 1
        else:
            stop = at + 1 + data[at]
            if stop > end or data[at] > field.octets_max:
                return at, field.status
            values.append(data[at + 1 : stop])
            at = stop
    return at, None
