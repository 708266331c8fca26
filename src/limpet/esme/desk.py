"""What the door knows of one connection: who is bound over it, and what is on its way there.

Values; who fills them in is for `limpet.esme.door` and `limpet.esme.outbox`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from limpet.carrier.smpp_link import Link
from limpet.esme.parcels import Parcel
from limpet.smpp.commands import Command
from limpet.store.esmes import EsmeDelivery
from limpet.store.smpp_credentials import Esme

RECEIVERS = frozenset({Command.BIND_RECEIVER, Command.BIND_TRANSCEIVER})


@dataclass(slots=True, eq=False)
class Open:
    """A delivery that this process has taken: `left` of its parcels are not acknowledged yet."""

    delivery: EsmeDelivery
    left: int
    refused: int = 0
    """The first status by which the customer refused a parcel of it."""


@dataclass(slots=True, eq=False)
class Flying:
    """A parcel on its way, and the delivery that it is of."""

    parcel: Parcel
    open: Open


@dataclass(slots=True, eq=False)
class Desk:
    """One connection. `service_sid` is the service of messages that name none."""

    link: Link
    peer: str
    esme: Esme | None = None
    command: Command | None = None
    service_sid: str | None = None
    flying: dict[int, Flying] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Who is bound; empty as long as nobody is."""
        return self.esme.name if self.esme else ""

    @property
    def receives(self) -> bool:
        """Whether deliveries may go this way now."""
        return self.command in RECEIVERS and self.esme is not None and self.link.session.bound
