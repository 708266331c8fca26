"""The walk of numbers that join and of one that leaves, over HTTP against a running server: people are spread, told, and back."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import requests
from twilio.rest import Client

from tests.support.wait import until
from tests.wire.conftest import Wire

PEOPLE = [f"+1212555{n:04}" for n in range(4000, 4010)]
NOTICE = "Please note our new number"
WAIT_S = 60.0


def asked(wire: Wire, path: str, form: dict[str, str] | None = None) -> dict[str, Any]:
    """What a path answers, to a form if there is one."""
    answer = requests.request(
        "GET" if form is None else "POST", f"{wire.url}/v1/Services/{path}", data=form, timeout=20,
        auth=(wire.ready["account_sid"], wire.ready["auth_token"]),
    )  # fmt: skip
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


async def ends(wire: Wire, path: str, name: str, value: str) -> dict[str, Any]:
    """What a path answers once it says so."""
    found: dict[str, Any] = {}

    async def over() -> bool:
        found.update(await asyncio.to_thread(asked, wire, path))
        return bool(found[name] == value)

    await until(over, WAIT_S)
    return found


def froms(wire: Wire, service: str) -> Counter[str]:
    return Counter(one["from"] for one in asked(wire, f"{service}/StickyMappings")["sticky_mappings"])


async def test_people_are_spread_over_numbers_that_join_and_taken_back_and_hear_of_a_swap(
    wire: Wire, client: Client
) -> None:
    service = client.messaging.v1.services.create(friendly_name="Growing", area_code_geomatch=False)
    sid, numbers = str(service.sid), [wire.new_number() for _ in range(3)]
    sids = [str(client.incoming_phone_numbers.create(phone_number=number).sid) for number in numbers]
    service.phone_numbers.create(phone_number_sid=sids[0])
    for person in PEOPLE:
        client.messages.create(to=person, messaging_service_sid=sid, body="Hello")
    service.phone_numbers.create(phone_number_sid=sids[1])
    assert asked(wire, f"{sid}/Rebalances", {})["planned"] == 0, "everybody was in contact"
    plan = asked(wire, f"{sid}/Rebalances", {"IdleDays": "0"})
    assert plan["moves"] == [{"from": numbers[0], "to": numbers[1], "planned": 5, "moved": 0}]
    at = f"{sid}/Rebalances/{plan['sid']}"
    asked(wire, at, {"Status": "running"})
    assert (await ends(wire, at, "status", "done"))["moved"] == 5
    assert froms(wire, sid) == dict.fromkeys(numbers[:2], 5)
    asked(wire, at, {"Status": "undone"})
    assert (await ends(wire, at, "status", "undone"))["undone"] == 5
    assert froms(wire, sid) == {numbers[0]: 10}
    listed = asked(wire, f"{sid}/Rebalances?PageSize=1")
    assert ([one["sid"] for one in listed["rebalances"]], listed["meta"]["key"]) == ([plan["sid"]], "rebalances")

    place = f"{sid}/PhoneNumbers/{sids[0]}"
    asked(wire, f"{place}/Swap", {"PhoneNumberSid": sids[2], "NotifyBody": NOTICE, "NotifyPerSecond": "100"})
    done = await ends(wire, f"{place}/Swap", "state", "done")
    assert (done["moved"], done["to_tell"], done["told"], done["untold"]) == (10, 10, 10, 0)
    notices = [one for one in client.messages.list(limit=100) if one.body == NOTICE]
    assert Counter((one.to, one.from_) for one in notices) == dict.fromkeys(((to, numbers[2]) for to in PEOPLE), 1)
