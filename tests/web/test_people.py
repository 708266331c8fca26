"""The simulated carrier's people over HTTP: only where there is a simulated carrier, and only to one's own numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limpet.web.app import create_app
from tests.web.client import Client
from tests.web.conftest import NUMBER, PERSON, Api

GOOD = {"From": PERSON, "To": NUMBER, "Body": "hello"}


async def test_without_a_simulated_carrier_there_are_no_people(api: Api) -> None:
    assert (await api.client.post("/v1/Simulator/Texts", GOOD)).says == (404, 20404)


async def test_a_person_writes_to_a_number_of_the_account(api: Api) -> None:
    written: list[tuple[str, str, str]] = []
    app = create_app(replace(api.deps, person_writes=lambda *text: written.append(text)))
    await api.number()
    client = replace(api.client, app=app)
    assert (await client.post("/v1/Simulator/Texts", GOOD)).json == {"from": PERSON, "to": NUMBER, "body": "hello"}
    assert written == [(PERSON, NUMBER, "hello")]
    stranger: Client = replace(api.stranger, app=app)
    assert (await stranger.post("/v1/Simulator/Texts", GOOD)).says == (400, 21421)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"From": ""}, (400, 20001)),
        ({"From": "nobody"}, (400, 21212)),
        ({"To": ""}, (400, 21604)),
        ({"To": "+14155550998"}, (400, 21421)),
        ({"Body": ""}, (400, 20001)),
        ({"Body": "x" * 1601}, (400, 21617)),
    ],
)
async def test_what_is_wrong_is_told(api: Api, wrong: dict[str, str], says: tuple[int, int]) -> None:
    written: list[tuple[str, str, str]] = []
    await api.number()
    client = replace(api.client, app=create_app(replace(api.deps, person_writes=lambda *text: written.append(text))))
    assert (await client.post("/v1/Simulator/Texts", {**GOOD, **wrong})).says == says
    assert written == []
