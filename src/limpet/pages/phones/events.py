"""What changes on the phones, told to open pages as it happens: server-sent events, each with the bubbles that are new or other.

An event's id is the version that the page has with it. A page that was cut off comes back with the last one and gets what it
missed, or is told that it is stale. Source: HTML Living Standard, 9.2 Server-sent events.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Final

from starlette.responses import Response, StreamingResponse

from limpet.pages.ask import Ask, Refused
from limpet.pages.phones.desk import Desk
from limpet.pages.phones.feed import Changes
from limpet.pages.phones.search import Search, read_search
from limpet.pages.phones.views import gone_ids, row_id

STREAMS_MAX: Final = 50
HEARTBEAT_S: Final = 15.0
RETRY_MS: Final = 1000
AT_ONCE_MAX: Final = 200
"""Bubbles of one event; more come in several."""


async def events(desk: Desk, ask: Ask) -> Response:
    """GET /phones/events: changes after the version of `Last-Event-ID`, or else of `after`, of messages that the search `q`
    finds."""
    if desk.streams >= STREAMS_MAX:
        raise Refused(f"{STREAMS_MAX} pages are open already.", 503)
    last = ask.headers.get(b"last-event-id", b"").decode("latin-1") or ask.asked("after")
    stream = _stream(desk, ask, last, read_search(ask.asked("q")))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, headers=headers, media_type="text/event-stream")


async def _stream(desk: Desk, ask: Ask, last: str, search: Search) -> AsyncIterator[str]:
    run, _, number = last.partition(".")
    version = int(number) if number.isdecimal() and run == desk.feed.run else -1
    desk.streams += 1
    try:
        async with desk.feed.watched():
            yield f"retry: {RETRY_MS}\n\n"
            while not desk.feed.closed:
                changes = desk.feed.after(version)
                if not changes.whole:
                    yield event("stale", f"{desk.feed.run}.{changes.version}", "")
                    return
                version = changes.version
                for part in _parts(desk, ask, changes, search):
                    yield part
                if not await desk.feed.news(version, HEARTBEAT_S):
                    yield ": still here\n\n"
    finally:
        desk.streams -= 1


def _parts(desk: Desk, ask: Ask, changes: Changes, search: Search) -> Iterator[str]:
    """Events of at most AT_ONCE_MAX bubbles; only the last says which version the page has with it."""
    shown: list[str] = [_gone(name) for name in gone_ids(changes.gone)]
    for one in changes.seen:
        if search.matches(one.message):
            shown.append(desk.bubble_html(one, ask.renderer))
        elif search.words:
            shown.append(_gone(row_id(one.message.bucket, one.message.id)))
    for start in range(0, len(shown), AT_ONCE_MAX):
        is_last = start + AT_ONCE_MAX >= len(shown)
        version = f"{desk.feed.run}.{changes.version}" if is_last else None
        yield event("phones", version, "".join(shown[start : start + AT_ONCE_MAX]))


def _gone(name: str) -> str:
    return f'<li id="{name}" class="gone"></li>'


def event(name: str, version: str | None, data: str) -> str:
    """One event. Lines of its data end as the standard says that lines end, wherever they come from."""
    head = f"event: {name}\n" + (f"id: {version}\n" if version else "")
    lines = data.replace("\r\n", "&#13;&#10;").replace("\r", "&#13;").split("\n")
    return head + "".join(f"data: {line}\n" for line in lines) + "\n"
