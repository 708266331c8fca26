"""Mappings over HTTP: listed, looked up, made, held, moved and let go, and the events that tell of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.clock import HandClock
from tests.web.client import Client, Response
from tests.web.conftest import NUMBER, OTHER_NUMBER, PERSON, Api

THIRD = "+14155550103"
OTHER_PERSON = "+14155550198"


class Mappings:
    """One service's mappings, as a client sees them."""

    def __init__(self, api: Api, service: str) -> None:
        self.api = api
        self.client: Client = api.client
        self.service = service
        self.path = f"/v1/Services/{service}/StickyMappings"

    async def of(self, to: str = PERSON) -> dict[str, Any] | None:
        answer = await self.client.get(self.path, {"To": to})
        return answer.json["sticky_mappings"][0] if answer.status == 200 else None

    async def number(self, to: str = PERSON) -> str | None:
        found = await self.of(to)
        return found["from"] if found and found["live"] else None

    async def put(self, **form: object) -> Response:
        return await self.client.post(self.path, {"To": PERSON, **form})

    async def all(self, **query: object) -> list[str]:
        """Everybody who fits, over all pages."""
        answer, found = await self.client.get(self.path, query), []
        while True:
            found += [one["to"] for one in answer.json["sticky_mappings"]]
            following = answer.json["meta"]["next_page_url"]
            if following is None:
                return found
            answer = await self.client.follow(following)

    async def events(self, **query: object) -> list[dict[str, Any]]:
        answer = await self.client.get(f"/v1/Services/{self.service}/StickyEvents", query)
        assert answer.status == 200, answer.body
        return list(answer.json["sticky_events"])

    async def told(self, **query: object) -> list[tuple[str, str, str | None, str | None]]:
        """Kind, cause, number before and after of each event, oldest first."""
        found = await self.events(**query)
        return [(e["kind"], e["cause"], e["from_before"], e["from"]) for e in reversed(found)]


async def mappings(api: Api, *numbers: str, **form: object) -> Mappings:
    return Mappings(api, await api.pool(*(numbers or (NUMBER, OTHER_NUMBER)), **form))


async def sent(api: Api, service: str, to: str = PERSON, **form: object) -> str | None:
    """Send, let the carrier take it, and answer the sender."""
    message = await api.message(service, to, **form)
    answer = await api.client.get(f"/Messages/{message['sid']}.json")
    if api.world.lane.submitted and answer.json["status"] not in ("failed", "undelivered"):
        api.world.lane.take(api.world.lane.submitted[-1])
        await api.world.settle()
    return str(answer.json["from"]) if answer.json["from"] else None


async def test_a_mapping_is_found_by_sid_and_by_number_and_deleted_by_either(api: Api) -> None:
    of = await mappings(api)
    number = await sent(api, of.service)
    shown = await of.of()
    assert shown is not None
    assert (shown["from"], shown["pinned"], shown["origin"], shown["established"]) == (number, "false", "send", True)
    for name in (shown["sid"], PERSON, "(415) 555-0199"):
        assert (await api.client.get(f"{of.path}/{name}")).json == shown
    assert (await api.client.follow(shown["url"])).json == shown
    other = await api.service()
    assert (await api.client.get(f"/v1/Services/{other}/StickyMappings/{shown['sid']}")).says == (404, 20404)
    assert (await api.stranger.get(f"{of.path}/{shown['sid']}")).says == (404, 20404)
    assert (await api.client.delete(f"{of.path}/{shown['sid']}", {"Reason": "asked for it"})).status == 204
    assert (await api.client.delete(f"{of.path}/{shown['sid']}")).says == (404, 20404)
    await sent(api, of.service)
    assert (await api.client.delete(f"{of.path}/{PERSON}")).status == 204
    resets = await of.events(Kind="reset")
    assert [(e["reason"], e["actor"]) for e in resets] == [
        (None, f"api:{api.account.sid}"), ("asked for it", f"api:{api.account.sid}"),
    ]  # fmt: skip


