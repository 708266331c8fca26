"""Rebalances over HTTP: the plan, what becomes of it step by step, and what is refused."""

from __future__ import annotations

import pytest

from tests.web.conftest import NUMBER, OTHER_NUMBER, Api

PEOPLE = [f"+1415555{n:04}" for n in range(2000, 2020)]


async def grown(api: Api, **form: object) -> str:
    """The path of the rebalances of a service with twenty people of one number, and a number that has joined since."""
    service = await api.pool(NUMBER, **form)
    for person in PEOPLE:
        await api.message(service, person)
    await api.world.settle()
    for submission in list(api.world.lane.open.values()):
        api.world.lane.take(submission)
    await api.world.settle()
    joined = await api.number(OTHER_NUMBER)
    assert (
        await api.client.post(f"/v1/Services/{service}/PhoneNumbers", PhoneNumberSid=joined, Weight="1")
    ).status == 201
    return f"/v1/Services/{service}/Rebalances"


async def test_S_105_a_plan_is_made_shown_and_listed_and_moves_nobody(api: Api) -> None:
    path = await grown(api)
    before = await api.rows()
    made = await api.client.post(path, IdleDays="0", Percent="40", MaxMoves="9", PerSecond="50", Reason="more numbers")
    changed = {name for name, count in (await api.rows()).items() if count != before[name]}
    assert (made.status, changed) == (201, {"sticky_rebalance", "sticky_rebalance_quota"})
    one = made.json
    assert (one["status"], one["planned"], one["moved"], one["people"], one["estimated"]) == (
        "planned",
        8,
        0,
        20,
        False,
    )
    assert (one["idle_days"], one["percent"], one["max_moves"], one["per_second"]) == (0, 40, 9, 50)
    assert one["moves"] == [{"from": NUMBER, "to": OTHER_NUMBER, "planned": 8, "moved": 0}]
    assert [(m["phone_number"], m["weight"], m["people"], m["planned"]) for m in one["members"]] == [
        (NUMBER, 1, 20, 12), (OTHER_NUMBER, 1, 0, 8),
    ]  # fmt: skip
    assert one["url"].endswith(f"{path}/{one['sid']}")
    assert (one["reason"], one["actor"]) == ("more numbers", f"rebalance:{one['sid']}")
    assert (await api.client.get(f"{path}/{one['sid']}")).json == one
    plain = (await api.client.post(path)).json
    assert (plain["planned"], plain["idle_days"], plain["percent"], plain["per_second"]) == (0, 30, None, 200)
    listed = (await api.client.get(path, {"PageSize": "1"})).json
    assert [each["sid"] for each in listed["rebalances"]] == [plain["sid"]]
    following = await api.client.follow(listed["meta"]["next_page_url"])
    assert [each["sid"] for each in following.json["rebalances"]] == [one["sid"]]


async def test_S_107_it_is_applied_paused_canceled_and_undone_with_its_progress_shown(api: Api) -> None:
    path = await grown(api)
    at = f"{path}/{(await api.client.post(path, IdleDays='0', PerSecond='4')).json['sid']}"

    async def asked(status: str) -> tuple[str, int, int]:
        answer = await api.client.post(at, Status=status)
        assert answer.status == 200, answer.body
        await api.world.rebalances.turn()
        shown = (await api.client.get(at)).json
        return shown["status"], shown["moved"], shown["undone"]

    assert await asked("running") == ("running", 4, 0)
    assert await asked("paused") == ("paused", 4, 0)
    assert await asked("canceled") == ("canceled", 4, 0)
    refused = await api.client.post(at, Status="running")
    assert refused.says == (409, 20001)
    assert "it is canceled" in refused.json["message"]
    assert (await api.client.post(at, Status="undone")).json["status"] == "undoing"
    for _ in range(3):
        api.world.clock.advance(api.world.lease)
        await api.world.rebalances.turn()
    assert await asked("undone") == ("undone", 4, 4)
    events = (await api.client.get(path.replace("Rebalances", "StickyEvents"), {"Kind": "moved"})).json["sticky_events"]
    assert {(e["cause"], e["actor"]) for e in events} == {
        (cause, f"rebalance:{at.rpartition('/')[2]}") for cause in ("rebalance", "rebalance_undone")
    }
    assert len(events) == 8


async def test_S_107_of_a_service_one_is_under_way_at_a_time_and_none_while_sticky_sender_is_off(api: Api) -> None:
    path = await grown(api)
    first = (await api.client.post(path, IdleDays="0")).json["sid"]
    await api.client.post(f"{path}/{first}", Status="running")
    refused = await api.client.post(path)
    assert refused.says == (409, 20001)
    assert "another rebalance of the service is under way" in refused.json["message"]
    await api.client.post(f"{path}/{first}", Status="canceled")
    await api.client.post(path.removesuffix("/Rebalances"), StickySender="false")
    refused = await api.client.post(path)
    assert refused.says == (409, 20001)
    assert "Sticky Sender of the service is off" in refused.json["message"]


@pytest.mark.parametrize("form", [{}, {"Status": "done"}, {"Status": "Running"}, {"Status": ""}])
async def test_what_cannot_be_asked_of_a_rebalance_is_refused(api: Api, form: dict[str, str]) -> None:
    path = await grown(api)
    at = f"{path}/{(await api.client.post(path)).json['sid']}"
    before = await api.rows()
    assert (await api.client.post(at, form)).says == (400, 20001)
    assert await api.rows() == before


async def test_rebalances_of_others_are_not_found(api: Api) -> None:
    path = await grown(api)
    sid = (await api.client.post(path)).json["sid"]
    other = f"/v1/Services/{await api.service()}/Rebalances"
    for client, at in ((api.stranger, path), (api.stranger, f"{path}/{sid}"), (api.client, f"{other}/{sid}")):
        assert (await client.get(at)).says == (404, 20404)
        assert (await client.post(at, Status="running")).says == (404, 20404)
