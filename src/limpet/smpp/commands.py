"""SMPP 3.4's PDUs as values: the command ids, a named tuple for each body, and the PDU around it.

Values only: `limpet.smpp.layouts` knows how long their fields may be, `limpet.smpp.pdu` how they become bytes,
`limpet.smpp.session` what they mean to a conversation. Section numbers are SMPP 3.4's.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

from limpet.smpp.status import Status

RESPONSE = 0x80000000
"""Set in the command id of every answer (SMPP 3.4 §5.1.2.1)."""


class Command(IntEnum):
    """The `command_id` values of SMPP 3.4 §5.1.2.1 that Limpet reads; submit_multi is not among them and is nacked."""

    GENERIC_NACK = 0x80000000
    BIND_RECEIVER = 0x00000001
    BIND_RECEIVER_RESP = 0x80000001
    BIND_TRANSMITTER = 0x00000002
    BIND_TRANSMITTER_RESP = 0x80000002
    QUERY_SM = 0x00000003
    QUERY_SM_RESP = 0x80000003
    SUBMIT_SM = 0x00000004
    SUBMIT_SM_RESP = 0x80000004
    DELIVER_SM = 0x00000005
    DELIVER_SM_RESP = 0x80000005
    UNBIND = 0x00000006
    UNBIND_RESP = 0x80000006
    REPLACE_SM = 0x00000007
    REPLACE_SM_RESP = 0x80000007
    CANCEL_SM = 0x00000008
    CANCEL_SM_RESP = 0x80000008
    BIND_TRANSCEIVER = 0x00000009
    BIND_TRANSCEIVER_RESP = 0x80000009
    OUTBIND = 0x0000000B
    ENQUIRE_LINK = 0x00000015
    ENQUIRE_LINK_RESP = 0x80000015
    ALERT_NOTIFICATION = 0x00000102
    DATA_SM = 0x00000103
    DATA_SM_RESP = 0x80000103


class Tag(IntEnum):
    """TLV tags (SMPP 3.4 §5.3.2) that Limpet reads or writes; every other tag is kept as it came."""

    SOURCE_PORT = 0x020A
    DESTINATION_PORT = 0x020B
    RECEIPTED_MESSAGE_ID = 0x001E
    USER_MESSAGE_REFERENCE = 0x0204
    SAR_MSG_REF_NUM = 0x020C
    SAR_TOTAL_SEGMENTS = 0x020E
    SAR_SEGMENT_SEQNUM = 0x020F
    SC_INTERFACE_VERSION = 0x0210
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427


class Nothing(NamedTuple):
    """The body of a PDU that is only a header: unbind, enquire_link, generic_nack and others (§4.2, §4.11, §4.3.1)."""


class Bind(NamedTuple):
    """bind_transmitter, bind_receiver, bind_transceiver (§4.1)."""

    system_id: str
    password: str
    system_type: str = ""
    interface_version: int = 0x34
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""


class BindAnswer(NamedTuple):
    """The answers to binds (§4.1)."""

    system_id: str = ""


class Outbind(NamedTuple):
    """outbind (§4.1.7)."""

    system_id: str
    password: str


class Message(NamedTuple):
    """submit_sm and deliver_sm, which have the same fields (§4.4.1, §4.6.1)."""

    service_type: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    esm_class: int = 0
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: str = ""
    validity_period: str = ""
    registered_delivery: int = 0
    replace_if_present_flag: int = 0
    data_coding: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""


class MessageId(NamedTuple):
    """The answers to submit_sm, deliver_sm (where it is empty) and data_sm (§4.4.2, §4.6.2, §4.7.2)."""

    message_id: str = ""


class Data(NamedTuple):
    """data_sm (§4.7.1); its text is the TLV message_payload."""

    service_type: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    esm_class: int = 0
    registered_delivery: int = 0
    data_coding: int = 0


class Query(NamedTuple):
    """query_sm (§4.8.1)."""

    message_id: str
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""


class QueryAnswer(NamedTuple):
    """query_sm_resp (§4.8.2)."""

    message_id: str = ""
    final_date: str = ""
    message_state: int = 0
    error_code: int = 0


class Cancel(NamedTuple):
    """cancel_sm (§4.9.1)."""

    service_type: str = ""
    message_id: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""


class Replace(NamedTuple):
    """replace_sm (§4.10.1)."""

    message_id: str
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    schedule_delivery_time: str = ""
    validity_period: str = ""
    registered_delivery: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""


class Alert(NamedTuple):
    """alert_notification (§4.12.1)."""

    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    esme_addr_ton: int = 0
    esme_addr_npi: int = 0
    esme_addr: str = ""


Body = (
    Nothing | Bind | BindAnswer | Outbind | Message | MessageId | Data | Query | QueryAnswer | Cancel | Replace | Alert
)

Tlvs = Mapping[int, bytes]
"""Tag to value as it came. Of a repeated tag the first counts."""
NO_TLVS: Tlvs = MappingProxyType({})


class Pdu(NamedTuple):
    """One PDU. `status` is a `Status` or what a vendor made up, and 0 in requests."""

    command: Command
    status: int
    sequence: int
    body: Body
    tlvs: Tlvs = NO_TLVS


class Malformed(NamedTuple):
    """What came is no PDU that we read: the command id and sequence as they stood, and the status that says why.

    After a `fatal` one the stream has no PDU boundaries any more: answer and close.
    """

    command: int
    sequence: int
    status: Status
    fatal: bool = False
