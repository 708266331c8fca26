"""What test credentials are answered: messages and numbers that are never made. Everything else is refused (20008).

Source: twilio.com/docs/iam/test-credentials.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from limpet.core.address import parse_sender
from limpet.core.encoding import segment
from limpet.core.errors import ApiError
from limpet.core.ids import BUCKETS, id_floor
from limpet.core.magic import message_code, number_code
from limpet.core.model import Capability, Direction, Message, Sender, SenderKind
from limpet.core.retention import as_kept
from limpet.core.status import Status
from limpet.twilio.message_form import parse_message
from limpet.twilio.number_form import friendly_name, parse_number
from limpet.twilio.resources import message_resource, number_resource
from limpet.twilio.sid import new_sid
from limpet.web.answer import Answer, created
from limpet.web.door import Call

GOOD_AREA_CODE, GOOD_NUMBER = "500", "+15005550006"
"""The area code in which a number is to be had, and which one."""


async def create_message(call: Call) -> Answer:
    """POST …/Messages.json: the form is checked as always, then the magic numbers decide. Nothing is stored or sent."""
    asked = parse_message(call.form, call.now)
    if asked.sender is None:
        raise ApiError(20008)
    if (code := message_code(asked.sender, asked.recipient.value)) is not None:
        raise ApiError(code, value=asked.recipient.value if code in (21211, 21614) else asked.sender)
    chance = int.from_bytes(os.urandom(4), "big")
    recipient, body = as_kept(asked.recipient.value, asked.body, asked.marks)
    message = Message(
        chance % BUCKETS, id_floor(call.now) | chance & 0x1FFFFF, call.account.id, None, Direction.OUTBOUND_API, Status.QUEUED,
        recipient, asked.sender, body, segment(asked.body).count, 0, None, None, None, call.now, call.now, None,
    )  # fmt: skip
    return created(message_resource(message, call.account.sid, None, call.deps.installation.sid_key))


async def create_number(call: Call) -> Answer:
    """POST …/IncomingPhoneNumbers.json: shown as bought, and nobody has it."""
    asked = parse_number(call.form)
    address = asked.address or (parse_sender(GOOD_NUMBER) if asked.area_code == GOOD_AREA_CODE else None)
    if address is None:
        raise ApiError(21452, value=asked.area_code)
    if (code := number_code(address.value)) is not None:
        raise ApiError(code, parameter="PhoneNumber", value=address.value)
    sid = new_sid("PN", int.from_bytes(os.urandom(16), "big"))
    plain = Sender(
        0, sid, call.account.id, SenderKind.LONG_CODE, address.value, "US", frozenset(Capability),
        friendly_name(address), "", "", "POST", "", "POST", "", asked.changes.settings, call.now, call.now,
    )  # fmt: skip
    changes: dict[str, Any] = dict(asked.changes.columns)
    return created(number_resource(replace(plain, **changes), call.account.sid))
