"""What a delivery receipt says: its TLVs first, then the text that every message centre writes its own way.

Pure and tolerant: no receipt raises, what is missing or unreadable is None. It refuses to know which message a receipt
belongs to. Sources: SMPP 3.4 §5.2.12 (esm_class), §5.2.28 (message_state), appendix B (the text).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from limpet.smpp.commands import Data, Message, Pdu, Tag
from limpet.smpp.pdu import text_octets, tlv_integer, tlv_text

_REFERENCE, _STATE, _RECEIPTED = Tag.USER_MESSAGE_REFERENCE, Tag.MESSAGE_STATE, Tag.RECEIPTED_MESSAGE_ID
MESSAGE_TYPE = 0x3C
"""The bits of esm_class that tell a receipt from a text (§5.2.12)."""
DELIVERY_RECEIPT = 0x04
INTERMEDIATE_NOTIFICATION = 0x20
USER_DATA_HEADER = 0x40
"""The bit of esm_class that says that the text begins with a header (§5.2.12)."""
UCS2_CODING = 8


class MessageState(IntEnum):
    """What became of a message (§5.2.28)."""

    ENROUTE = 1
    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8


class Report(NamedTuple):
    """A receipt, read. `error_code` is Twilio's number, there only when the message did not arrive. Times are UTC."""

    message_id: str | None
    state: MessageState
    error_code: int | None
    reference: int | None
    submitted_at: datetime | None
    done_at: datetime | None


_STATES: Mapping[int, MessageState] = {state.value: state for state in MessageState}
_WORDS: Mapping[str, MessageState] = {
    "ENROUTE": MessageState.ENROUTE,
    "BUFFERED": MessageState.ENROUTE,
    "BUFFRED": MessageState.ENROUTE,
    "ACCEPTD": MessageState.ACCEPTED,
    "ACCEPTED": MessageState.ACCEPTED,
    "DELIVRD": MessageState.DELIVERED,
    "DELIVERD": MessageState.DELIVERED,
    "DELIVERED": MessageState.DELIVERED,
    "EXPIRED": MessageState.EXPIRED,
    "DELETED": MessageState.DELETED,
    "UNDELIV": MessageState.UNDELIVERABLE,
    "UNDELIVERED": MessageState.UNDELIVERABLE,
    "UNDELIVERABLE": MessageState.UNDELIVERABLE,
    "FAILED": MessageState.UNDELIVERABLE,
    "REJECTD": MessageState.REJECTED,
    "REJECTED": MessageState.REJECTED,
    "UNKNOWN": MessageState.UNKNOWN,
}
"""The words of appendix B, and the spellings that centres make of them."""

_UNREACHABLE, _BLOCKED, _UNKNOWN_HANDSET, _LANDLINE, _FILTERED, _UNKNOWN_ERROR = (
    30003,
    30004,
    30005,
    30006,
    30007,
    30008,
)
STATE_ERRORS: Mapping[MessageState, int] = {
    MessageState.EXPIRED: _UNREACHABLE,
    MessageState.UNDELIVERABLE: _UNREACHABLE,
    MessageState.REJECTED: _FILTERED,
    MessageState.DELETED: _UNKNOWN_ERROR,
}
"""Twilio's number for each state in which a message did not arrive (twilio.com/docs/api/errors)."""
_NETWORK_ERRORS: Mapping[int, int] = {
    1: _UNKNOWN_HANDSET,
    5: _UNKNOWN_HANDSET,
    11: _LANDLINE,
    13: _BLOCKED,
}
"""The GSM errors that say more than "not reached" (3GPP TS 29.002: unknown subscriber, unidentified subscriber,
teleservice not provisioned, call barred), as `err` or network_error_code gives them beside UNDELIV."""

_NO_OWN: Mapping[str, int] = MappingProxyType({})
_NAMES = "id|sub|dlvrd|submit date|done date|stat|err"
_FIELD = re.compile(rf"\b({_NAMES})\s*:\s*(?!(?:{_NAMES}|text)\s*:)([!-~]*)", re.IGNORECASE)
"""A name and its value, which may be missing but is never the next name."""
_USUAL = re.compile(
    "id:([!-~]*) sub:([!-~]*) dlvrd:([!-~]*) submit date:([!-~]*) done date:([!-~]*) stat:([!-~]*) err:([!-~]*)"
)
"""Appendix B to the letter, which is what most centres write and which costs a fifth of looking for each field."""
_TEXT = re.compile(r"\btext\s*:", re.IGNORECASE)


