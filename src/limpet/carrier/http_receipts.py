"""What notices bring, made of their fields: receipts and inbound texts, or nothing where a field that is needed is missing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from limpet.carrier.http_values import MEDIA_MAX, UNKNOWN_ERROR, address, number, text
from limpet.carrier.port import Inbound, InboundMedium, Receipt, ReceiptState
from limpet.core.errors import ERRORS
from limpet.core.ids import REFERENCE_MAX
from limpet.twilio.forms import is_web_url

NO_TOKEN = 0
"""The lane gives the token."""
_TYPE_LENGTH_MAX = 100


def receipt(
    *, ours: object, person: object, carrier_message_id: object, state: ReceiptState, error_code: int | None = None,
    reference: object = None, submitted_at: datetime | None = None, done_at: datetime | None = None,
) -> list[Receipt]:  # fmt: skip
    """A receipt for a message from `ours` to `person`; none where an address is missing, or both names of the message."""
    sender, recipient, known, ref = address(ours), address(person), text(carrier_message_id), number(reference)
    if sender is None or recipient is None or (known is None and ref is None):
        return []
    code = (error_code if error_code in ERRORS else UNKNOWN_ERROR) if state is ReceiptState.UNDELIVERED else None
    ref = ref if ref is not None and ref <= REFERENCE_MAX else None
    return [Receipt(NO_TOKEN, sender, recipient, known, state, code, ref, submitted_at, done_at)]


def inbound(
    *, person: object, ours: object, body: object, carrier_message_id: object,
    media: Iterable[tuple[object, object]] = (),
) -> list[Inbound]:  # fmt: skip
    """A text from `person` to `ours`; none where an address is missing. `media` are URLs with their types."""
    sender, recipient = address(person), address(ours)
    if sender is None or recipient is None:
        return []
    kept = tuple(InboundMedium(url, _type(kind)) for url, kind in media if isinstance(url, str) and is_web_url(url))
    words = body if isinstance(body, str) else ""
    return [Inbound(NO_TOKEN, sender, recipient, words, kept[:MEDIA_MAX], text(carrier_message_id))]


def _type(value: object) -> str:
    """A content type as the carrier gives it, or empty: nothing that could end a header."""
    return value if isinstance(value, str) and value.isprintable() and len(value) <= _TYPE_LENGTH_MAX else ""
