"""Who hears from which number: looked up, explained, held, moved, let go; and what changed when."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from limpet.core.errors import ApiError
from limpet.core.sticky import EventKind
from limpet.pages.console.desk import Desk
from limpet.pages.console.pool import reason_of
from limpet.pages.console.services import both, place_of
from limpet.pages.console.visit import Visit
from limpet.twilio.forms import filled
from limpet.web import selection, stickiness

FILTERS = ("From", "Pinned", "Origin", "LastUsedBefore")
ORIGINS = ("send", "explicit", "inbound", "import", "api")
PINS = (("false", "not held"), ("true", "held there"), ("strict", "held there, or nothing is sent"))


async def show(_: Desk, visit: Visit) -> Response:
    """GET …/services/{service}/mappings: that of the person `To`, or a walk through all that fit `From`, `Pinned`, `Origin` and
    `LastUsedBefore`."""
    account, service = await both(visit)
    to, asked = visit.ask.asked("To"), {name: visit.ask.asked(name) for name in FILTERS}
    found, nobody = None, False
    try:
        query = {"To": to} if to else visit.paged(**asked)
        found = await visit.call(stickiness.page, account, {"service_sid": service.sid}, query)
    except ApiError as error:
        nobody = bool(to) and error.status == 404
        if not nobody:
            raise
    members = await visit.deps.services.pool(service.id)
    return visit.html(
        "mappings.html", account=account, service=service, tab="mappings", to=to, asked=asked, origins=ORIGINS, pins=PINS,
        mappings=[] if found is None else found["sticky_mappings"], nobody=nobody, members=members,
        pager=None if found is None or to else visit.pager(found, asked),
    )  # fmt: skip


async def put(_: Desk, visit: Visit) -> Response:
    """POST …/services/{service}/mappings: `To` hears from `From`, and is held there as `Pinned` says, with a `Reason`."""
    account, service = await both(visit)
    form, to, reason = visit.ask.form, filled(visit.ask.form, "To") or "", reason_of(visit)
    wanted = {name: form[name] for name in ("To", "From", "Pinned") if filled(form, name)}
    parts = {"service_sid": service.sid}
    async with visit.deed(f"{visit.person(to)} in {service.friendly_name} {service.sid}", account) as changes:
        before = await _before(visit, to)
        made = await visit.call(stickiness.create, account, parts, form={**wanted, "Reason": [reason]})
        changes.note(before, {"from": made["from"], "pinned": made["pinned"], "reason": reason})
    return visit.go(place_of(account, service, f"/mappings?{urlencode({'To': to})}"), "set")


async def reset(_: Desk, visit: Visit) -> Response:
    """POST …/services/{service}/mappings/reset: of the person `To`, with a `Reason`."""
    account, service = await both(visit)
    to, reason = filled(visit.ask.form, "To") or "", reason_of(visit)
    async with visit.deed(f"{visit.person(to)} in {service.friendly_name} {service.sid}", account) as changes:
        before = await _before(visit, to)
        query = {"To": to, "Reason": reason}
        await visit.call(stickiness.reset, account, {"service_sid": service.sid}, query)
        changes.note(before, {"reason": reason})
    return visit.go(place_of(account, service, f"/mappings?{urlencode({'To': to})}"), "reset")


async def reset_number(_: Desk, visit: Visit) -> Response:
    """POST …/services/{service}/mappings/reset-number: all of the number `From`, with a `Reason`."""
    account, service = await both(visit)
    sender, reason = filled(visit.ask.form, "From") or "", reason_of(visit)
    async with visit.deed(f"all of {sender} in {service.friendly_name} {service.sid}", account) as changes:
        query = {"From": sender, "Reason": reason}
        await visit.call(stickiness.reset, account, {"service_sid": service.sid}, query)
        changes.note({}, {"reason": reason})
    return visit.go(place_of(account, service, "/mappings"), "reset")


async def explain(_: Desk, visit: Visit) -> Response:
    """GET …/services/{service}/explain: who a message to `To` would come from, with `Media` or without; nothing is written."""
    account, service = await both(visit)
    to, media, sender = visit.ask.asked("To"), visit.ask.asked("Media"), visit.ask.asked("From")
    found = None
    if to:
        form = {"To": [to], **({"From": [sender]} if sender else {})}
        if media:
            form["MediaUrl"] = ["https://example.com/picture.png"]
        found = await visit.call(selection.foretell, account, {"service_sid": service.sid}, form=form)
    return visit.html(
        "explain.html", account=account, service=service, tab="explain", to=to, media=media, sender=sender, found=found
    )


async def events(_: Desk, visit: Visit) -> Response:
    """GET …/services/{service}/events, newest first; of the person `To`, the number `From`, or one `Kind`, where given."""
    account, service = await both(visit)
    asked = {name: visit.ask.asked(name) for name in ("To", "From", "Kind")}
    found = await visit.call(stickiness.events, account, {"service_sid": service.sid}, visit.paged(**asked))
    return visit.html(
        "events.html", account=account, service=service, tab="events", asked=asked, kinds=[str(kind) for kind in EventKind],
        events=found["sticky_events"], pager=visit.pager(found, asked),
    )  # fmt: skip


async def _before(visit: Visit, to: str) -> dict[str, str]:
    """The person's mapping before something is done about it."""
    account, service = await both(visit)
    try:
        found = await visit.call(stickiness.page, account, {"service_sid": service.sid}, {"To": to})
    except ApiError as error:
        if error.status == 404:
            return {}
        raise
    one = found["sticky_mappings"][0]
    return {"from": one["from"], "pinned": one["pinned"]}