async def test_S_83_a_mapping_is_made_moved_and_held_by_hand(api: Api) -> None:
    of = await mappings(api)
    made = await of.put(From=NUMBER, Reason="their wish")
    assert (made.status, made.json["from"], made.json["origin"], made.json["established"]) == (201, NUMBER, "api", True)
    assert await sent(api, of.service) == NUMBER
    moved = await api.key.post(f"{of.path}/{made.json['sid']}", From="(415) 555-0102", Reason="moved house")
    assert (moved.status, moved.json["from"], moved.json["sid"]) == (200, OTHER_NUMBER, made.json["sid"])
    assert await sent(api, of.service) == OTHER_NUMBER
    held = await api.client.post(f"{of.path}/{made.json['sid']}", Pinned="strict")
    assert (held.json["from"], held.json["pinned"], held.json["origin"]) == (OTHER_NUMBER, "strict", "api")
    assert (await of.put(Pinned="true")).json["pinned"] == "true"
    assert (await of.put(Pinned="false")).json["pinned"] == "false"
    assert (await of.put(From=NUMBER, Pinned="true")).json["pinned"] == "true"
    assert await of.told() == [
        ("created", "by_hand", None, NUMBER), ("moved", "by_hand", NUMBER, OTHER_NUMBER),
        ("pinned", "pinned_strictly", OTHER_NUMBER, OTHER_NUMBER), ("pinned", "pinned", OTHER_NUMBER, OTHER_NUMBER),
        ("pinned", "unpinned", OTHER_NUMBER, OTHER_NUMBER), ("moved", "pinned", OTHER_NUMBER, NUMBER),
    ]  # fmt: skip
    events = await of.events()
    assert [e["reason"] for e in events[-2:]] == ["moved house", "their wish"]
    assert events[-2]["actor"] == f"api:{api.key.sid}"


async def test_S_83_what_is_so_already_changes_nothing_and_tells_nothing(api: Api) -> None:
    of = await mappings(api)
    await of.put(From=NUMBER, Pinned="true")
    rows = await api.rows()
    for form in ({"From": NUMBER}, {"Pinned": "true"}, {"From": NUMBER, "Pinned": "true"}):
        assert (await of.put(**form)).status == 201
    after = await api.rows()
    assert after["sticky_event"] == rows["sticky_event"]
    assert (await of.of() or {})["pinned"] == "true"


async def test_S_83_what_cannot_be_is_refused_and_writes_nothing(api: Api) -> None:
    of = await mappings(api)
    voice = await api.number("+14155550180", Capabilities="voice")
    short = (await api.client.post("/SMS/ShortCodes.json", ShortCode="73547", Country="GB")).json["sid"]
    await api.client.post(f"/v1/Services/{of.service}/ShortCodes", ShortCodeSid=short)
    assert voice
    rows = await api.rows()
    said = [
        (await of.put(From=THIRD)).says,
        (await of.put(From="+14155550180")).says,
        (await of.put(From="73547")).says,
        (await of.put(Pinned="true")).says,
        (await of.put()).says,
        (await api.client.post(f"{of.path}/{PERSON}", From=NUMBER)).says,
    ]
    assert said == [(400, 21711), (400, 21711), (400, 21612), (400, 20001), (400, 20001), (404, 20404)]
    assert await api.rows() == rows


async def test_S_83_a_dead_mapping_is_made_anew_and_not_held_as_it_is(api: Api, clock: HandClock) -> None:
    of = await mappings(api, NUMBER, OTHER_NUMBER)
    await of.put(From=NUMBER)
    clock.advance(timedelta(days=366))
    assert (await of.put(Pinned="true")).says == (400, 20001)
    again = await of.put(From=NUMBER)
    assert (again.json["live"], again.json["created_day"]) == (True, f"{clock.now():%Y-%m-%d}")
    assert await of.told() == [("created", "by_hand", None, NUMBER), ("created", "by_hand", NUMBER, NUMBER)]


async def test_S_82_a_strict_pin_fails_the_message_and_says_why(api: Api) -> None:
    of = await mappings(api)
    await of.put(From=NUMBER, Pinned="strict")
    await api.client.delete(f"/v1/Services/{of.service}/PhoneNumbers/{await api.number(NUMBER)}")
    message = await api.message(of.service)
    answer = (await api.client.get(f"/Messages/{message['sid']}.json")).json
    assert (answer["status"], answer["error_code"], answer["from"]) == ("failed", 21703, None)
    decision = (await api.client.get(f"/Messages/{message['sid']}/Decision.json")).json
    assert decision["rejections"] == {OTHER_NUMBER: "pinned_to_another"}
    shown = await of.of()
    assert shown is not None
    assert (shown["live"], shown["why_dead"], shown["pinned"]) == (False, "number_removed", "strict")
    assert (await of.put(Pinned="false")).json["pinned"] == "false"
    assert await sent(api, of.service) == OTHER_NUMBER


