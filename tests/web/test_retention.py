"""`ContentRetention` and `AddressRetention` over HTTP: what the API shows, from the first answer on."""

from __future__ import annotations

from typing import Any

from limpet.flow.obfuscated import SETTLE
from tests.support.clock import HandClock
from tests.support.lane import receipt
from tests.web.conftest import NUMBER, PERSON, Api

MASKED = PERSON[:-4] + "XXXX"
BOTH = {"ContentRetention": "discard", "AddressRetention": "obfuscate", "Body": "Your code is 4711"}


async def sent(api: Api, clock: HandClock, **form: object) -> tuple[str, dict[str, Any]]:
    """A message that has been bound and delivered: its service and its path."""
    service = await api.pool(NUMBER)
    made = dict(await api.message(service, **form))
    clock.advance(SETTLE)
    await api.world.flow.due.turn()
    submission = api.world.lane.submitted[-1]
    assert (submission.recipient, submission.content.segments) == (PERSON, (form.get("Body", "Hello"),))
    api.world.lane.tell(receipt(submission, api.world.lane.take(submission)[0]))
    await api.world.settle()
    return service, made


async def test_neither_text_nor_number_is_shown_at_any_time(api: Api, clock: HandClock) -> None:
    service, made = await sent(api, clock, **BOTH)
    assert (made["to"], made["body"], made["status"]) == (MASKED, "", "accepted")
    shown = (await api.client.get(f"/Messages/{made['sid']}.json")).json
    assert (shown["to"], shown["body"], shown["num_segments"], shown["from"]) == (MASKED, "", "1", NUMBER)
    decision = (await api.client.get(f"/Messages/{made['sid']}/Decision.json")).json
    assert (decision["to"], decision["from"]) == (MASKED, NUMBER)
    listed = (await api.client.get("/Messages.json", {"To": PERSON})).json["messages"]
    assert [one["sid"] for one in listed] == [made["sid"]]
    assert (await api.client.get("/Messages.json", {"To": MASKED})).json["messages"] == []
    everything = (await api.client.get("/Messages.json")).json["messages"]
    assert [(one["to"], one["body"]) for one in everything] == [(MASKED, "")]
    mapping = (await api.client.get(f"/v1/Services/{service}/StickyMappings", {"To": PERSON})).json["sticky_mappings"][
        0
    ]
    assert (mapping["to"], mapping["from"], mapping["live"], mapping["established"]) == (PERSON, NUMBER, True, True)
    assert (await api.client.delete(f"/v1/Services/{service}/StickyMappings", {"To": PERSON})).status == 204


async def test_such_a_message_is_redacted_counted_and_deleted_like_any_other(api: Api, clock: HandClock) -> None:
    _, made = await sent(api, clock, **BOTH)
    path = f"/Messages/{made['sid']}.json"
    assert (await api.client.post(path, Body="")).json["to"] == MASKED
    today = (await api.client.get("/Usage/Records/Today.json", {"Category": "sms-outbound"})).json["usage_records"][0]
    assert today["count"] == "1"
    assert (await api.client.post(f"/Messages/{made['sid']}/Feedback.json", Outcome="confirmed")).status == 200
    assert (await api.client.delete(path)).status == 204
    assert (await api.client.get("/Messages.json", {"To": PERSON})).json["messages"] == []


async def test_a_repeated_request_is_answered_as_the_first_and_its_hash_needs_our_key(
    api: Api, clock: HandClock
) -> None:
    service = await api.pool(NUMBER)
    client = api.client.with_headers(idempotency_key="k")
    form = {"To": PERSON, "MessagingServiceSid": service, **BOTH}
    first, again = await client.post("/Messages.json", form), await client.post("/Messages.json", form)
    assert (first.json["sid"], first.json["to"], first.json["body"]) == (again.json["sid"], MASKED, "")
    assert (again.json["to"], again.json["body"]) == (MASKED, "")
    assert (await client.post("/Messages.json", {**form, "Body": "x"})).says == (400, 20001)


