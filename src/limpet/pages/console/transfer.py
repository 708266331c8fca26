"""Mappings in bulk: files brought and taken back, and the export."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response, StreamingResponse
from starlette.types import Message

from limpet.core.errors import ApiError
from limpet.pages.ask import Refused
from limpet.pages.console.desk import Desk
from limpet.pages.console.services import both, place_of
from limpet.pages.console.visit import Visit
from limpet.twilio.forms import filled
from limpet.web import sticky_transfer

OPTIONS = ("Mode", "DryRun", "ImportSid")


async def show(_: Desk, visit: Visit) -> Response:
    """GET …/services/{service}/transfer: imports, newest first."""
    account, service = await both(visit)
    found = await visit.call(sticky_transfer.page, account, {"service_sid": service.sid}, visit.paged())
    return visit.html(
        "transfer.html",
        account=account,
        service=service,
        tab="transfer",
        imports=found["imports"],
        pager=visit.pager(found),
    )


async def one(_: Desk, visit: Visit) -> Response:
    """GET …/services/{service}/transfer/{import}: how far an import is, and the first lines that were not taken."""
    account, service = await both(visit)
    parts = {"service_sid": service.sid, "sid": visit.ask.parts["sid"]}
    found = await visit.call(sticky_transfer.fetch, account, parts)
    return visit.html(
        "import_part.html" if visit.ask.by_htmx else "import.html",
        account=account,
        service=service,
        tab="transfer",
        one=found,
    )


async def bring(_: Desk, visit: Visit) -> Response:
    """POST …/services/{service}/transfer: a file as it comes, with `Mode` and `DryRun` in the query; or `Lines` of a form."""
    account, service = await both(visit)
    form, receive = visit.ask.form, visit.ask.receive
    options = {name: visit.ask.asked(name) if receive else filled(form, name) or "" for name in OPTIONS}
    if receive is None:
        receive = _lines((filled(form, "Lines") or "").encode())
    async with visit.deed(f"mappings into {service.friendly_name} {service.sid}", account) as changes:
        answer = await visit.answer(
            sticky_transfer.bring, account, {"service_sid": service.sid}, options, receive=receive
        )
        told = _decoded(answer.body)
        changes.note({}, {"import": told["sid"], "state": told["state"], "lines": told["lines"]})
    place = place_of(account, service, f"/transfer/{told['sid']}")
    return visit.ask.value({"place": place}) if visit.ask.receive else visit.go(place, "imported")


async def undo(_: Desk, visit: Visit) -> Response:
    """POST …/services/{service}/transfer/{import}/undo."""
    account, service = await both(visit)
    sid = visit.ask.parts["sid"]
    async with visit.deed(f"{sid} in {service.friendly_name} {service.sid}", account):
        await visit.call(sticky_transfer.undo, account, {"service_sid": service.sid, "sid": sid})
    return visit.go(place_of(account, service, "/transfer"), "undone")


async def export(_: Desk, visit: Visit) -> Response:
    """POST …/services/{service}/transfer/export: every mapping that counts, as `Format` ndjson or csv."""
    account, service = await both(visit)
    kind = filled(visit.ask.form, "Format") or "ndjson"
    async with visit.deed(f"mappings of {service.friendly_name} {service.sid}", account):
        answer = await visit.answer(sticky_transfer.export, account, {"service_sid": service.sid}, {"Format": kind})
    if answer.parts is None:
        raise Refused("There is nothing to export.", 404)
    headers = {
        "Content-Disposition": f'attachment; filename="mappings-{service.sid}.{kind}"', "Cache-Control": "no-store",
    }  # fmt: skip
    media_type = {name.decode(): value.decode() for name, value in answer.headers}["content-type"]
    return StreamingResponse(answer.parts, headers=headers, media_type=media_type)


def _lines(text: bytes) -> Any:
    """A form's text as a file that comes at once."""
    if not text.strip():
        raise ApiError(20001, parameter="body", why="there are no lines")

    async def receive() -> Message:
        return {"type": "http.request", "body": text, "more_body": False}

    return receive


def _decoded(body: bytes) -> Any:
    return msgspec.json.decode(body)
