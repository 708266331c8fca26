"""People of the simulated carriers, over HTTP (`limpet dev` only, ours): a person writes to one of the account's numbers."""

from __future__ import annotations

from limpet.core.address import parse_recipient, parse_sender
from limpet.core.encoding import BODY_LENGTH_MAX
from limpet.core.errors import ApiError
from limpet.twilio.forms import filled, missing
from limpet.twilio.message_form import media_urls
from limpet.web.answer import Answer, created
from limpet.web.door import Call


async def write(call: Call) -> Answer:
    """POST /v1/Simulator/Texts with `From` (a person), `To` (a number of the account), `Body` and `MediaUrl`; 20404 without a
    simulator, 21621 for media to a number whose carrier brings none."""
    if call.deps.person_writes is None:
        raise call.not_found()
    person, number, body = (filled(call.form, name) for name in ("From", "To", "Body"))
    media = media_urls(call.form)
    if person is None or (body is None and not media):
        raise missing("Body" if person else "From")
    if number is None:
        raise ApiError(21604)
    address, to = parse_recipient(person), parse_sender(number)
    if address is None:
        raise ApiError(21212, value=person)
    sender = None if to is None else await call.deps.senders.by_address(call.account.id, to.value)
    if sender is None:
        raise ApiError(21421, parameter="To", value=number)
    text = body or ""
    if len(text) > BODY_LENGTH_MAX:
        raise ApiError(21617)
    if not call.deps.person_writes(sender.carrier, address.value, sender.address, text, media):
        raise ApiError(21621, value=sender.address)
    return created({"from": address.value, "to": sender.address, "body": text, "num_media": str(len(media))})
