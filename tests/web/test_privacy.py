"""A person's data over HTTP: exported as lines, counted, erased, refused while anything is on its way; and who asked for it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.support.clock import NOW
from tests.support.lane import receipt
from tests.web.conftest import NUMBER, PERSON, Api

WHOM = {"To": PERSON}


async def deliver(api: Api) -> None:
    """Let what is on its way arrive."""
    lane = api.world.lane
    for submission in list(lane.open.values()):
        for carrier_id in lane.take(submission):
            await api.world.settle()
            lane.tell(receipt(submission, carrier_id))
    await api.world.settle()


async def exported(api: Api) -> list[dict[str, Any]]:
    answer = await api.client.get("/v1/People", WHOM)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/x-ndjson")
    return [json.loads(line) for line in answer.body.splitlines()]


async def test_a_person_is_exported_counted_and_erased(api: Api) -> None:
    service = await api.pool(NUMBER)
    made = await api.message(service, StatusCallback="http://127.0.0.1:9/cb")
    await deliver(api)
    await api.client.post(f"/v1/Services/{service}/OptOuts", To=PERSON)
    lines = await exported(api)
    kinds = {line["kind"] for line in lines}
    assert kinds == {"message", "mapping", "sticky_event", "opt_out", "callback"}
    message = next(line for line in lines if line["kind"] == "message")
    shown = (await api.client.get(f"/Messages/{made['sid']}.json")).json
    assert message == {"kind": "message", **shown}
    mapping = next(line for line in lines if line["kind"] == "mapping")
    assert mapping == {
        "kind": "mapping", "service_sid": service, "sender": NUMBER, "created_day": str(NOW.date()),
        "last_used_day": str(NOW.date()), "established": False,
    }  # fmt: skip
    counted = await api.client.delete("/v1/People", {**WHOM, "DryRun": "true"})
    assert counted.json["counts"] == {kind: sum(line["kind"] == kind for line in lines) for kind in kinds}
    assert (counted.json["dry_run"], counted.json["on_their_way"]) == (True, [])
    assert [line["kind"] for line in await exported(api)] == [line["kind"] for line in lines]
    erased = await api.client.delete("/v1/People", WHOM)
    assert (erased.status, erased.json["counts"]) == (200, counted.json["counts"])
    assert (await api.client.get(f"/Messages/{made['sid']}.json")).status == 404
    assert [line["kind"] for line in await exported(api)] == ["opt_out"]


async def test_S_112_an_opt_out_of_a_forgotten_person_is_found_by_the_number_and_shows_nobody(api: Api) -> None:
    service = await api.pool(NUMBER)
    place = f"/v1/Services/{service}/OptOuts"
    await api.client.post(place, To=PERSON)
    await api.client.delete("/v1/People", WHOM)
    listed = (await api.client.get(place)).json["opt_outs"]
    assert [(one["to"], one["url"]) for one in listed] == [("XXXX", None)]
    assert (await api.client.get(f"{place}/{PERSON}")).json == listed[0]
    again = await api.client.post(f"{place}/Import", {"To": [PERSON]})
    assert again.json == {"imported": 0, "known": 1, "rejected": []}
    sent = await api.message(service)
    assert (await api.client.get(f"/Messages/{sent['sid']}.json")).json["error_code"] == 21610
    assert (await api.client.delete(f"{place}/{PERSON}")).status == 204
    assert (await api.client.get(place)).json["opt_outs"] == []


async def test_S_111_what_is_on_its_way_is_refused_with_what_to_wait_for(api: Api) -> None:
    service = await api.pool(NUMBER)
    at = NOW + timedelta(hours=1)
    made = await api.message(service, SendAt=at.isoformat(), ScheduleType="fixed")
    refused = await api.client.delete("/v1/People", WHOM)
    assert refused.says == (409, 20009)
    (waiting,) = refused.json["details"]["on_their_way"]
    assert (waiting["message_sid"], waiting["status"], waiting["send_at"][:13]) == (
        made["sid"], "scheduled", at.isoformat()[:13],
    )  # fmt: skip
    assert [line["kind"] for line in await exported(api)] == ["message"]
    await api.client.post(f"/Messages/{made['sid']}.json", Status="canceled")
    assert (await api.client.delete("/v1/People", WHOM)).json["counts"]["message"] == 1


async def test_S_116_who_asked_is_written_down_and_not_of_whom(api: Api) -> None:
    await api.message(await api.pool(NUMBER))
    await deliver(api)
    await exported(api)
    key = await api.key.delete("/v1/People", WHOM)
    assert key.status == 200
    asked = (await api.client.get("/v1/People/Requests")).json["requests"]
    by_key, by_token = f"api:{api.key.sid}", f"api:{api.client.sid}"
    assert [(one["act"], one["actor"]) for one in asked] == [("erase", by_key), ("export", by_token)]
    assert all(one["date_finished"] for one in asked)
    assert asked[0]["counts"] == asked[1]["counts"]
    assert PERSON[1:] not in json.dumps(asked)
    assert (await api.stranger.get("/v1/People/Requests")).json["requests"] == []
    first = (await api.client.get("/v1/People/Requests", {"PageSize": 1})).json
    assert [one["act"] for one in first["requests"]] == ["erase"]
    following = await api.client.follow(first["meta"]["next_page_url"])
    assert [one["act"] for one in following.json["requests"]] == ["export"]


@pytest.mark.parametrize(("query", "says"), [({}, (400, 20001)), ({"To": "nobody"}, (400, 21211))])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_whom_must_be_said(api: Api, method: str, query: dict[str, str], says: tuple[int, int]) -> None:
    before = await api.rows()
    assert (await api.client.call(method, "/v1/People", query=query)).says == says
    assert await api.rows() == before


async def test_S_115_another_account_finds_and_changes_nothing(api: Api) -> None:
    await api.message(await api.pool(NUMBER))
    await deliver(api)
    assert (await api.stranger.get("/v1/People", WHOM)).body == b""
    assert (await api.stranger.delete("/v1/People", WHOM)).json["counts"] == {}
    assert {"message", "mapping"} <= {line["kind"] for line in await exported(api)}
