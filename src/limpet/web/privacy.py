"""A person's data over HTTP, ours: exported, erased, and who has asked for either.

Account-wide (rule S-115): whoever may send as the account may do so, and each request is written down with the credential
(rule S-116).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from limpet.core.errors import ApiError
from limpet.core.people import Act, Kind
from limpet.store.messages import message_of
from limpet.twilio.forms import boolean, required_person
from limpet.twilio.lists import parse_page
from limpet.twilio.pages import page_v1
from limpet.twilio.people_form import counted_resource, line_resource, request_resource, waiting_resource
from limpet.twilio.resources import Json, message_resource
from limpet.twilio.sid import message_sid
from limpet.web.answer import Answer, ok
from limpet.web.door import Call

_NDJSON = ((b"content-type", b"application/x-ndjson"), (b"cache-control", b"private, no-store"))
_LINES_TOGETHER = 100
_encode = msgspec.json.Encoder().encode


async def export(call: Call) -> Answer:
    """GET /v1/People?To=: all that the account has of a person, a JSON object a line, as it is read."""
    person = required_person(call.query).value
    number = await call.deps.person_requests.begin(call.account.id, Act.EXPORT, _actor(call), call.now)
    return Answer(200, headers=_NDJSON, parts=_lines(call, person, number))


async def erase(call: Call) -> Answer:
    """DELETE /v1/People?To=: what was erased; 20009 with the messages that are on their way, as long as there are any. With
    `DryRun=true` nothing is, and the answer counts what would be."""
    person = required_person(call.query).value
    people, account = call.deps.people, call.account
    if boolean(call.query, "DryRun"):
        counts = Counter([str(kind) async for kind, _ in people.lines(account.id, person)])
        waiting = _waiting(call, await people.on_their_way(account.id, person))
        return ok(counted_resource(account.sid, person, counts, waiting, dry_run=True))
    number = await call.deps.person_requests.begin(account.id, Act.ERASE, _actor(call), call.now)
    erased = await people.erase(account.id, person, call.now)
    await call.deps.person_requests.finish(number, erased.counts, call.deps.clock.now())
    if erased.on_their_way:
        details = {"counts": dict(erased.counts), "on_their_way": _waiting(call, erased.on_their_way)}
        raise ApiError(20009, status_now=erased.on_their_way[0]["status"], details=details)
    return ok(counted_resource(account.sid, person, erased.counts, (), dry_run=False))


async def requests(call: Call) -> Answer:
    """GET /v1/People/Requests: who had people's data exported or erased, newest first."""
    request = parse_page(call.query)
    page = await call.deps.person_requests.page(call.account.id, request)
    shown = [
        request_resource(call.account.sid, one.act, one.actor, one.counts, one.created_at, one.finished_at)
        for one in page.items
    ]
    return ok(page_v1("requests", shown, page, request, call.url, call.query))


async def _lines(call: Call, person: str, number: int) -> AsyncIterator[bytes]:
    counts: Counter[str] = Counter()
    together: list[bytes] = []
    async for kind, row in call.deps.people.lines(call.account.id, person):
        counts[kind] += 1
        together.append(_encode(await _shown(call, kind, row)) + b"\n")
        if len(together) == _LINES_TOGETHER:
            yield b"".join(together)
            together.clear()
    await call.deps.person_requests.finish(number, counts, call.deps.clock.now())
    yield b"".join(together)


async def _shown(call: Call, kind: Kind, row: Mapping[str, Any]) -> Json:
    sid_key = call.deps.installation.sid_key
    if kind is not Kind.MESSAGE:
        return line_resource(kind, row, sid_key)
    message = message_of(row)
    if message.service_id is not None:
        await call.deps.directory.sids(call.deps.database.pool, set(), {message.service_id})
    service_sid = None if message.service_id is None else call.deps.directory.service_sid(message.service_id)
    return {"kind": kind, **message_resource(message, call.account.sid, service_sid, sid_key)}


def _waiting(call: Call, rows: Sequence[Mapping[str, Any]]) -> list[Json]:
    sid_key = call.deps.installation.sid_key
    return [
        waiting_resource(
            message_sid(row["bucket"], row["id"], media=row["num_media"] > 0, sid_key=sid_key), row["status"],
            row["expires_at"], row["send_at"],
        )
        for row in rows
    ]  # fmt: skip


def _actor(call: Call) -> str:
    return f"api:{call.caller.credential_sid}"
