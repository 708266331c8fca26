"""A person as those mean who ask to be forgotten: whoever has a number, on every channel.

Pure: which addresses are one person's, and what texts that name them have in common. Where anything is kept is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from limpet.core.address import WHATSAPP_PREFIX


class Kind(StrEnum):
    """What may be kept of a person: the `kind` of a line of an export."""

    MESSAGE = "message"
    FEEDBACK = "feedback"
    MEDIUM = "medium"
    LINK = "link"
    KEY = "idempotency_key"
    DELIVERY = "webhook_delivery"
    CALLBACK = "callback"
    SMPP_DELIVERY = "smpp_delivery"
    MAPPING = "mapping"
    EVENT = "sticky_event"
    OPT_OUT = "opt_out"
    RECEIPT = "receipt"
    TEXT = "inbound_part"
    PART = "smpp_part"
    VERIFIED = "verified_number"
    IMPORT = "import_line"
    MOVE = "move"
    """That a rebalance moved them, or that they are to be told of another number."""


class Act(StrEnum):
    """What was asked for a person."""

    EXPORT = "export"
    ERASE = "erase"


Counts = Mapping[str, int]
"""How much there is, or was, of each kind; kinds of which there is nothing are left out."""


def addresses_of(recipient: str) -> tuple[str, ...]:
    """All addresses of the person whose address this is: the number, and the number on other channels."""
    number = recipient.removeprefix(WHATSAPP_PREFIX)
    return number, WHATSAPP_PREFIX + number


def digits_of(recipient: str) -> str:
    """The digits of the number: what a text that names it has after the plus, however that is spelled."""
    return recipient.rpartition("+")[2]
