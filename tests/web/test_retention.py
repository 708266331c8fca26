"""`ContentRetention` and `AddressRetention` over HTTP: what the API shows, from the first answer on."""

from __future__ import annotations

from typing import Any

import pytest

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


@pytest.mark.parametrize("more", [{"MediaUrl": "https://example.com/a.png"}, {"ShortenUrls": "true"}])
async def test_what_leads_to_the_text_cannot_be_discarded_with_it(api: Api, more: dict[str, str]) -> None:
    form = {
        "To": PERSON,
        "MessagingServiceSid": await api.pool(NUMBER),
        "ContentRetention": "discard",
        "Body": "x",
        **more,
    }
    before = await api.rows()
    assert (await api.client.post("/Messages.json", form)).says == (400, 20001)
    assert await api.rows() == before


async def test_retain_is_what_there_is_without_them(api: Api) -> None:
    service = await api.pool(NUMBER)
    made = await api.message(service, ContentRetention="retain", AddressRetention="retain")
    assert (made["to"], made["body"]) == (PERSON, "Hello")
    shown = (await api.client.get(f"/Messages/{made['sid']}.json")).json
    assert (shown["to"], shown["body"]) == (PERSON, "Hello")
    assert await api.world.database.pool.fetchval("SELECT marks FROM message") is None
