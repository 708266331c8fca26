"""Notices of carriers at the door: believed by their signature alone, answered once committed, repeated without harm."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from limpet.carrier import http_notices
from limpet.carrier.http_client import Medium
from limpet.carrier.http_notices import NoticeDesk
from limpet.carrier.http_values import Notice
from limpet.carrier.upstreams import upstream_of
from limpet.web.app import create_app
from tests.support.clock import HandClock
from tests.support.dialects import DIALECTS, NOW, URL, Arrived
from tests.web.client import Client, Response
from tests.web.conftest import NUMBER, PERSON, Api

PUBLIC = "https://limpet.example"
SERVICE = {"InboundRequestUrl": "http://127.0.0.1:9/in"}


class Door:
    """The API with a carrier of one kind behind the hand-played lane: what the lane is told to acknowledge, the desk hears."""

    def __init__(self, api: Api, kind: str, clock: HandClock) -> None:
        self.api = api
        self.dialect = DIALECTS[kind]
        upstream = upstream_of(self.dialect.config("https://up.example"))
        desk = NoticeDesk("hand/0", upstream, api.world.flow.dispatcher, clock)
        api.world.lane.acknowledge = desk.acknowledge  # type: ignore[method-assign]
        api.world.lane.decline = desk.decline  # type: ignore[method-assign]
        deps = replace(api.deps, notices={"up": desk}, public_url=PUBLIC)
        self.anybody = replace(api.client, app=create_app(deps)).with_headers(authorization="")

    async def bring(self, notice: Notice, path: str | None = None) -> Response:
        asked = urlsplit(notice.url)
        headers = {"content-type": "application/json", **notice.headers}
        client: Client = self.anybody.with_headers(**headers)
        return await client.call(notice.method, path or asked.path, query=asked.query.encode(), body=notice.body)

    async def inbound(self) -> list[str]:
        rows = await self.api.world.database.pool.fetch("SELECT body FROM message WHERE direction = 'inbound'")
        return [row["body"] for row in rows]


@pytest_asyncio.fixture(params=list(DIALECTS))
async def door(request: pytest.FixtureRequest, api: Api, clock: HandClock) -> AsyncIterator[Door]:
    from datetime import UTC, datetime

    yield Door(api, request.param, HandClock(datetime.fromtimestamp(NOW, UTC)))


async def test_a_text_is_kept_before_it_is_answered_and_once(door: Door) -> None:
    await door.api.pool(NUMBER, **SERVICE)
    notice = door.dialect.inbound(PERSON, NUMBER, "Grüße", "in-1")
    for _ in range(2):
        answer = await door.bring(notice)
        assert answer.status == 200, answer.body
        assert await door.inbound() == ["Grüße"]
    if door.dialect.kind in ("twilio", "plivo"):
        assert (answer.headers["content-type"], answer.body) == ("text/xml", b"<Response/>")


async def test_a_receipt_moves_its_message_once(door: Door) -> None:
    made = await door.api.message(await door.api.pool(NUMBER))
    submission = door.api.world.lane.submitted[-1]
    door.api.world.lane.take(submission, "id-1")
    await door.api.world.settle()
    notices_url = f"{URL}?ref={submission.reference}"
    arrived = Arrived(NUMBER, PERSON, "Hello", (), str(submission.reference), notices_url, {})
    for delivered in (True, True, False):
        answer = await door.bring(door.dialect.receipt(arrived, "id-1", delivered=delivered))
        assert answer.status == 200, answer.body
    shown = (await door.api.client.get(f"/Messages/{made['sid']}.json")).json
    assert (shown["status"], shown["error_code"]) == ("delivered", None)


async def test_a_receipt_settles_a_message_in_doubt_by_its_reference(door: Door) -> None:
    made = await door.api.message(await door.api.pool(NUMBER))
    submission = door.api.world.lane.submitted[-1]
    door.api.world.lane.lose(submission)
    await door.api.world.settle()
    arrived = Arrived(NUMBER, PERSON, "Hello", (), str(submission.reference), f"{URL}?ref={submission.reference}", {})
    assert (await door.bring(door.dialect.receipt(arrived, "never-seen"))).status == 200
    shown = (await door.api.client.get(f"/Messages/{made['sid']}.json")).json
    assert shown["status"] == "delivered"


async def test_what_is_not_the_carriers_is_refused_and_changes_nothing(door: Door) -> None:
    await door.api.pool(NUMBER, **SERVICE)
    before = await door.api.rows()
    notice = door.dialect.inbound(PERSON, NUMBER, "hi", "in-1")
    unsigned = (503, 20503) if door.dialect.kind == "vonage" else (403, 20003)  # Vonage brings it again, signed
    assert (await door.bring(replace(notice, headers={}))).says == unsigned
    forged = dict.fromkeys(notice.headers, "x")
    assert (await door.bring(replace(notice, headers=forged))).says == (403, 20003)
    for path in ("/carriers/up", "/carriers/other/notices", "/carriers/up/notices/x", "/carriers//notices"):
        assert (await door.bring(notice, path)).says == (404, 20404)
    assert (await door.bring(replace(notice, method="DELETE"))).says == (405, 20004)
    assert await door.api.rows() == before


async def test_what_cannot_be_written_is_to_come_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door(api, "http", HandClock())
    monkeypatch.setattr(http_notices, "NOTICE_TIMEOUT_S", 0.0)
    await api.pool(NUMBER, **SERVICE)
    answer = await door.bring(door.dialect.inbound(PERSON, NUMBER, "hi", "in-1"))
    assert answer.says == (503, 20503)
    assert answer.headers["retry-after"] == "1"


async def test_a_body_that_is_too_long_is_not_read(api: Api) -> None:
    door = Door(api, "http", HandClock())
    notice = door.dialect.inbound(PERSON, NUMBER, "x" * (1 << 20), "in-1")
    assert (await door.bring(notice)).says == (413, 20001)


async def test_media_that_people_send_are_found_under_their_message(api: Api) -> None:
    """A redirect to where anybody may fetch them; those that only the carrier's credentials open come from here."""
    door = Door(api, "http", HandClock())
    await api.pool(NUMBER, **SERVICE)
    pictures = ("https://public.example/a.png", "https://closed.example/b.png")
    await door.bring(door.dialect.inbound(PERSON, NUMBER, "Look", "in-1", pictures))
    message = (await api.client.get("/Messages.json")).json["messages"][0]
    assert (message["sid"][:2], message["num_media"], message["direction"]) == ("MM", "2", "inbound")
    place = f"/Messages/{message['sid']}/Media"
    listed = (await api.client.get(f"{place}.json")).json["media_list"]
    assert [one["content_type"] for one in listed] == ["image/png", "image/png"]

    async def fetched(url: str) -> Medium | None:
        return Medium("text/html", b"png") if "closed" in url else None

    client = replace(api.client, app=create_app(replace(api.deps, carrier_medium=fetched)))
    public = await client.get(f"{place}/{listed[0]['sid']}")
    assert (public.status, public.headers["location"]) == (307, pictures[0])
    closed = await client.get(f"{place}/{listed[1]['sid']}")
    assert (closed.status, closed.body, closed.headers["content-type"]) == (200, b"png", "image/png")
    assert (closed.headers["x-content-type-options"], closed.headers["content-security-policy"]) == (
        "nosniff",
        "sandbox",
    )
    stranger = replace(api.stranger, app=client.app)
    assert (await stranger.get(f"{place}/{listed[1]['sid']}")).says == (404, 20404)
