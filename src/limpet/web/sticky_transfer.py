"""Mappings in bulk over HTTP, ours: files brought and taken back, and the export.

The body of an import is the file itself, of any length; it is read as it comes, and what has been read and noted is not lost
when the connection breaks: the same request with the same `ImportSid` carries on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from secrets import token_hex

import msgspec

from limpet.core.errors import ApiError
from limpet.core.model import Service
from limpet.core.sticky_flags import ESTABLISHED
from limpet.core.sticky_import import SID_PREFIX, Import
from limpet.core.sticky_lines import export_head, export_line
from limpet.core.sticky_records import UnknownFormat
from limpet.flow.sticky_import import NotNow, NotTheSame
from limpet.store import sticky_bulk
from limpet.store.sticky_bulk import OtherHand
from limpet.twilio.lists import parse_page
from limpet.twilio.pages import page_v1
from limpet.twilio.sid import is_sid
from limpet.twilio.sticky_import_form import (
    Json,
    import_resource,
    parse_export_format,
    parse_import_wish,
    problem_resource,
)
from limpet.web.answer import NO_CONTENT, Answer, created, ok
from limpet.web.body import read_stream
from limpet.web.door import Call
from limpet.web.services import service_of

PROBLEMS_SHOWN_MAX = 100
_TYPES = {"ndjson": b"application/x-ndjson", "csv": b"text/csv; charset=utf-8"}
_encode = msgspec.json.Encoder().encode


async def bring(call: Call) -> Answer:
    """POST /v1/Services/{MG}/StickyMappings/Import: 201 with what became of the lines, once all of them are merged."""
    service, (sid, wish) = await service_of(call), parse_import_wish(call.query)
    assert call.receive is not None
    chunks, imports = read_stream(call.headers, call.receive), call.deps.sticky_imports
    try:
        one = await imports.begin(service, sid or SID_PREFIX + token_hex(16), wish, f"api:{call.caller.credential_sid}")
        one = await imports.run(one, service, chunks)
    except (UnknownFormat, NotTheSame, NotNow, OtherHand) as error:
        await _hear_out(chunks)
        raise _refusal(error) from None
    await _hear_out(chunks)
    return created(await _told(call, service, one))


async def _hear_out(chunks: AsyncIterator[bytes]) -> None:
    """Read what is left of a file that is not needed any more: a client that still sends would not read the answer."""
    async for _ in chunks:
        pass


def _refusal(error: Exception) -> ApiError:
    if isinstance(error, UnknownFormat):
        return ApiError(20001, parameter="body", why=str(error))
    if isinstance(error, NotTheSame):
        return ApiError(20001, parameter="body", why="it is not the file that this import began with")
    why = str(error) if isinstance(error, NotNow) else "somebody else carries on with it"
    return ApiError(20001, status=409, parameter="'ImportSid'", why=why)


async def page(call: Call) -> Answer:
    """GET /v1/Services/{MG}/StickyMappings/Import, newest first."""
    request, service = parse_page(call.query), await service_of(call)
    found = await sticky_bulk.page(call.deps.database, service, request)
    shown = [_shown(call, service, one) for one in found.items]
    return ok(page_v1("imports", shown, found, request, call.url, call.query))


async def fetch(call: Call) -> Answer:
    """GET /v1/Services/{MG}/StickyMappings/Import/{LI}, with the first of the lines that were not taken."""
    service, one = await _one(call)
    return ok(await _told(call, service, one))


async def undo(call: Call) -> Answer:
    """DELETE /v1/Services/{MG}/StickyMappings/Import/{LI}: all that it changed is as it was, but for what changed since."""
    _, one = await _one(call)
    try:
        await call.deps.sticky_imports.undo(one)
    except (NotNow, OtherHand) as error:
        raise _refusal(error) from None
    return NO_CONTENT


async def problems(call: Call) -> Answer:
    """GET …/Import/{LI}/Problems: all lines that were not taken, a JSON object a line."""
    _, one = await _one(call)

    async def parts() -> AsyncIterator[bytes]:
        async for found in sticky_bulk.problems(call.deps.database, one):
            yield b"".join(_encode(problem_resource(each)) + b"\n" for each in found)

    return Answer(200, headers=((b"content-type", _TYPES["ndjson"]),), parts=parts())


async def export(call: Call) -> Answer:
    """GET /v1/Services/{MG}/StickyMappings/Export?Format=ndjson|csv: every mapping that counts."""
    service, kind = await service_of(call), parse_export_format(call.query)
    as_csv = kind == "csv"

    async def parts() -> AsyncIterator[bytes]:
        yield export_head(as_csv=as_csv).encode()
        async for found in sticky_bulk.export(call.deps.database, service, call.now):
            yield "".join(
                export_line(
                    each.recipient, each.sender, each.last_used_day, each.created_day,
                    each.flags | (ESTABLISHED if each.established else 0), as_csv=as_csv,
                )
                for each in found
            ).encode()  # fmt: skip

    return Answer(200, headers=((b"content-type", _TYPES[kind]),), parts=parts())


async def _one(call: Call) -> tuple[Service, Import]:
    service = await service_of(call)
    sid = call.parts["sid"]
    one = await sticky_bulk.by_sid(call.deps.database, service, sid) if is_sid(SID_PREFIX, sid) else None
    if one is None:
        raise call.not_found()
    return service, one


async def _told(call: Call, service: Service, one: Import) -> Json:
    first = [
        problem_resource(each)
        async for some in sticky_bulk.problems(call.deps.database, one, PROBLEMS_SHOWN_MAX)
        for each in some
    ]
    return {**_shown(call, service, one), "problems": first}


def _shown(call: Call, service: Service, one: Import) -> Json:
    return import_resource(one, call.account.sid, service.sid, call.root)
