"""`limpet numbers swap` as a person meets it: a real server, a simulated registrar, progress to the end and refusals."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twilio.rest import Client

from tests.support.limpet_process import LimpetProcess, limpet, limpet_dev
from tests.support.wait import until

PERSON = "+14155550199"
BUNDLE = "BU" + "1" * 32


@pytest.fixture(scope="module")
def running(data: Path) -> Iterator[LimpetProcess]:
    with limpet_dev(data) as process:
        yield process
        process.end(signal.SIGTERM)


@pytest.fixture(scope="module")
def client(running: LimpetProcess) -> Client:
    client = Client(running.ready["account_sid"], running.ready["auth_token"])
    client.api.base_url = client.messaging.base_url = running.ready["url"]
    return client


def number(client: Client, wanted: str) -> tuple[str, str]:
    bought = client.incoming_phone_numbers.create(phone_number=wanted)
    assert bought.sid is not None
    return bought.sid, wanted


def wait_for(condition: Callable[[], bool]) -> None:
    asyncio.run(until(lambda: asyncio.to_thread(condition), 60.0))


def swap(data: Path, *arguments: str) -> tuple[int, str]:
    ended = limpet("numbers", "swap", *arguments, "--data", str(data))
    return ended.returncode, (ended.stdout + ended.stderr).strip()


def test_a_swap_is_waited_for_with_its_progress(client: Client, data: Path) -> None:
    (old_sid, old), (new_sid, new) = number(client, "+12125550131"), number(client, "+12125550132")
    service = client.messaging.v1.services.create(friendly_name="Swap")
    service.phone_numbers.create(phone_number_sid=old_sid)
    client.messages.create(to=PERSON, messaging_service_sid=service.sid, body="Hello")
    code, said = swap(data, old, new, "--service", str(service.sid), "--wait")
    assert code == 0, said
    lines = said.splitlines()
    assert lines[-1] == f"{old} is swapped: 1 people hear from its replacement."
    assert lines[0].startswith(f"{old} waits for its replacement: "), "how far it has come is told meanwhile"
    assert [one.sid for one in service.phone_numbers.list()] == [new_sid]
    code, said = swap(data, old_sid, "--service", str(service.sid), "--json")
    told = json.loads(said)
    assert (code, told["state"], told["moved"]) == (0, "done", 1)


def test_S_108_people_are_told_of_a_swap(client: Client, data: Path) -> None:
    (old_sid, old), (_, new) = number(client, "+12125550135"), number(client, "+12125550136")
    service = client.messaging.v1.services.create(friendly_name="Swap with a notice")
    service.phone_numbers.create(phone_number_sid=old_sid)
    client.messages.create(to=PERSON, messaging_service_sid=service.sid, body="Hello")
    code, said = swap(data, old, new, "--service", str(service.sid), "--wait", "--notify", "We have a new number")
    assert code == 0, said
    assert said.splitlines()[-1] == f"{old} is swapped: 1 people hear from its replacement. 1 of them were told."
    assert [one.from_ for one in client.messages.list(limit=20) if one.body == "We have a new number"] == [new]
    drains = limpet("numbers", "set", new, "--service", str(service.sid), "--state", "drain", "--data", str(data))
    assert drains.returncode == 0, drains.stderr
    (third_sid, third) = number(client, "+12125550137")
    service.phone_numbers.create(phone_number_sid=third_sid)
    code, said = swap(data, third, new, "--service", str(service.sid))
    assert (code, f"{new} drains, and a replacement must be active" in said) == (1, True), said
    code, said = swap(data, third, "--notify", "x", "--service", str(service.sid))
    assert (code, said) == (2, "limpet: --notify says what NEW is to tell; give both.")


def test_a_replacement_that_cannot_be_registered_ends_the_swap(client: Client, data: Path) -> None:
    (old_sid, old), (_, new) = number(client, "+12125550133"), number(client, "+12125559911")
    v1 = client.messaging.v1
    brand = v1.brand_registrations.create(customer_profile_bundle_sid=BUNDLE, a2p_profile_bundle_sid=BUNDLE, mock=False)
    wait_for(lambda: v1.brand_registrations(str(brand.sid)).fetch().status == "APPROVED")
    service = v1.services.create(friendly_name="Swap with a campaign")
    service.phone_numbers.create(phone_number_sid=old_sid)
    campaign = service.us_app_to_person.create(
        brand_registration_sid=str(brand.sid), us_app_to_person_usecase="MIXED", has_embedded_links=True,
        has_embedded_phone=False, description="Notices about parcels that are under way",
        message_flow="People tick a box when they order parcels.",
        message_samples=["Your parcel leaves today.", "It has arrived. Thank you!"],
    )  # fmt: skip
    wait_for(
        lambda: v1.services(str(service.sid)).us_app_to_person(str(campaign.sid)).fetch().campaign_status == "VERIFIED"
    )
    code, said = swap(data, old, new, "--service", str(service.sid), "--wait")
    assert code == 1
    assert f"{old} waits for its replacement: " in said
    assert said.splitlines()[-1] == f"limpet: {old} was not swapped: The replacement could not be registered."
    assert {one.phone_number for one in service.phone_numbers.list()} == {old, new}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("+12125550199", "+12125550132"), "+12125550199 is not in "),
        (("+12125550199",), "A number that has left is named by its SID (PN"),
        (("PN" + "0" * 32,), "is not being swapped, or the account has no such service."),
    ],
)
def test_what_cannot_be_swapped_is_said_in_a_sentence(
    client: Client, data: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    service = client.messaging.v1.services.create(friendly_name="Nothing")
    code, said = swap(data, *arguments, "--service", str(service.sid))
    assert code == 1
    assert sentence in said
    assert said.startswith("limpet: "), said
