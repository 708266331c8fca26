"""Short codes and senders of other channels over HTTP, as an account has them before any pool does.

Source: twilio.com/docs/messaging/api/short-code-resource; creating, deleting and the account's ChannelSenders are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from limpet.core.errors import ApiError
from limpet.core.model import CHANNEL_KINDS, Sender, SenderKind
from limpet.store.senders import NewSender, SenderFilter
from limpet.twilio.forms import filled
from limpet.twilio.lists import parse_page
from limpet.twilio.pages import page_2010
from limpet.twilio.resources import API_VERSION, account_uri
from limpet.twilio.short_code_form import (
    Json,
    NewShared,
    own_channel_sender_resource,
    parse_channel_sender,
    parse_short_code,
    parse_short_code_changes,
    short_code_resource,
)
from limpet.twilio.sid import is_sid
from limpet.web.answer import NO_CONTENT, Answer, created, ok
from limpet.web.door import Call, Handler


@dataclass(frozen=True, slots=True)
class Sort:
    """Short codes or channel senders: how their list is called, and how one comes in and looks."""

    key: str
    kinds: frozenset[SenderKind]
    sid_prefix: str
    parse: Callable[[Call], NewShared]
    shown: Callable[[Call, Sender], Json]


def _short_code(call: Call, sender: Sender) -> Json:
    return short_code_resource(sender, call.account.sid, API_VERSION, account_uri(call.account.sid))


def _channel_sender(call: Call, sender: Sender) -> Json:
    return own_channel_sender_resource(sender, call.account.sid, account_uri(call.account.sid))


SHORT_CODES = Sort(
    "short_codes", frozenset({SenderKind.SHORT_CODE}), "SC", lambda c: parse_short_code(c.form, c.deps.carriers), _short_code
)  # fmt: skip
CHANNEL_SENDERS = Sort(
    "channel_senders", CHANNEL_KINDS, "XE", lambda c: parse_channel_sender(c.form), _channel_sender
)  # fmt: skip


async def create(sort: Sort, call: Call) -> Answer:
    """POST of a list (ours). 21422 when it is somebody's already."""
    asked = sort.parse(call)
    carrier = "" if asked.kind in CHANNEL_KINDS else asked.carrier or call.deps.carriers[0]
    named: dict[str, Any] = {"friendly_name": asked.address, **asked.columns}
    new = NewSender(
        address=asked.address, country=asked.country, kind=asked.kind, capabilities=asked.capabilities, carrier=carrier, **named
    )  # fmt: skip
    sender = await call.deps.senders.create(call.account.id, new, call.now)
    if sender is None:
        raise ApiError(21422, value=asked.address)
    return created(sort.shown(call, sender))


async def page(sort: Sort, call: Call) -> Answer:
    """GET of a list, newest first; short codes by `ShortCode` and `FriendlyName`."""
    request = parse_page(call.query)
    wanted = SenderFilter(sort.kinds, filled(call.query, "ShortCode"), filled(call.query, "FriendlyName"))
    found = await call.deps.senders.page(call.account.id, wanted, request)
    shown = [sort.shown(call, sender) for sender in found.items]
    return ok(page_2010(sort.key, shown, found, request, call.path, call.query))


async def fetch(sort: Sort, call: Call) -> Answer:
    """GET of one."""
    return ok(sort.shown(call, await _one(sort, call)))


async def update(sort: Sort, call: Call) -> Answer:
    """POST of one: where its texts are sent on to, and its name."""
    sender, changes = await _one(sort, call), parse_short_code_changes(call.form)
    changed = await call.deps.senders.update(call.account.id, sender.sid, changes, call.now)
    if changed is None:
        raise call.not_found()
    return ok(sort.shown(call, changed))


async def delete(sort: Sort, call: Call) -> Answer:
    """DELETE of one (ours): it leaves its pool and the account, both at once."""
    sender = await _one(sort, call)
    if not await call.deps.senders.release(call.account.id, sender.sid, call.now, call.actor):
        raise call.not_found()
    return NO_CONTENT


def list_handlers(sort: Sort) -> Mapping[str, Handler]:
    """What answers at the path of a list."""
    return {"GET": partial(page, sort), "POST": partial(create, sort)}


def one_handlers(sort: Sort) -> Mapping[str, Handler]:
    """What answers at the path of one."""
    return {"GET": partial(fetch, sort), "POST": partial(update, sort), "DELETE": partial(delete, sort)}


async def _one(sort: Sort, call: Call) -> Sender:
    sid = call.parts["sid"]
    sender = await call.deps.senders.by_sid(call.account.id, sid) if is_sid(sort.sid_prefix, sid) else None
    if sender is None:
        raise call.not_found()
    return sender
