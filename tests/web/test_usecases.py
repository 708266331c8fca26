"""The use cases that a service may name are those that its form takes."""

from __future__ import annotations

from tests.web.conftest import Api


async def test_each_use_case_that_is_listed_can_be_set(api: Api) -> None:
    listed = (await api.client.get("/v1/Services/Usecases")).json["usecases"]
    assert len(listed) == 6
    for each in listed:
        made = await api.client.post("/v1/Services", FriendlyName="x", Usecase=each["usecase"])
        assert (made.status, made.json["usecase"]) == (201, each["usecase"])
