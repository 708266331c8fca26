"""What an operator says about one SMPP carrier, and the limits of a lane to it.

Values only; where they are written down is for the configuration, what they cause for `limpet.carrier.smpp`.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import NamedTuple

from limpet.carrier.smpp_codes import NO_CODES, ErrorCodes
from limpet.smpp.commands import Bind, Command, Pdu
from limpet.smpp.pdu import encode
from limpet.smpp.status import Status

CONNECT_TIMEOUT_S = 10.0
"""So long may TCP and TLS take to come up."""
UNBIND_TIMEOUT_S = 1.0
"""So long is the answer to our unbind waited for, when the lane stops."""
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


@dataclass(frozen=True, slots=True)
class SmppConfig:
    """One SMPP 3.4 carrier. Times are seconds. `tls` is None for a plain connection.

    `window_size_max` counts PDUs; more than two or three seconds' worth of the carrier's rate brings duplicates.
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

    def __post_init__(self) -> None:
        """Raises ValueError where system_id, password or system_type are too long for SMPP, or the window is empty."""
        encode(Pdu(Command.BIND_TRANSCEIVER, Status.ROK, 1, self.bind))
        if self.window_size_max < 1:
            raise ValueError("window_size_max must be at least 1")

    @property
    def bind(self) -> Bind:
        """The body of the bind."""
        return Bind(self.system_id, self.password, self.system_type)

    def reconnect_ceiling_s(self, failures: int, refused: bool) -> float:
        """The longest pause after so many failures in a row; full jitter chooses between 0 and this."""
        longest = self.refused_reconnect_max_s if refused else self.reconnect_max_s
        return min(longest, self.reconnect_first_s * 2.0 ** min(failures, _DOUBLINGS_MAX))


_DOUBLINGS_MAX = 32
