"""Messages through the door: what a customer sends, sees, lists, takes back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from limpet.core.model import AccountStatus
from limpet.twilio.dates import iso8601, rfc2822
from tests.support.clock import HandClock
from tests.web.conftest import NUMBER, OTHER_NUMBER, PERSON, Api

SECOND_PERSON = "+14155550198"


async def test_a_service_message_is_accepted_without_a_sender(api: Api, clock: HandClock) -> None:
    service = await api.pool(NUMBER)
    answer = await api.client.post("/Messages.json", To=PERSON, MessagingServiceSid=service, Body="Hello 👍")
    assert answer.status == 201
    message = answer.json
    assert message["sid"].startswith("SM")
    assert {k: message[k] for k in ("status", "from", "to", "body", "messaging_service_sid", "num_segments", "num_media")} == {
        "status": "accepted", "from": None, "to": PERSON, "body": "Hello 👍", "messaging_service_sid": service,
        "num_segments": "0", "num_media": "0",
    }  # fmt: skip
    assert message["date_created"] == rfc2822(clock.now())
    assert message["uri"] == api.client.within(f"/Messages/{message['sid']}.json")
    assert (message["date_sent"], message["error_code"], message["price"]) == (None, None, None)


async def test_the_sender_shows_once_it_is_chosen(api: Api) -> None:
    service = await api.pool(NUMBER)
    message = await api.message(service)
    fetched = (await api.client.get(f"/Messages/{message['sid']}.json")).json
    assert (fetched["from"], fetched["num_segments"]) == (NUMBER, "1")
    assert fetched["status"] in ("queued", "sending")


async def test_a_plain_from_is_queued_with_it(api: Api) -> None:
    await api.number(NUMBER)
    answer = await api.client.post("/Messages.json", {"To": PERSON, "From": NUMBER, "Body": "Hi"})
    assert answer.status == 201
    message = answer.json
    assert (message["status"], message["from"], message["num_segments"]) == ("queued", NUMBER, "1")
    assert message["messaging_service_sid"] is None


async def test_a_service_sid_in_from_is_a_service(api: Api) -> None:
    service = await api.pool(NUMBER)
    answer = await api.client.post("/Messages.json", {"To": PERSON, "From": service, "Body": "Hi"})
    assert (answer.status, answer.json["status"], answer.json["messaging_service_sid"]) == (201, "accepted", service)


async def test_a_service_message_with_a_from_of_its_pool_shows_it(api: Api) -> None:
    service = await api.pool(NUMBER, OTHER_NUMBER)
    message = await api.message(service, From=OTHER_NUMBER)
    assert (message["status"], message["from"]) == ("accepted", OTHER_NUMBER)


async def test_a_number_without_its_plus_is_the_same_person(api: Api) -> None:
    service = await api.pool(NUMBER)
    form = f"To={PERSON}&MessagingServiceSid={service}&Body=Hi".encode()  # the plus is a space to a form's reader
    answer = await api.client.post("/Messages.json", form)
    assert (answer.status, answer.json["to"]) == (201, PERSON)


async def test_the_last_of_two_values_counts(api: Api) -> None:
    service = await api.pool(NUMBER)
    form = {"To": [SECOND_PERSON, PERSON], "MessagingServiceSid": service, "Body": ["first", "last"]}
    answer = await api.client.post("/Messages.json", form)
    assert (answer.status, answer.json["to"], answer.json["body"]) == (201, PERSON, "last")


async def test_unknown_parameters_are_ignored(api: Api) -> None:
    service = await api.pool(NUMBER)
    assert (await api.message(service, Colour="blue"))["status"] == "accepted"


@pytest.mark.parametrize("path", ["/Messages", "/Messages.json"])
async def test_an_api_key_sends_for_its_account(api: Api, path: str) -> None:
    service = await api.pool(NUMBER)
    answer = await api.key.post(path, To=PERSON, MessagingServiceSid=service, Body="Hi")
    assert (answer.status, answer.json["account_sid"]) == (201, api.account.sid)


async def test_a_scheduled_message_can_be_canceled_once(api: Api, clock: HandClock) -> None:
    service = await api.pool(NUMBER)
    at = iso8601(clock.now() + timedelta(hours=1))
    message = await api.message(service, ScheduleType="fixed", SendAt=at)
    assert (message["status"], message["from"], message["num_segments"]) == ("scheduled", None, "0")
    place = f"/Messages/{message['sid']}.json"
    canceled = await api.client.post(place, Status="canceled")
    assert (canceled.status, canceled.json["status"], canceled.json["from"]) == (200, "canceled", None)
    assert (await api.client.post(place, Status="canceled")).says == (400, 30409)


async def test_only_a_scheduled_message_can_be_canceled(api: Api) -> None:
    message = await api.message(await api.pool(NUMBER))
    assert (await api.client.post(f"/Messages/{message['sid']}.json", Status="canceled")).says == (400, 30409)


async def test_a_message_is_redacted_and_deleted_only_when_it_is_through(api: Api, clock: HandClock) -> None:
    service = await api.pool(NUMBER)
    under_way = f"/Messages/{(await api.message(service))['sid']}.json"
    assert (await api.client.post(under_way, Body="")).says == (409, 20009)
    assert (await api.client.delete(under_way)).says == (409, 20009)
    at = iso8601(clock.now() + timedelta(hours=1))
    through = f"/Messages/{(await api.message(service, ScheduleType='fixed', SendAt=at))['sid']}.json"
    await api.client.post(through, Status="canceled")
    redacted = await api.client.post(through, Body="")
    assert (redacted.status, redacted.json["body"], redacted.json["status"]) == (200, "", "canceled")
    deleted = await api.client.delete(through)
    assert (deleted.status, deleted.body) == (204, b"")
    assert (await api.client.get(through)).says == (404, 20404)
    assert (await api.client.delete(through)).says == (404, 20404)


async def test_a_list_is_walked_page_by_page_there_and_back(api: Api) -> None:
    service = await api.pool(NUMBER)
    sent = [(await api.message(service, f"+1415555{n:04}"))["sid"] for n in range(5)]
    page = (await api.client.get("/Messages.json", {"PageSize": 2})).json
    seen, starts = [m["sid"] for m in page["messages"]], [(page["page"], page["start"], page["end"])]
    while page["next_page_uri"]:
        assert page["next_page_uri"].startswith("/2010-04-01/")
        page = (await api.client.follow(page["next_page_uri"])).json
        seen += [m["sid"] for m in page["messages"]]
        starts.append((page["page"], page["start"], page["end"]))
    assert seen == sent[::-1]
    assert starts == [(0, 0, 1), (1, 2, 3), (2, 4, 4)]
    back = (await api.client.follow(page["previous_page_uri"])).json
    assert [m["sid"] for m in back["messages"]] == seen[2:4]
    assert (await api.client.follow(page["uri"])).json == page
    first = (await api.client.follow(page["first_page_uri"])).json
    assert [m["sid"] for m in first["messages"]] == seen[:2]
    assert first["previous_page_uri"] is None


async def test_an_empty_list_is_a_page(api: Api) -> None:
    page = (await api.client.get("/Messages.json")).json
    assert (page["messages"], page["start"], page["end"], page["next_page_uri"], page["page_size"]) == (
        [],
        0,
        0,
        None,
        50,
    )


@pytest.mark.parametrize(("asked", "got"), [(1000, 1000), (1001, 1000), (1_000_000, 1000)])
async def test_a_page_has_a_thousand_rows_at_most(api: Api, asked: int, got: int) -> None:
    assert (await api.client.get("/Messages.json", {"PageSize": asked})).json["page_size"] == got


async def test_filters_choose_and_stay_on_the_following_pages(api: Api) -> None:
    service = await api.pool(NUMBER)
    for _ in range(3):
        await api.message(service)
    other = (await api.message(service, SECOND_PERSON))["sid"]
    found = (await api.client.get("/Messages.json", {"To": SECOND_PERSON})).json
    assert [m["sid"] for m in found["messages"]] == [other]
    page = (await api.client.get("/Messages.json", {"To": PERSON, "From": NUMBER, "PageSize": 2})).json
    rest = (await api.client.follow(page["next_page_uri"])).json
    assert [len(page["messages"]), len(rest["messages"])] == [2, 1]
    assert f"To=%2B{PERSON[1:]}&From=%2B{NUMBER[1:]}&PageSize=2&Page=1&PageToken=PA" in page["next_page_uri"]
    assert (await api.client.get("/Messages.json", {"To": "nobody"})).json["messages"] == []


async def test_dates_choose_what_was_sent_then(api: Api, clock: HandClock) -> None:
    service = await api.pool(NUMBER)
    message = await api.message(service)
    await api.world.settle()
    api.world.lane.take(api.world.lane.submitted[0])
    await api.world.settle()
    day, sent = clock.now(), f"/Messages/{message['sid']}.json"
    assert (await api.client.get(sent)).json["date_sent"] == rfc2822(day)
    before, after = day - timedelta(days=1), day + timedelta(days=1)
    for query, expected in (
        ({"DateSent": f"{day:%Y-%m-%d}"}, 1),
        ({"DateSent": f"{before:%Y-%m-%d}"}, 0),
        ({"DateSent": iso8601(day)}, 1),
        ({"DateSent>": f"{day:%Y-%m-%d}", "DateSent<": f"{after:%Y-%m-%d}"}, 1),
        ({"DateSent>": f"{after:%Y-%m-%d}"}, 0),
        ({"DateSent<": f"{day:%m/%d/%Y} 00:00:00 UTC"}, 0),
        ({"DateSent<": rfc2822(day)}, 1),
        ({"DateSent>": rfc2822(day)}, 1),
        ({"DateSent>": "0001-01-01"}, 1),
        ({"DateSent<": "9999-12-31"}, 1),
    ):
        assert len((await api.client.get("/Messages.json", query)).json["messages"]) == expected, query


async def test_nobody_sees_or_touches_the_messages_of_others(api: Api) -> None:
    message = await api.message(await api.pool(NUMBER))
    place = f"/Messages/{message['sid']}.json"
    assert (await api.stranger.get("/Messages.json")).json["messages"] == []
    for answer in (
        await api.stranger.get(place),
        await api.stranger.post(place, Body=""),
        await api.stranger.post(place, Status="canceled"),
        await api.stranger.delete(place),
        await api.stranger.get(api.client.within(place)),
        await api.stranger.post(api.client.within("/Messages.json"), To=PERSON, From=NUMBER, Body="x"),
    ):
        assert answer.says == (404, 20404)


async def test_a_suspended_account_may_look_but_not_send(api: Api, clock: HandClock) -> None:
    service = await api.pool(NUMBER)
    await api.deps.accounts.update(api.account.id, None, AccountStatus.SUSPENDED, clock.now())
    api.app.auth.invalidate(api.account.sid)
    assert (await api.client.get("/Messages.json")).status == 200
    refused = await api.client.post("/Messages.json", To=PERSON, MessagingServiceSid=service, Body="x")
    assert refused.says == (403, 20005)


async def test_a_database_that_is_away_is_told_as_503_with_when_to_come_again(api: Api) -> None:
    service = await api.pool(NUMBER)
    await api.world.settle()
    await api.world.database.close()
    sent = await api.client.post("/Messages.json", To=PERSON, MessagingServiceSid=service, Body="x")
    listed = await api.client.get("/Messages.json")
    assert [sent.says, listed.says] == [(503, 20503)] * 2
    assert sent.headers["retry-after"] == "1"