def read_report(pdu: Pdu, own: Mapping[str, int] = _NO_OWN) -> Report | None:
    """What a deliver_sm or data_sm says about a message of ours; None where it is a person's text. `own` are Twilio's numbers for
    the carrier's own reasons, without leading zeros; they come before what the reasons usually mean.

    esm_class decides, and receipted_message_id where a centre forgets esm_class: it is set by the centre alone. A text
    that only looks like a receipt is a text, or anyone could send receipts.
    """
    if not isinstance(pdu.body, Message | Data):
        return None
    kind = pdu.body.esm_class & MESSAGE_TYPE
    named = tlv_text(pdu, _RECEIPTED)
    if kind not in (DELIVERY_RECEIPT, INTERMEDIATE_NOTIFICATION) and named is None:
        return None
    fields = _fields(_text(pdu, pdu.body))
    state = MessageState.ENROUTE if kind == INTERMEDIATE_NOTIFICATION else _state(pdu, fields)
    return Report(
        named or fields.get("id") or None,
        state,
        _error_code(pdu, state, fields.get("err", ""), own),
        tlv_integer(pdu, _REFERENCE),
        _time(fields.get("submit date", "")),
        _time(fields.get("done date", "")),
    )


def without_header(esm_class: int, octets: bytes) -> tuple[bytes, bytes]:
    """A text's header, without its length octet, and the text behind it (3GPP TS 23.040 §9.2.3.24)."""
    if not esm_class & USER_DATA_HEADER or not octets:
        return b"", octets
    end = 1 + octets[0]
    return octets[1:end], octets[end:]


def _text(pdu: Pdu, body: Message | Data) -> str:
    _, octets = without_header(body.esm_class, text_octets(pdu))
    wide = body.data_coding == UCS2_CODING or octets[:1] == b"\0"
    return octets.decode("utf-16-be", "replace") if wide else octets.decode("latin-1")


def _fields(text: str) -> dict[str, str]:
    """The fields in any order and case. Behind `text:` are a customer's words, read only where nothing precedes it."""
    usual = _USUAL.match(text)
    if usual:
        return dict(zip(_NAMES.split("|"), usual.groups(), strict=True))
    end = _TEXT.search(text)
    head = text[: end.start()] if end else text
    fields: dict[str, str] = {}
    for match in _FIELD.finditer(head) if _FIELD.search(head) else _FIELD.finditer(text):
        fields.setdefault(match[1].lower(), match[2])
    return fields


def _state(pdu: Pdu, fields: Mapping[str, str]) -> MessageState:
    state = _STATES.get(tlv_integer(pdu, _STATE) or 0)
    return state or _WORDS.get(fields.get("stat", "").upper(), MessageState.UNKNOWN)


def _error_code(pdu: Pdu, state: MessageState, err: str, own: Mapping[str, int]) -> int | None:
    """Twilio's number for what went wrong: the carrier's own reason says it, the network's refines "undeliverable"."""
    usual = STATE_ERRORS.get(state)
    if usual is None:
        return None
    network = pdu.tlvs.get(Tag.NETWORK_ERROR_CODE, b"")
    told = str(int.from_bytes(network[1:], "big")) if len(network) == 3 else ""
    reasons = [reason for reason in (err.lstrip("0").upper(), told) if reason]
    if found := next((own[reason] for reason in reasons if reason in own), None):
        return found
    if state is not MessageState.UNDELIVERABLE:
        return usual
    reason = told or err
    return _NETWORK_ERRORS.get(int(reason) if _DECIMAL.fullmatch(reason) else 0, usual)


_DECIMAL = re.compile("[0-9]{1,9}")
_FORMATS: Mapping[int, tuple[str, ...]] = {
    10: ("%y%m%d%H%M",),
    12: ("%y%m%d%H%M%S", "%Y%m%d%H%M"),
    14: ("%Y%m%d%H%M%S",),
}
"""Digits to what they mean: appendix B has ten, many centres add seconds, some write the whole year."""


@lru_cache(maxsize=1024)
def _time(digits: str) -> datetime | None:
    """A receipt's date, taken as UTC; None where it is none. The same minute comes many times, so it is kept."""
    for form in _FORMATS.get(len(digits), ()):
        try:
            return datetime.strptime(digits, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
