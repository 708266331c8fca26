"""What is done on the page of phones: a person writes, the carrier misbehaves, time passes, messages go."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from starlette.responses import Response

from limpet.core.encoding import BODY_LENGTH_MAX
from limpet.core.model import Direction
from limpet.pages.ask import Ask, Refused, as_form, object_of
from limpet.pages.phones.bubble import element_id, spelled
from limpet.pages.phones.desk import Desk
from limpet.pages.phones.feed import Seen
from limpet.pages.phones.search import LENGTH_MAX, read_search
from limpet.pages.phones.views import person_of
from limpet.store.messages import LEFT
from limpet.store.phones import Number
from limpet.twilio.forms import Form, filled
from limpet.twilio.message_form import media_urls
from limpet.twilio.sid import parse_delivery_sid

STEPS: Final[Mapping[str, timedelta]] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "month": timedelta(days=30),
    "year": timedelta(days=366),
}
"""How far the clock can be moved on at a time. A year is a day more than the 365 for which a mapping lives."""
OFFSET_MAX: Final = timedelta(days=366 * 50)
DELETED_AT_ONCE: Final = 8
_SECONDS: Final = re.compile(r"[0-9]{1,10}(\.[0-9]{1,6})?")
_PERCENT: Final = {"FateShare": "FatePercent", "Throttle": "ThrottlePercent", "Lose": "LosePercent"}


async def write(desk: Desk, ask: Ask) -> Response:
    """POST /phones/inbound: the person `From` writes `Body`, with each `MediaUrl`, to the number `To`, or else to the one that
    wrote to them last. It goes through the simulated carrier, as whatever people write."""
    form = ask.form if ask.json is None else as_form(ask.json)
    body = filled(form, "Word") or filled(form, "Body") or ""
    given = dict(form)
    given["MediaUrl"] = [url.strip() for url in form.get("MediaUrl", []) if url.strip()]
    media = media_urls(given)
    person = person_of(filled(form, "From") or "")
    if not body and not media:
        raise Refused("There is nothing to send: write a text, or give the address of a medium.")
    if len(body) > BODY_LENGTH_MAX:
        raise Refused(f"A text has at most {BODY_LENGTH_MAX} characters; this has {len(body)}.")
    number = await _number(desk, person, filled(form, "To"))
    if not desk.person_writes(number.carrier, person, number.address, body, media):
        raise Refused(
            f"The carrier of {spelled(number.address)} brings texts only: write to a number that carries media.", 400
        )
    if ask.json is not None:
        told = {"body": body, "from": person, "media": list(media), "to": number.address}
        return ask.value(told, 201)
    return ask.html("says.html", says="") if ask.by_htmx else ask.go(f"/phones#{element_id(person)}")


async def _number(desk: Desk, person: str, given: str | None) -> Number:
    """The number that a person writes to."""
    if given is None:
        await desk.feed.fresh()
        heard = [one.message.sender for one in desk.feed.seen() if one.message.recipient == person]
        given = next((sender for sender in reversed(heard) if sender), None)
    if given is None:
        numbers = await desk.store.numbers()
        if not numbers:
            raise Refused("There is no number to write to.")
        return numbers[0]
    number = await desk.store.number(given.strip()) or await desk.store.number(
        "+" + "".join(filter(str.isdigit, given))
    )
    if number is None:
        raise Refused(f"{given.strip()[:40]} is not a number of this server that people can write to.")
    return number


async def clear(desk: Desk, ask: Ask) -> Response:
    """POST /phones/clear: delete the messages that the search `q` finds, with `sure`. What is still on its way stays."""
    if not filled(ask.form, "sure"):
        raise Refused("Nothing was deleted: say that you are sure.")
    search = read_search((filled(ask.form, "q") or "")[:LENGTH_MAX])
    await desk.feed.fresh()
    found = [one for one in desk.feed.seen() if search.matches(one.message)]
    kept = 0
    for start in range(0, len(found), DELETED_AT_ONCE):
        kept += sum(await asyncio.gather(*(_delete(desk, one) for one in found[start : start + DELETED_AT_ONCE])))
    await desk.feed.whole()
    return ask.go(f"/phones?done={'kept' if kept else 'cleared'}")


async def _delete(desk: Desk, seen: Seen) -> bool:
    """Whether a message had to stay."""
    message = seen.message
    return await desk.deps.messages.delete(message.account_id, message.bucket, message.id) is not None


async def chaos(desk: Desk, ask: Ask) -> Response:
    """POST /phones/chaos: how the simulated carriers behave. Shares are given in percent; a `Number` fares as its
    `NumberFate`, or as all others again with `none`."""
    if filled(ask.form, "Reset"):
        desk.simulated.reset()
    else:
        desk.simulated.change(_behaviour(ask.form))
    return ask.go("/phones?done=chaos")


def _behaviour(form: Form) -> Form:
    """The form as the simulator takes it: shares from 0 to 1."""
    asked = {name: form[name] for name in ("SubmitDelay", "ReceiptDelay", "Fate") if filled(form, name)}
    for share, percent in _PERCENT.items():
        if (value := filled(form, percent)) is not None:
            try:
                asked[share] = [str(float(value) / 100)]
            except ValueError:
                raise Refused(f"{value[:20]} is not a share in percent.") from None
    if number := filled(form, "Number"):
        fate = filled(form, "NumberFate") or "none"
        asked["Fates"] = [f"{number.strip()}={'' if fate == 'none' else fate}"]
    return asked


async def clock(desk: Desk, ask: Ask) -> Response:
    """POST /phones/clock: move the clock on `By` an hour, a day, a month or a year, or so many seconds."""
    form = ask.form if ask.json is None else as_form(object_of(ask.json))
    by = _step(filled(form, "By") or "")
    if desk.step is None:
        raise Refused("The clock of this server cannot be moved.", 404)
    if desk.offset() + by > OFFSET_MAX:
        raise Refused("That is too far in the future: start anew for more.")
    await desk.step(by)
    if ask.json is not None:
        return ask.value({"now": desk.deps.clock.now().isoformat()})
    return ask.go("/phones?done=clock")


def _step(given: str) -> timedelta:
    if _SECONDS.fullmatch(given):
        return timedelta(seconds=float(given))
    if given not in STEPS:
        raise Refused(f"'By' must be one of {', '.join(STEPS)}, or a number of seconds.")
    return STEPS[given]


async def replay(desk: Desk, ask: Ask) -> Response:
    """POST /phones/deliveries/{sid}/replay: the same form under the same idempotency token, at once."""
    place = parse_delivery_sid(ask.parts["sid"], desk.deps.installation.sid_key)
    account_id = None if place is None else await desk.store.account_of_try(*place)
    found = None
    if place is not None and account_id is not None:
        found = await desk.deps.deliveries.fetch(account_id, *place)
    if found is None:
        raise Refused("There is no such try, or not any more.", 404)
    await desk.deps.deliveries.replay(found, desk.deps.clock.now())
    desk.deps.callbacks_due()
    return ask.html("says.html", says="On its way once more.") if ask.by_htmx else ask.go("/phones?done=replayed")


async def release(desk: Desk, ask: Ask) -> Response:
    """POST /phones/messages/{sid}/release: let a message that was caught here really go, to somebody who is on the list."""
    _, message = await desk.message(ask)
    if desk.releaser is None:
        raise Refused("No carrier is named to which messages could be released: `limpet dev --release-to`.", 404)
    if not desk.releaser.allows(message.recipient):
        raise Refused(f"{spelled(message.recipient)} is not on the list of those to whom something may really go.", 403)
    if message.status not in LEFT or message.direction is Direction.INBOUND:
        raise Refused("Only a message that the simulated carrier has taken can be released.")
    media = await desk.deps.media.of(message.account_id, message.bucket, message.id) if message.num_media else []
    said = await desk.releaser.release(message, [medium.url for medium in media])
    return ask.html("says.html", says=said) if ask.by_htmx else ask.html("refused.html", says=said)
