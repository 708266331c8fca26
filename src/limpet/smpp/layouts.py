"""SMPP 3.4's field tables: which fields each command has, in which order, how long they may be, and how long TLVs are.

Data only, from SMPP 3.4 §4 and §5.3. It refuses to know how a field is read or written: that is `limpet.smpp.codec`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import NamedTuple

from limpet.smpp.commands import (
    Alert,
    Bind,
    BindAnswer,
    Body,
    Cancel,
    Command,
    Data,
    Message,
    MessageId,
    Nothing,
    Outbind,
    Query,
    QueryAnswer,
    Replace,
    Tag,
)
from limpet.smpp.status import Status

TLV_OCTETS: Mapping[int, tuple[int, int]] = {
    Tag.SOURCE_PORT: (2, 2),
    Tag.DESTINATION_PORT: (2, 2),
    Tag.RECEIPTED_MESSAGE_ID: (1, 65),
    Tag.USER_MESSAGE_REFERENCE: (2, 2),
    Tag.SAR_MSG_REF_NUM: (2, 2),
    Tag.SAR_TOTAL_SEGMENTS: (1, 1),
    Tag.SAR_SEGMENT_SEQNUM: (1, 1),
    Tag.SC_INTERFACE_VERSION: (1, 1),
    Tag.NETWORK_ERROR_CODE: (3, 3),
    Tag.MESSAGE_PAYLOAD: (0, 65_519),
    Tag.MESSAGE_STATE: (1, 1),
}
"""Least and most octets of each known TLV's value."""


class Kind(Enum):
    """How a field lies in the PDU (SMPP 3.4 §3.1)."""

    INTEGER = "one octet"
    C_STRING = "octets up to a NUL"
    OCTETS = "a length octet, then so many octets"


class Field(NamedTuple):
    """One mandatory parameter. `octets_max` counts the NUL of a C string; `status` refuses a value that is too long.

    `octets_read_max`, where it is more, is how long a value of a peer's may be: what we send keeps to `octets_max`.
    """

    name: str
    kind: Kind = Kind.INTEGER
    octets_max: int = 1
    status: Status = Status.RINVPARLEN
    octets_read_max: int = 0


class Layout(NamedTuple):
    """A command's body: the class whose positional arguments are the values of `fields`, in their order on the wire."""

    body: Callable[..., Body]
    fields: tuple[Field, ...] = ()


SHORT_MESSAGE_OCTETS_MAX = 254
"""A text of more octets needs message_payload (§5.2.21)."""


def _text(name: str, octets_max: int, status: Status = Status.RINVPARLEN, octets_read_max: int = 0) -> Field:
    return Field(name, Kind.C_STRING, octets_max, status, octets_read_max)


def _address(prefix: str, name: str, octets_max: int, status: Status) -> tuple[Field, Field, Field]:
    return Field(f"{prefix}_ton"), Field(f"{prefix}_npi"), _text(name, octets_max, status)


_SERVICE_TYPE = _text("service_type", 6, Status.RINVSERTYP)
_SOURCE = _address("source_addr", "source_addr", 21, Status.RINVSRCADR)
_LONG_SOURCE = _address("source_addr", "source_addr", 65, Status.RINVSRCADR)
_DESTINATION = _address("dest_addr", "destination_addr", 21, Status.RINVDSTADR)
_LONG_DESTINATION = _address("dest_addr", "destination_addr", 65, Status.RINVDSTADR)
_TIMES = (
    _text("schedule_delivery_time", 17, Status.RINVSCHED),
    _text("validity_period", 17, Status.RINVEXPIRY),
)
_MESSAGE_ID = _text("message_id", 65, Status.RINVMSGID)
_SYSTEM_ID = _text("system_id", 16, Status.RINVSYSID, 65)
_PASSWORD = _text("password", 9, Status.RINVPASWD, 65)
_SYSTEM_TYPE = _text("system_type", 13, Status.RINVSYSTYP, 65)
_SHORT_MESSAGE = Field("short_message", Kind.OCTETS, SHORT_MESSAGE_OCTETS_MAX, Status.RINVMSGLEN)

_NOTHING = Layout(Nothing)
_BIND = Layout(
    Bind,
    (
        _SYSTEM_ID,
        _PASSWORD,
        _SYSTEM_TYPE,
        Field("interface_version"),
        *_address("addr", "address_range", 41, Status.RINVPARLEN),
    ),
)
_BIND_ANSWER = Layout(BindAnswer, (_SYSTEM_ID,))
_MESSAGE_ANSWER = Layout(MessageId, (_MESSAGE_ID,))
_MESSAGE = Layout(
    Message,
    (
        _SERVICE_TYPE,
        *_SOURCE,
        *_DESTINATION,
        Field("esm_class"),
        Field("protocol_id"),
        Field("priority_flag"),
        *_TIMES,
        Field("registered_delivery"),
        Field("replace_if_present_flag"),
        Field("data_coding"),
        Field("sm_default_msg_id"),
        _SHORT_MESSAGE,
    ),
)
_DATA = Layout(
    Data,
    (
        _SERVICE_TYPE,
        *_LONG_SOURCE,
        *_LONG_DESTINATION,
        Field("esm_class"),
        Field("registered_delivery"),
        Field("data_coding"),
    ),
)
_QUERY_ANSWER = Layout(QueryAnswer, (_MESSAGE_ID, _text("final_date", 17), Field("message_state"), Field("error_code")))
_REPLACE = Layout(
    Replace, (_MESSAGE_ID, *_SOURCE, *_TIMES, Field("registered_delivery"), Field("sm_default_msg_id"), _SHORT_MESSAGE)
)

LAYOUTS: Mapping[Command, Layout] = {
    Command.GENERIC_NACK: _NOTHING,
    Command.BIND_RECEIVER: _BIND,
    Command.BIND_RECEIVER_RESP: _BIND_ANSWER,
    Command.BIND_TRANSMITTER: _BIND,
    Command.BIND_TRANSMITTER_RESP: _BIND_ANSWER,
    Command.BIND_TRANSCEIVER: _BIND,
    Command.BIND_TRANSCEIVER_RESP: _BIND_ANSWER,
    Command.OUTBIND: Layout(Outbind, (_SYSTEM_ID, _PASSWORD)),
    Command.UNBIND: _NOTHING,
    Command.UNBIND_RESP: _NOTHING,
    Command.ENQUIRE_LINK: _NOTHING,
    Command.ENQUIRE_LINK_RESP: _NOTHING,
    Command.SUBMIT_SM: _MESSAGE,
    Command.SUBMIT_SM_RESP: _MESSAGE_ANSWER,
    Command.DELIVER_SM: _MESSAGE,
    Command.DELIVER_SM_RESP: _MESSAGE_ANSWER,
    Command.DATA_SM: _DATA,
    Command.DATA_SM_RESP: _MESSAGE_ANSWER,
    Command.QUERY_SM: Layout(Query, (_MESSAGE_ID, *_SOURCE)),
    Command.QUERY_SM_RESP: _QUERY_ANSWER,
    Command.CANCEL_SM: Layout(Cancel, (_SERVICE_TYPE, _MESSAGE_ID, *_SOURCE, *_DESTINATION)),
    Command.CANCEL_SM_RESP: _NOTHING,
    Command.REPLACE_SM: _REPLACE,
    Command.REPLACE_SM_RESP: _NOTHING,
    Command.ALERT_NOTIFICATION: Layout(
        Alert,
        (*_LONG_SOURCE, *_address("esme_addr", "esme_addr", 65, Status.RINVPARLEN)),
    ),
}
