"""A submit_sm or data_sm, or all parts of a long one, as the form that a web customer would post.

Functions of their arguments: rules for a message's fields are those of `limpet.twilio.message_form`, read there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from limpet.carrier.smpp_values import alphabet_of, from_wire
from limpet.core.alphabet import Alphabet, joined_text
from limpet.core.errors import ApiError
from limpet.smpp.commands import Data, Message, Pdu, Tag
from limpet.smpp.concatenation import ELEMENT_8, ELEMENT_16, elements
from limpet.smpp.pdu import text_octets
from limpet.smpp.receipt import MESSAGE_TYPE, without_header
from limpet.smpp.status import Status
from limpet.smpp.times import read_time
from limpet.twilio.forms import Form
from limpet.twilio.message_form import VALIDITY_PERIOD_MAX_S

SERVICE_TAG = 0x1400
"""A vendor's TLV (§5.3.2): the service that a message is sent by, its SID or its name."""
PRIORITY_MAX = 3
SERVICE_NAME_MAX = 64
_BINARY = frozenset({2, 4})
_CONCATENATIONS = frozenset({ELEMENT_8, ELEMENT_16})


def unfit(pdu: Pdu) -> Status | None:
    """Why a request cannot be a message here; None when nothing speaks against it.

    What would change what the person's phone shows and cannot be carried on is refused, not left out.
    """
    body = pdu.body
    if not isinstance(body, Message | Data):
        return Status.RINVCMDID
    header, _ = without_header(body.esm_class, text_octets(pdu))
    if body.esm_class & MESSAGE_TYPE or any(kind not in _CONCATENATIONS for kind, _ in elements(header)):
        return Status.RINVESMCLASS
    if body.data_coding in _BINARY:
        return Status.RSUBMITFAIL
    if Tag.SOURCE_PORT in pdu.tlvs or Tag.DESTINATION_PORT in pdu.tlvs:
        return Status.ROPTPARNOTALLWD
    return _unfit_message(body) if isinstance(body, Message) else None


def _unfit_message(body: Message) -> Status | None:
    if body.priority_flag > PRIORITY_MAX:
        return Status.RINVPRTFLG
    if body.replace_if_present_flag:
        return Status.RINVREPFLAG
    if body.sm_default_msg_id:
        return Status.RINVDFTMSGID
    return None


def service_in(pdu: Pdu) -> str | None:
    """The service that a request names, as it names it; None when it names none."""
    name = pdu.tlvs.get(SERVICE_TAG, b"").partition(b"\0")[0].decode("latin-1")
    return name[:SERVICE_NAME_MAX] or None


def recipient_in(pdu: Pdu) -> str:
    """Whom a request is to, as people write it."""
    assert isinstance(pdu.body, Message | Data)
    return from_wire(pdu.body.destination_addr, pdu.body.dest_addr_ton)


def sender_in(pdu: Pdu) -> str:
    """Whom a request is from, as people write it; empty when the service shall choose."""
    assert isinstance(pdu.body, Message | Data)
    return from_wire(pdu.body.source_addr, pdu.body.source_addr_ton)


def form_of(pdus: Sequence[Pdu], service_sid: str | None, now: datetime) -> Form:
    """The form; of several parts, which are in order, the first one's fields count. ApiError 21624 or 35114 for a time that is
    none. A validity of more than Twilio's ten hours is ten hours."""
    first = pdus[0].body
    form = {"To": recipient_in(pdus[0]), "From": sender_in(pdus[0]), "MessagingServiceSid": service_sid or ""}
    if isinstance(first, Message) and first.validity_period:
        until = read_time(first.validity_period, now)
        if until is None or until <= now:
            raise ApiError(21624, value=first.validity_period)
        form["ValidityPeriod"] = str(min(VALIDITY_PERIOD_MAX_S, max(1, int((until - now).total_seconds()))))
    if isinstance(first, Message) and first.schedule_delivery_time:
        at = read_time(first.schedule_delivery_time, now)
        if at is None:
            raise ApiError(35114, value=first.schedule_delivery_time)
        form |= {"SendAt": at.isoformat(), "ScheduleType": "fixed"}
    return {name: [value] for name, value in {**form, "Body": _text(pdus)}.items() if value or name == "Body"}


def _text(pdus: Sequence[Pdu]) -> str:
    """The whole text. Parts in one alphabet are joined before they are read: a character may lie across their border."""
    return joined_text(map(_piece, pdus))


def _piece(pdu: Pdu) -> tuple[Alphabet, bytes]:
    assert isinstance(pdu.body, Message | Data)
    _, octets = without_header(pdu.body.esm_class, text_octets(pdu))
    return alphabet_of(pdu.body.data_coding), octets
