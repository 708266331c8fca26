"""Messages with media: a link goes out in their place, and the media can be listed, followed and taken away."""

from __future__ import annotations

from datetime import timedelta

import pytest

from limpet.carrier.port import ReceiptState
from tests.support.clock import HandClock
from tests.support.lane import receipt
from tests.web.conftest import NUMBER, PERSON, Api

PICTURE, CARD = "https://example.com/a.png", "https://example.com/me.vcf?x=1&y=2"


async def link_of(api: Api, sid: str) -> str:
    """The path of the link in a message's text."""
    body = (await api.client.get(f"/Messages/{sid}.json")).json["body"]
    return "/m/" + str(body).rpartition("/m/")[2]


async def test_a_link_goes_out_in_the_place_of_media(api: Api) -> None:
    made = await api.message(await api.pool(NUMBER), Body="Look:", MediaUrl=[PICTURE, CARD])
    assert (made["sid"][:2], made["num_media"]) == ("MM", "2")
    shown = (await api.client.get(f"/Messages/{made['sid']}.json")).json
    text, _, link = shown["body"].partition(" ")
    assert text == "Look:"
    assert link.startswith("http://")
    assert shown["from"] == NUMBER
    assert [s.recipient for s in api.world.lane.submitted] == [PERSON]
    listed = (await api.client.get(f"/Messages/{made['sid']}/Media.json")).json["media_list"]
    assert [one["content_type"] for one in listed] == ["image/png", "text/vcard"]
    assert {one["parent_sid"] for one in listed} == {made["sid"]}
    one = await api.client.get(f"/Messages/{made['sid']}/Media/{listed[0]['sid']}.json")
    assert (one.status, one.json) == (200, listed[0])
    there = await api.client.get(f"/Messages/{made['sid']}/Media/{listed[1]['sid']}")
    assert (there.status, there.headers["location"]) == (307, CARD)


async def test_anybody_with_the_link_is_led_there_and_nobody_else(api: Api, clock: HandClock) -> None:
    service = await api.pool(NUMBER)
    alone = await api.message(service, Body="", MediaUrl=PICTURE)
    several = await api.message(service, Body="Two", MediaUrl=[PICTURE, CARD])
    anybody = api.client.with_headers(authorization="")
    led = await anybody.call("GET", await link_of(api, alone["sid"]))
    assert (led.status, led.headers["location"]) == (302, PICTURE)
    page = await anybody.call("GET", await link_of(api, several["sid"]))
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.body.decode().count("<li>") == 2
    assert 'href="https://example.com/me.vcf?x=1&amp;y=2"' in page.body.decode()
    for path in ("/m/", "/m/0000000000", "/m/" + "x" * 500, (await link_of(api, alone["sid"]))[:-1]):
        assert (await anybody.call("GET", path)).says == (404, 20404)
    clock.advance(timedelta(days=365))
    assert (await anybody.call("GET", await link_of(api, alone["sid"]))).status == 302
    clock.advance(timedelta(days=1))
    assert (await anybody.call("GET", await link_of(api, alone["sid"]))).says == (404, 20404)


async def test_media_go_with_their_message_or_one_by_one(api: Api) -> None:
    made = await api.message(await api.pool(NUMBER), MediaUrl=[PICTURE, CARD])
    place, link = f"/Messages/{made['sid']}", await link_of(api, made["sid"])
    sids = [one["sid"] for one in (await api.client.get(f"{place}/Media.json")).json["media_list"]]
    assert (await api.stranger.get(f"{place}/Media.json")).says == (404, 20404)
    assert (await api.stranger.delete(f"{place}/Media/{sids[0]}.json")).says == (404, 20404)
    assert (await api.client.delete(f"{place}/Media/{sids[0]}.json")).status == 204
    assert (await api.client.delete(f"{place}/Media/{sids[0]}.json")).says == (404, 20404)
    led = await api.client.call("GET", link)
    assert led.headers["location"] == CARD
    submission = api.world.lane.submitted[-1]
    api.world.lane.tell(receipt(submission, api.world.lane.take(submission)[0], ReceiptState.DELIVERED))
    await api.world.settle()
    assert (await api.client.delete(f"{place}.json")).status == 204
    assert (await api.client.call("GET", link)).says == (404, 20404)
    assert (await api.client.get(f"{place}/Media.json")).says == (404, 20404)
    assert await api.world.database.pool.fetchval("SELECT count(*) FROM message_media") == 0


@pytest.mark.parametrize(
    ("settings", "form", "outcome"),
    [
        ({"MmsConverter": "false"}, {"MediaUrl": PICTURE}, ("failed", 21703)),
        ({"MmsConverter": "false"}, {"MediaUrl": PICTURE, "From": NUMBER}, ("failed", 21621)),
        ({}, {"MediaUrl": PICTURE, "From": NUMBER}, ("sending", None)),
        ({}, {"MediaUrl": PICTURE, "SendAsMms": "true"}, ("failed", 21703)),
    ],
)
async def test_without_the_converter_somebody_must_have_mms(
    api: Api, settings: dict[str, str], form: dict[str, str], outcome: tuple[str, int | None]
) -> None:
    made = await api.message(await api.pool(NUMBER, **settings), **form)
    shown = (await api.client.get(f"/Messages/{made['sid']}.json")).json
    assert (shown["status"], shown["error_code"]) == outcome


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"From": NUMBER, "MediaUrl": PICTURE}, 21621),
        ({"From": NUMBER, "Body": "x", "SendAsMms": "true"}, 21621),
        ({"MessagingServiceSid": "{it}", "MediaUrl": "ftp://x"}, 21620),
        ({"MessagingServiceSid": "{it}", "MediaUrl": [PICTURE] * 11}, 21623),
        ({"MessagingServiceSid": "{it}", "MediaUrl": PICTURE, "Body": "x" * 1601}, 21617),
        ({"MessagingServiceSid": "{it}", "MediaUrl": ""}, 21620),
        ({"MessagingServiceSid": "{it}", "Body": "x", "SendAsMms": "yes"}, 20001),
    ],
)
async def test_what_is_wrong_with_media_is_told(api: Api, form: dict[str, object], code: int) -> None:
    sid = await api.pool(NUMBER)
    before = await api.rows()
    form = {name: sid if value == "{it}" else value for name, value in form.items()}
    assert (await api.client.post("/Messages.json", {"To": PERSON, **form})).says == (400, code)
    assert await api.rows() == before


async def test_a_scheduled_message_keeps_its_media(api: Api, clock: HandClock) -> None:
    sid = await api.pool(NUMBER)
    at = (clock.now() + timedelta(hours=1)).isoformat()
    made = await api.message(sid, MediaUrl=PICTURE, ScheduleType="fixed", SendAt=at)
    assert (made["status"], made["num_media"]) == ("scheduled", "1")
    clock.advance(timedelta(hours=2))
    await api.world.flow.due.turn()
    shown = (await api.client.get(f"/Messages/{made['sid']}.json")).json
    assert (shown["status"], shown["from"], shown["num_media"]) == ("sending", NUMBER, "1")