@pytest.fixture
def few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that look at few rows, so that walks have to go on often."""
    monkeypatch.setattr("limpet.store.sticky_lists.LOOKED_AT_MAX", 3)
    monkeypatch.setattr("limpet.store.sticky_lists.EVENTS_LOOKED_AT_MAX", 3)


@pytest.mark.parametrize("size", [1, 7, 50])
async def test_the_list_has_everybody_once(api: Api, size: int) -> None:
    of = await mappings(api)
    people = [f"+1415555{n:04}" for n in range(200, 260)]
    for person in people:
        await of.put(To=person, From=NUMBER)
    assert sorted(await of.all(PageSize=size)) == people
    first = await api.client.get(of.path, {"PageSize": size})
    assert len(first.json["sticky_mappings"]) == size
    assert first.json["meta"]["previous_page_url"] is None
    again = await api.client.follow(first.json["meta"]["url"])
    assert again.json == first.json


@pytest.mark.usefixtures("few_at_a_time")
async def test_the_list_is_filtered(api: Api, clock: HandClock) -> None:
    of = await mappings(api)
    await of.put(To="+14155550201", From=NUMBER)
    await of.put(To="+14155550202", From=OTHER_NUMBER, Pinned="true")
    await of.put(To="+14155550203", From=NUMBER, Pinned="strict")
    clock.advance(timedelta(days=3))
    day = f"{clock.now():%Y-%m-%d}"
    await api.message(of.service, "+14155550204", From=NUMBER)
    await api.message(of.service, "+14155550205")
    mapped = (await of.of("+14155550205") or {})["from"]
    by_number = {NUMBER: {"201", "203", "204"}, OTHER_NUMBER: {"202"}}
    by_number[mapped].add("205")

    async def last(**query: object) -> set[str]:
        return {to[-3:] for to in await of.all(PageSize=2, **query)}

    assert await last(From=NUMBER) == by_number[NUMBER]
    assert await last(From=OTHER_NUMBER) == by_number[OTHER_NUMBER]
    assert await last(From=THIRD) == set()
    assert (await last(Pinned="true"), await last(Pinned="strict")) == ({"202", "203"}, {"203"})
    assert await last(Pinned="false") == {"201", "204", "205"}
    assert await last(LastUsedBefore=day) == {"201", "202", "203"}
    assert await last(Origin="api") == {"201", "202", "203"}
    assert (await last(Origin="explicit"), await last(Origin="send")) == ({"204"}, {"205"})
    assert await last(Origin="api", Pinned="false", From=NUMBER) == {"201"}
    await api.client.delete(f"/v1/Services/{of.service}/PhoneNumbers/{await api.number(NUMBER)}")
    assert await last(From=NUMBER) == by_number[NUMBER]


async def test_the_list_of_one_service_has_nobody_of_another(api: Api) -> None:
    mine, other = await mappings(api, NUMBER), await mappings(api, OTHER_NUMBER)
    await mine.put(From=NUMBER)
    await other.put(To=OTHER_PERSON, From=OTHER_NUMBER)
    assert (await mine.all(), await other.all()) == ([PERSON], [OTHER_PERSON])
    token = (await api.client.get(mine.path, {"PageSize": 1})).json["meta"]["next_page_url"]
    assert token is None


async def test_a_person_whose_number_is_not_kept_is_listed_masked_and_found_by_sid(api: Api, clock: HandClock) -> None:
    of = await mappings(api)
    await api.message(of.service, AddressRetention="obfuscate")
    clock.advance(timedelta(seconds=6))
    await api.world.due.turn()
    await api.world.settle()
    (one,) = (await api.client.get(of.path)).json["sticky_mappings"]
    assert one["to"] == PERSON[:-4] + "XXXX"
    assert (await api.client.get(f"{of.path}/{one['sid']}")).json == one
    held = await api.client.post(f"{of.path}/{one['sid']}", Pinned="true", From=OTHER_NUMBER)
    assert (held.json["to"], held.json["from"], held.json["sid"]) == (one["to"], OTHER_NUMBER, one["sid"])
    by_number = await of.put(From=NUMBER)
    assert (by_number.json["from"], by_number.json["sid"]) == (NUMBER, one["sid"])
    assert await api.world.database.pool.fetchval("SELECT count(*) FROM sticky_mapping") == 1
    assert [e["to"] for e in await of.events(To=PERSON)] == [one["to"]] * len(await of.events())
    assert (await api.client.delete(f"{of.path}/{one['sid']}")).status == 204
    assert await of.all() == []


async def test_events_are_listed_newest_first_filtered_and_in_pages(api: Api) -> None:
    of = await mappings(api, NUMBER, OTHER_NUMBER)
    message = await api.message(of.service)
    for n in range(5):
        await of.put(To=OTHER_PERSON, From=(NUMBER, OTHER_NUMBER)[n % 2])
    found = await of.events()
    assert [e["kind"] for e in found] == ["moved"] * 4 + ["created"] * 2
    first = found[-1]
    assert first == {
        "account_sid": api.account.sid, "service_sid": of.service, "sid": first["sid"], "kind": "created",
        "cause": "first_message", "to": PERSON, "from": await of.number(), "from_before": None, "reason": None,
        "actor": "message", "message_sid": message["sid"], "date_created": first["date_created"],
    }  # fmt: skip
    assert len({e["sid"] for e in found}) == 6
    assert [e["to"] for e in await of.events(To=PERSON)] == [PERSON]
    assert len(await of.events(Kind="moved", From=NUMBER)) == 4
    assert len(await of.events(From=THIRD)) == 0
    paged, answer = [], await api.client.get(f"/v1/Services/{of.service}/StickyEvents", {"PageSize": 2})
    while True:
        paged += answer.json["sticky_events"]
        if (following := answer.json["meta"]["next_page_url"]) is None:
            break
        answer = await api.client.follow(following)
    assert paged == found
    await api.world.settle()
    theirs = await api.stranger.get(f"/v1/Services/{of.service}/StickyEvents")
    assert theirs.says == (404, 20404)


@pytest.mark.usefixtures("few_at_a_time")
async def test_a_page_of_events_may_be_short_and_have_a_next_one(api: Api) -> None:
    of = await mappings(api)
    await of.put(From=NUMBER)
    for n in range(8):
        await of.put(Pinned=("true", "false")[n % 2])
    answer = await api.client.get(f"/v1/Services/{of.service}/StickyEvents", {"Kind": "created"})
    assert answer.json["sticky_events"] == []
    while not answer.json["sticky_events"]:
        answer = await api.client.follow(answer.json["meta"]["next_page_url"])
    assert [e["kind"] for e in answer.json["sticky_events"]] == ["created"]


async def test_S_86_all_of_a_number_are_reset_at_once(api: Api) -> None:
    of = await mappings(api)
    people = [f"+1415555{n:04}" for n in range(200, 206)]
    for n, person in enumerate(people):
        await of.put(To=person, From=(NUMBER, OTHER_NUMBER)[n % 2], Pinned=("false", "true", "strict")[n % 3])
    number_sid = await api.number(NUMBER)
    before = (await api.client.get(f"/v1/Services/{of.service}/PhoneNumbers/{number_sid}")).json
    assert (await api.client.delete(of.path, {"From": NUMBER, "Reason": "spam"})).status == 204
    assert [await of.number(person) for person in people] == [None, OTHER_NUMBER] * 3
    dead = await of.of(people[0])
    assert dead is not None
    assert (dead["live"], dead["why_dead"]) == (False, "reset")
    assert (await api.client.get(f"/v1/Services/{of.service}/PhoneNumbers/{number_sid}")).json == before
    (told,) = await of.events(Kind="reset")
    assert (told["to"], told["from_before"], told["from"], told["reason"]) == (None, NUMBER, None, "spam")
    for person in people:
        assert await sent(api, of.service, person) in (NUMBER, OTHER_NUMBER)
    for person in people[::2]:
        latest = (await of.events(To=person))[0]
        assert (latest["kind"], latest["cause"], latest["from_before"]) == ("replaced", "reset", NUMBER)
    assert (await api.client.delete(of.path, {"From": THIRD})).says == (404, 20404)


async def test_S_86_all_of_a_service_are_reset_at_once_and_only_when_it_is_said(api: Api) -> None:
    of = await mappings(api)
    for person in (PERSON, OTHER_PERSON):
        await of.put(To=person, From=NUMBER)
    for query in ({}, {"All": "false"}, {"All": "true", "To": PERSON}, {"From": NUMBER, "To": PERSON}):
        assert (await api.client.delete(of.path, query)).says == (400, 20001)
    assert await of.number() == NUMBER
    assert (await api.client.delete(of.path, {"All": "true"})).status == 204
    assert (await of.number(), await of.number(OTHER_PERSON)) == (None, None)
    (told,) = await of.events(Kind="reset")
    assert (told["to"], told["from_before"], told["cause"]) == (None, None, "reset")
    assert (await of.put(From=NUMBER)).json["live"] is True


async def test_S_17_what_leaves_a_pool_is_one_event_for_everybody(api: Api) -> None:
    of = await mappings(api, NUMBER, OTHER_NUMBER, THIRD)
    for n, number in enumerate((NUMBER, OTHER_NUMBER, THIRD)):
        await of.put(To=f"+1415555020{n}", From=number)
    await api.client.delete(f"/v1/Services/{of.service}/PhoneNumbers/{await api.number(NUMBER)}")
    await api.client.delete(f"/IncomingPhoneNumbers/{await api.number(OTHER_NUMBER)}.json")
    assert await of.told(Kind="removed") == [
        ("removed", "number_removed", NUMBER, None), ("removed", "number_released", OTHER_NUMBER, None),
    ]  # fmt: skip
    assert {e["actor"] for e in await of.events(Kind="removed")} == {f"api:{api.account.sid}"}
    assert (await api.client.delete(f"/v1/Services/{of.service}")).status == 204
    rows = await api.world.database.pool.fetch("SELECT cause, recipient FROM sticky_event WHERE kind = 'removed'")
    assert {tuple(row) for row in rows} >= {("service_deleted", "")}
    assert len(rows) == 3
