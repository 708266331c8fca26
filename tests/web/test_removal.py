"""What if a number left its pool, over HTTP: who would change, to whom; and that it comes about so."""

from __future__ import annotations

from collections import Counter

import pytest

from limpet.flow import removal
from tests.web.conftest import NUMBER, OTHER_NUMBER, Api

THIRD = "+14155550103"
PEOPLE = [f"+1415555{n:04}" for n in range(2000, 2040)]


async def number_sid(api: Api, service: str, number: str) -> str:
    listed = (await api.client.get(f"/v1/Services/{service}/PhoneNumbers")).json["phone_numbers"]
    return str(next(one["sid"] for one in listed if one["phone_number"] == number))


async def mapped(api: Api, service: str, number: str, people: list[str]) -> str:
    """People who hear from a number, by naming it; the path of the number."""
    for person in people:
        await api.message(service, person, From=number)
    await api.world.settle()
    return f"/v1/Services/{service}/PhoneNumbers/{await number_sid(api, service, number)}"


async def test_S_104_the_people_of_a_number_are_split_as_weights_say_and_nothing_is_written(api: Api) -> None:
    service = await api.pool(NUMBER, OTHER_NUMBER, THIRD)
    path = await mapped(api, service, NUMBER, PEOPLE)
    await mapped(api, service, OTHER_NUMBER, ["+14155553000"])
    other = f"/v1/Services/{service}/PhoneNumbers/{await number_sid(api, service, OTHER_NUMBER)}"
    await api.client.post(other, Weight="3")
    before = await api.rows()
    found = (await api.client.get(f"{path}/Removal")).json
    assert await api.rows() == before
    assert {one["phone_number"]: one["people"] for one in found["to"]} == {OTHER_NUMBER: 30, THIRD: 10}
    assert (found["people"], found["nobody"], found["unknown"], found["estimated"]) == (40, 0, 0, False)
    await api.client.post(other, State="drain")
    assert [one["people"] for one in (await api.client.get(f"{path}/Removal")).json["to"]] == [40]
    assert (await api.client.delete(path)).status == 204
    went = Counter[str]()
    for person in PEOPLE:
        sent = await api.message(service, person)
        await api.world.settle()
        went[(await api.client.get(f"/Messages/{sent['sid']}.json")).json["from"]] += 1
    assert went == {THIRD: 40}


async def test_S_104_who_would_hear_from_nobody_is_told(api: Api) -> None:
    service = await api.pool(NUMBER)
    path = await mapped(api, service, NUMBER, PEOPLE[:3])
    found = (await api.client.get(f"{path}/Removal")).json
    assert (found["people"], found["nobody"], found["to"]) == (3, 3, [])


async def test_S_104_of_many_some_are_looked_at(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    service = await api.pool(NUMBER, OTHER_NUMBER)
    path = await mapped(api, service, NUMBER, PEOPLE)
    monkeypatch.setattr(removal, "PEOPLE_MAX", 10)
    monkeypatch.setattr(removal, "ROWS_A_STEP", 1)
    found = (await api.client.get(f"{path}/Removal")).json
    assert found["estimated"]
    assert 10 <= found["people"] <= 200
    assert found["to"][0]["people"] == found["people"]


async def test_S_104_numbers_of_others_are_not_found(api: Api) -> None:
    service = await api.pool(NUMBER)
    path = f"/v1/Services/{service}/PhoneNumbers/{await number_sid(api, service, NUMBER)}"
    assert (await api.stranger.get(f"{path}/Removal")).says == (404, 20404)
    assert (await api.client.get(f"{path[:-3]}000/Removal")).says == (404, 20404)
