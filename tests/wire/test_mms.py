"""Media by the official SDK against a running `limpet dev`, whose second simulated carrier takes them along."""

from __future__ import annotations

import time

import requests
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance

from limpet.devtools.seed import MMS_NUMBERS, NUMBERS
from tests.wire.conftest import Wire

PICTURE, PERSON = "https://example.com/a.png", "+14155557001"
WAIT_S = 20.0
MMS_NUMBER = sorted(MMS_NUMBERS)[0]


def final(client: Client, message: MessageInstance) -> MessageInstance:
    """The message once its status is final."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        shown = client.messages(str(message.sid)).fetch()
        if shown.status in ("delivered", "undelivered", "failed"):
            return shown
        time.sleep(0.05)
    raise TimeoutError


def test_media_go_out_as_one_mms(wire: Wire, client: Client) -> None:
    plain = client.messages.create(to=PERSON, from_=MMS_NUMBER, body="Look", media_url=[PICTURE])
    service = client.messages.create(
        to="+14155557002", messaging_service_sid=wire.ready["service_sid"], body="Look", media_url=[PICTURE]
    )
    for made in (plain, service):
        shown = final(client, made)
        assert (shown.status, shown.body, shown.num_media, shown.num_segments) == ("delivered", "Look", "1", "1")
        assert shown.sid.startswith("MM")
        assert shown.from_ in MMS_NUMBERS
        (medium,) = shown.media.list()
        assert medium.content_type == "image/png"


def test_a_number_without_mms_says_so(client: Client) -> None:
    form = {"To": PERSON, "From": NUMBERS[0], "MediaUrl": PICTURE}
    answer = requests.post(
        f"{client.api.base_url}/2010-04-01/Accounts/{client.account_sid}/Messages.json",
        data=form, auth=(client.username, client.password), timeout=10,
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (400, 21621)


def test_people_send_media(wire: Wire, client: Client) -> None:
    credentials = (client.username, client.password)
    form = {"From": PERSON, "To": MMS_NUMBER, "Body": "Look here", "MediaUrl": PICTURE}
    made = requests.post(f"{wire.url}/v1/Simulator/Texts", data=form, auth=credentials, timeout=10)
    assert made.status_code == 201, made.text
    end = time.monotonic() + WAIT_S
    while not (found := [m for m in client.messages.list(from_=PERSON, to=MMS_NUMBER) if m.direction == "inbound"]):
        assert time.monotonic() < end
        time.sleep(0.05)
    (message,) = found
    assert (message.body, message.num_media) == ("Look here", "1")
    (medium,) = message.media.list()
    there = requests.get(
        f"{wire.url}{medium.uri.removesuffix('.json')}", auth=credentials, allow_redirects=False, timeout=10
    )
    assert (there.status_code, there.headers["Location"]) == (307, PICTURE)
