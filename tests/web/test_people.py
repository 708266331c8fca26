"""The simulated carrier's people over HTTP: only where there is a simulated carrier, and only to one's own numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from limpet.web.app import create_app
from tests.web.client import Client
from tests.web.conftest import NUMBER, OTHER_NUMBER, PERSON, Api

GOOD = {"From": PERSON, "To": NUMBER, "Body": "hello"}


async def test_without_a_simulated_carrier_there_are_no_people(api: Api) -> None:
    assert (await api.client.post("/v1/Simulator/Texts", GOOD)).says == (404, 20404)
    for path in ("/phones", "/phones/messages.json", "/phones/events"):
        assert (await api.client.get(path)).says == (404, 20404)


class People:
    """The simulated carriers' end: `hand` brings texts, `second` media too."""

    def __init__(self) -> None:
        self.written: list[tuple[object, ...]] = []

    def write(self, carrier: str, person: str, number: str, body: str, media: Sequence[str]) -> bool:
        if carrier == "second" or not media:
            self.written.append((person, number, body, tuple(media)))
        return carrier == "second" or not media


async def test_a_person_writes_to_a_number_of_the_account(api: Api) -> None:
    people = People()
    app = create_app(replace(api.deps, person_writes=people.write))
    await api.number()
    client = replace(api.client, app=app)
    said = {"from": PERSON, "to": NUMBER, "body": "hello", "num_media": "0"}
    assert (await client.post("/v1/Simulator/Texts", GOOD)).json == said
    assert people.written == [(PERSON, NUMBER, "hello", ())]
    picture = {
        "From": PERSON,
        "To": OTHER_NUMBER,
        "MediaUrl": ["https://example.com/a.png", "https://example.com/b.png"],
    }
    await api.number(OTHER_NUMBER, Carrier="second")
    assert (await client.post("/v1/Simulator/Texts", picture)).json["num_media"] == "2"
    assert people.written[1] == (PERSON, OTHER_NUMBER, "", ("https://example.com/a.png", "https://example.com/b.png"))
    assert (await client.post("/v1/Simulator/Texts", {**picture, "To": NUMBER})).says == (400, 21621)
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
        ({"MediaUrl": "ftp://x"}, (400, 21620)),
    ],
)
async def test_what_is_wrong_is_told(api: Api, wrong: dict[str, str], says: tuple[int, int]) -> None:
    people = People()
    await api.number()
    client = replace(api.client, app=create_app(replace(api.deps, person_writes=people.write)))
    assert (await client.post("/v1/Simulator/Texts", {**GOOD, **wrong})).says == says
    assert people.written == []
