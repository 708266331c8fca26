"""Why a message comes from its sender, over HTTP."""

from __future__ import annotations

from tests.web.conftest import NUMBER, OTHER_NUMBER, Api


async def test_the_first_message_names_its_rung_and_the_next_the_mapping(api: Api) -> None:
    service = await api.pool(NUMBER, OTHER_NUMBER, AreaCodeGeomatch="true")
    decisions = []
    for _ in range(2):
        sid = (await api.message(service))["sid"]
        answer = await api.client.get(f"/Messages/{sid}/Decision.json")
        assert answer.status == 200
        decisions.append(answer.json)
    first, second = decisions
    assert (first["reason"], first["sticky"]) == ("area_code", "created")
    assert (second["reason"], second["sticky"]) == ("sticky", "used")
    assert first["from"] == second["from"]
    assert first["messaging_service_sid"] == service


async def test_where_nobody_can_send_each_candidate_says_why_not(api: Api) -> None:
    service = await api.pool(NUMBER)
    await api.world.database.pool.execute("UPDATE sender SET capabilities = '{voice}'")
    await api.world.database.pool.execute("UPDATE service SET generation = generation + 1")
    sid = (await api.message(service))["sid"]
    answer = await api.client.get(f"/Messages/{sid}/Decision.json")
    assert (answer.json["from"], answer.json["reason"], answer.json["rejections"]) == (None, None, {NUMBER: "no_sms"})


async def test_another_accounts_message_has_no_decision(api: Api) -> None:
    sid = (await api.message(await api.pool(NUMBER)))["sid"]
    assert (await api.stranger.get(f"/Messages/{sid}/Decision.json")).says == (404, 20404)
