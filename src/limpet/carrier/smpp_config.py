"""What an operator says about one SMPP carrier, and the limits of a lane to it.

Values only; where they are written down is for the configuration, what they cause for `limpet.carrier.smpp`.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from limpet.carrier.smpp_codes import NO_CODES, ErrorCodes
from limpet.smpp.commands import NO_TLVS, Bind, Command, Data, Message, Pdu
from limpet.smpp.pdu import encode
from limpet.smpp.status import Status

CONNECT_TIMEOUT_S = 10.0
"""So long may TCP and TLS take to come up."""
UNBIND_TIMEOUT_S = 1.0
"""So long is the answer to our unbind waited for, when the lane stops."""
QUESTIONS_MAX = 1000
"""So many questions what became of a message may wait for room on a lane."""
QUEUE_WINDOWS_MAX = 2
"""A lane holds at most so many windows of messages; it asks for one, the rest covers a window that has just shrunk."""


class Numbering(NamedTuple):
    """Type of number and numbering plan of an address (SMPP 3.4 §5.2.5, §5.2.6)."""

    ton: int
    npi: int


class Numberings(NamedTuple):
    """How each kind of address is numbered: what most carriers expect, unless they say otherwise."""

    phone: Numbering = Numbering(1, 1)
    short_code: Numbering = Numbering(3, 0)
    alphanumeric: Numbering = Numbering(5, 0)


USUAL_NUMBERINGS = Numberings()
NO_NUMBERING = Numbering(0, 0)


class Coding(StrEnum):
    """The alphabet that a carrier takes data_coding 0 to be, and how its characters lie in octets."""

    GSM7 = "gsm7"
    GSM7_PACKED = "gsm7_packed"
    LATIN1 = "latin1"


class Long(StrEnum):
    """How a message longer than one PDU is written: parts with a header, parts with TLVs, or whole in message_payload."""

    HEADER_8 = "udh8"
    HEADER_16 = "udh16"
    TLVS = "sar"
    PAYLOAD = "payload"


class Binds(StrEnum):
    """What a lane binds: one connection for both directions, one for each, or one to send on only."""

    TRANSCEIVER = "transceiver"
    PAIR = "pair"
    TRANSMITTER = "transmitter"


COMMANDS: Mapping[Binds, tuple[Command, ...]] = {
    Binds.TRANSCEIVER: (Command.BIND_TRANSCEIVER,),
    Binds.PAIR: (Command.BIND_TRANSMITTER, Command.BIND_RECEIVER),
    Binds.TRANSMITTER: (Command.BIND_TRANSMITTER,),
}
"""The first of a lane's connections is the one that sends."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How messages to one carrier are written, and those from it read, beyond what most carriers agree on.

    `default_coding` and `ucs2_coding` are the data_coding of texts in the default alphabet and of all others. `tlvs` go out
    with every submission. `reference` says whether user_message_reference does. Numbers of `country_code` travel without it,
    as national ones. `plus` leaves the plus sign before the others.
    """

    default_alphabet: Coding = Coding.GSM7
    default_coding: int = 0
    ucs2_coding: int = 8
    long_messages: Long = Long.HEADER_8
    service_type: str = ""
    registered_delivery: int = 1
    tlvs: Mapping[int, bytes] = field(default_factory=lambda: NO_TLVS)
    reference: bool = True
    data_sm: bool = False
    plus: bool = False
    country_code: str = ""


USUAL_WORDING = Wording()


class Outbinds(NamedTuple):
    """Where a carrier may call us, and as whom it names itself (outbind, SMPP 3.4 §2.2.1)."""

    host: str
    port: int
    system_id: str
    password: str


@dataclass(frozen=True, slots=True)
class SmppConfig:
    """One SMPP 3.4 carrier. Times are seconds. `tls` is None for a plain connection.

    `window_size_max` counts PDUs; more than two or three seconds' worth of the carrier's rate brings duplicates.
    `segments_per_s` is this lane's share of the carrier's rate, None for as fast as the window lets. With `outbinds` the
    connection that receives is the carrier's to make. `query`: the carrier knows query_sm.
    """

    host: str
    port: int
    system_id: str
    password: str = field(repr=False)
    system_type: str = ""
    window_size_max: int = 10
    response_timeout_s: float = 10.0
    enquire_link_s: float = 20.0
    tls: ssl.SSLContext | None = None
    numberings: Numberings = USUAL_NUMBERINGS
    throttle_pause_s: float = 1.0
    """So long nothing is submitted after the carrier has said that it is too much."""
    reconnect_first_s: float = 1.0
    """The first pause before connecting again; each failure doubles it, and chance takes some of it away."""
    reconnect_max_s: float = 60.0
    error_codes: ErrorCodes = NO_CODES
    refused_reconnect_max_s: float = 300.0
    """The longest pause while the carrier refuses the bind: a wrong password must not hammer."""
    binds: Binds = Binds.TRANSCEIVER
    address_numbering: Numbering = NO_NUMBERING
    address_range: str = ""
    """Which of our numbers the bind receives for, where the carrier wants to hear it (SMPP 3.4 §5.2.7)."""
    wording: Wording = USUAL_WORDING
    segments_per_s: float | None = None
    outbinds: Outbinds | None = None
    query: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError where a value does not fit its field of SMPP, or the window is empty."""
        encode(Pdu(Command.BIND_TRANSCEIVER, Status.ROK, 1, self.bind))
        encode(Pdu(Command.SUBMIT_SM, Status.ROK, 1, Message(self.wording.service_type), self.wording.tlvs))
        encode(Pdu(Command.DATA_SM, Status.ROK, 1, Data(data_coding=self.wording.default_coding), self.wording.tlvs))
        if self.window_size_max < 1:
            raise ValueError("window_size_max must be at least 1")

    @property
    def bind(self) -> Bind:
        """The body of the bind."""
        ton, npi = self.address_numbering
        range_ = self.address_range
        return Bind(self.system_id, self.password, self.system_type, addr_ton=ton, addr_npi=npi, address_range=range_)

    @property
    def commands(self) -> tuple[Command, ...]:
        """The binds of a lane, one a connection, the one that sends first."""
        return COMMANDS[self.binds]

    def reconnect_ceiling_s(self, failures: int, refused: bool) -> float:
        """The longest pause after so many failures in a row; full jitter chooses between 0 and this."""
        longest = self.refused_reconnect_max_s if refused else self.reconnect_max_s
        return min(longest, self.reconnect_first_s * 2.0 ** min(failures, _DOUBLINGS_MAX))


_DOUBLINGS_MAX = 32
