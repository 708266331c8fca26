"""The page of phones, and the same as JSON for programs that test an application."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from starlette.responses import Response

from limpet.core.address import parse_recipient
from limpet.pages.ask import Ask, Refused
from limpet.pages.phones.bubble import CODE, Phone, phones_of, spelled
from limpet.pages.phones.desk import Desk
from limpet.pages.phones.feed import Seen
from limpet.pages.phones.first import examples
from limpet.pages.phones.search import Search, read_search
from limpet.store.dispatch import Key
from limpet.twilio.dates import iso8601

PHONES_MAX: Final = 200
BUBBLES_MAX: Final = 50
"""So many phones are shown, and so many bubbles of each; a search finds the others."""
WAIT_MAX_S: Final = 30.0
MESSAGES_MAX: Final = 500
"""Of one answer in JSON, the newest."""
_NEW_MAX: Final = 10
_SECONDS = re.compile(r"\d{1,4}(\.\d{1,3})?")
DONE: Final = {
    "chaos": "The simulated carrier behaves as asked from now on.",
    "clock": "The clock has been moved on.",
    "cleared": "The messages are gone.",
    "kept": "The messages are gone, but for those that are still on their way.",
    "wrote": "The person has written.",
    "replayed": "The callback is on its way once more.",
}


async def show(desk: Desk, ask: Ask) -> Response:
    """GET /phones: the phones of whoever was written to last, of those messages that the search `q` finds. Each `phone` is one
    more phone, of somebody who has heard nothing yet."""
    await desk.feed.fresh()
    search = read_search(ask.asked("q"))
    seen = desk.feed.seen()
    found = [one for one in seen if search.matches(one.message)]
    bubbles = {bubble.id: (bubble, one) for one in found for bubble in [desk.bubble(one)]}
    phones = phones_of((bubble for bubble, _ in bubbles.values()), PHONES_MAX, BUBBLES_MAX)
    numbers = await desk.store.numbers()
    new = _new(ask, {phone.person for phone in phones}, numbers[0].address if numbers else "")
    html: dict[str, str] = {}
    for phone in phones:
        for bubble in phone.bubbles:
            html[bubble.id] = desk.bubble_html(bubbles[bubble.id][1], ask.renderer)
        await asyncio.sleep(0)  # thousands of bubbles take a moment, and messages are not to wait for them
    return ask.html(
        "phones/phones.html",
        phones=[*new, *phones],
        bubbles=html,
        search=search,
        found=len(found),
        everything=len(seen),
        version=f"{desk.feed.run}.{desk.feed.version}",
        numbers=numbers,
        facts=desk.facts,
        examples=examples(desk.facts),
        behaviour=desk.simulated.shown(),
        fates=desk.fates,
        now=desk.deps.clock.now(),
        offset=desk.offset(),
        can_step=desk.step is not None,
        done=DONE.get(ask.asked("done"), ""),
        spelled=spelled,
    )


def _new(ask: Ask, there: set[str], number: str) -> list[Phone]:
    """Phones that were asked for beside those of the messages."""
    asked = [value for value in ask.query.get("phone", []) if value.strip()][:_NEW_MAX]
    found = dict.fromkeys(person_of(value) for value in asked)
    return [Phone(person, [], number) for person in found if person not in there]


def person_of(text: str) -> str:
    """The person whose number somebody typed, in one spelling."""
    address = parse_recipient(text.strip())
    if address is None:
        raise Refused(f"{text.strip()[:40]} is not a phone number with its country code, such as +14155550199.")
    return address.value


async def messages(desk: Desk, ask: Ask) -> Response:
    """GET /phones/messages.json: messages to and from the person `to`, or all; with `after`, which an answer gives, those that
    are new or other since; with `wait` (seconds, at most WAIT_MAX_S) once there is one. `q` searches as the page does."""
    to, search, wait_s = ask.asked("to"), read_search(ask.asked("q")), _wait(ask)
    person = person_of(to) if to else None
    version = version_of(desk, ask.asked("after"))
    now = desk.deps.clock.monotonic
    until = now() + wait_s
    async with desk.feed.watched():
        await desk.feed.fresh()
        while not (found := _since(desk, version, person, search)) and (left_s := until - now()) > 0:
            if not await desk.feed.news(desk.feed.version, left_s):
                break
    shown = [shown_message(desk, one) for one in found[-MESSAGES_MAX:]]
    return ask.value({"after": f"{desk.feed.run}.{desk.feed.version}", "messages": shown})


def version_of(desk: Desk, given: str) -> int:
    """The version that a client has; 0, as if it had nothing, for one of another run of the server."""
    run, _, number = given.partition(".")
    return int(number) if run == desk.feed.run and number.isdecimal() and len(number) < 19 else 0


def _since(desk: Desk, version: int, person: str | None, search: Search) -> list[Seen]:
    changes = desk.feed.after(version)
    seen: Iterable[Seen] = changes.seen if changes.whole else desk.feed.seen()
    found = [one for one in seen if person in (None, one.message.recipient) and search.matches(one.message)]
    return sorted(found, key=lambda one: one.message.id)


def _wait(ask: Ask) -> float:
    given = ask.asked("wait") or "0"
    if not _SECONDS.fullmatch(given):
        raise Refused(f"'wait' must be a number of seconds; at most {WAIT_MAX_S:g} of them are waited.")
    return min(float(given), WAIT_MAX_S)


def shown_message(desk: Desk, seen: Seen) -> dict[str, Any]:
    """A message as programs get it."""
    message, bubble = seen.message, desk.bubble(seen)
    return {
        "body": message.body,
        "codes": CODE.findall(message.body),
        "date_created": iso8601(message.created_at),
        "direction": message.direction,
        "encoding": bubble.encoding,
        "error_code": message.error_code,
        "error_message": bubble.error or None,
        "from": message.from_,
        "media": [medium.url for medium in seen.media],
        "reason": message.reason,
        "segments": message.num_segments,
        "sid": bubble.sid,
        "status": message.status,
        "sticky": message.sticky,
        "to": message.to,
    }


def gone_ids(keys: Sequence[Key]) -> list[str]:
    """The names within the page of messages that are gone."""
    return [row_id(*key) for key in keys]


def row_id(bucket: int, message_id: int) -> str:
    """The name of a message's bubble within the page."""
    return f"m-{bucket:x}-{message_id:x}"