PICTURE = "https://example.com/a.png?for=anna"


async def finish(api: Api) -> None:
    submission = api.world.lane.submitted[-1]
    api.world.lane.tell(receipt(submission, api.world.lane.take(submission)[0]))
    await api.world.settle()


async def kept_of(api: Api, sought: str) -> list[str]:
    """The tables that hold a text."""
    async with api.world.database.pool.acquire() as connection:
        names = [name for name, hashed in (await api.rows()).items() if not hashed.startswith("0 ")]
        found = "SELECT EXISTS (SELECT FROM {} t WHERE strpos(t::text, $1) > 0)"
        return [name for name in names if await connection.fetchval(found.format(name), sought)]


async def test_media_of_a_discarded_text_are_named_in_it_and_go_with_it(api: Api) -> None:
    service = await api.pool(NUMBER)
    made = await api.message(service, ContentRetention="discard", Body="Look", MediaUrl=PICTURE)
    assert (made["sid"][:2], made["body"], made["num_media"]) == ("MM", "", "1")
    assert "".join(api.world.lane.submitted[-1].content.segments) == f"Look {PICTURE}"
    media = f"/Messages/{made['sid']}/Media.json"
    assert (await api.client.get(media)).json["media_list"] == []
    assert await kept_of(api, PICTURE) != []
    await finish(api)
    assert await kept_of(api, PICTURE) == await kept_of(api, "Look") == []
    shown = (await api.client.get(f"/Messages/{made['sid']}.json")).json
    assert (shown["status"], shown["body"], shown["num_media"]) == ("delivered", "", "1")
    assert (await api.client.get(media)).json["media_list"] == []


async def test_media_of_a_discarded_text_that_it_has_no_room_for_have_no_stand_in(api: Api) -> None:
    service = await api.pool(NUMBER)
    for body, code in (("x" * (1599 - len(PICTURE)), None), ("x" * (1600 - len(PICTURE)), 21703)):
        made = await api.message(service, ContentRetention="discard", Body=body, MediaUrl=PICTURE)
        assert (await api.client.get(f"/Messages/{made['sid']}.json")).json["error_code"] == code
        if code:
            assert await kept_of(api, PICTURE) != []  # of the first, which is under way
            await finish(api)
            assert await kept_of(api, PICTURE) == []


async def test_a_short_link_of_a_discarded_text_leads_on_until_its_message_is_gone(api: Api) -> None:
    service = await api.pool(NUMBER)
    made = await api.message(service, ContentRetention="discard", ShortenUrls="true", Body=f"See {PICTURE}")
    assert made["body"] == ""
    path = "/" + "".join(api.world.lane.submitted[-1].content.segments).rpartition("/")[2]
    await finish(api)
    assert await kept_of(api, "See ") == []
    assert await kept_of(api, PICTURE) == ["message_link"]
    stranger = api.client.with_headers(authorization="", user_agent="Mozilla/5.0 (iPhone) Safari/604.1")
    led = await stranger.call("GET", path)
    assert (led.status, led.headers["location"]) == (302, PICTURE)
    assert (await api.client.delete(f"/Messages/{made['sid']}.json")).status == 204
    assert (await stranger.call("GET", path)).status == 404
    assert await kept_of(api, PICTURE) == []


async def test_retain_is_what_there_is_without_them(api: Api) -> None:
    service = await api.pool(NUMBER)
    made = await api.message(service, ContentRetention="retain", AddressRetention="retain")
    assert (made["to"], made["body"]) == (PERSON, "Hello")
    shown = (await api.client.get(f"/Messages/{made['sid']}.json")).json
    assert (shown["to"], shown["body"]) == (PERSON, "Hello")
    assert await api.world.database.pool.fetchval("SELECT marks FROM message") is None
