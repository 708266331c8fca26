"""What a session tells its owner.

Values only. What brings them about is for `limpet.smpp.session`, what follows from them for its owner.
"""

from __future__ import annotations

from typing import NamedTuple

from limpet.smpp.commands import Command, Pdu


class Bound(NamedTuple):
    """The bind stands. `system_id` is the other side's name."""

    command: Command
    system_id: str


class BindRefused(NamedTuple):
    """The other side, or we as the SMSC, refused the bind; `Closed` follows."""

    status: int


class Called(NamedTuple):
    """A message centre has connected to us and says who it is (outbind): bind, or close."""

    system_id: str
    password: str


class Answered(NamedTuple):
    """An answer to one of our requests, by its sequence: the fitting one, or a generic_nack."""

    pdu: Pdu


class Unreadable(NamedTuple):
    """An answer came to our request of this sequence, and cannot be read: what it said is not known."""

    sequence: int


class Requested(NamedTuple):
    """A request that the owner must answer once, by `respond`."""

    pdu: Pdu


class Closed(NamedTuple):
    """The conversation is over: write what is left in `bytes_to_send`, then close. Always the last event."""

    why: str


Event = Bound | BindRefused | Called | Answered | Unreadable | Requested | Closed
