"""`limpet webhook` against a running Limpet: what failed is listed, shown and posted once more."""

from __future__ import annotations

import asyncio
import json

from twilio.rest import Client

from tests.support.customer import Answer, recording_customer
from tests.support.limpet_process import data_directory, limpet, limpet_dev


async def test_what_was_given_up_is_listed_shown_and_replayed() -> None:
    with data_directory() as data:
        async with recording_customer() as customer:
            customer.plan(Answer(410))
            with limpet_dev(data) as process:
                await _walk(process.ready, str(data), customer)


async def _walk(ready: dict[str, str], data: str, customer) -> None:
    client = Client(ready["account_sid"], ready["auth_token"])
    uri = f"{ready['url']}/2010-04-01/Accounts/{ready['account_sid']}/Messages.json"
    form = {
        "To": "+14155550142", "MessagingServiceSid": ready["service_sid"], "Body": "Hi", "StatusCallback": customer.url(),
        "StatusCallbackEvents": "delivered",
    }  # fmt: skip
    sent = json.loads(
        (await asyncio.to_thread(client.http_client.request, "POST", uri, data=form, auth=client.auth)).text
    )
    [first] = await customer.wait_for(1)
    assert first.form["MessageSid"] == sent["sid"]
    one = await _given_up(data)
    assert one["message_sid"] == sent["sid"]
    table = await asyncio.to_thread(limpet, "webhook", "list", "--data", data)
    assert "given_up" in table.stdout
    shown = await asyncio.to_thread(limpet, "webhook", "show", one["sid"], "--data", data)
    assert customer.url() in shown.stdout
    again = await asyncio.to_thread(limpet, "webhook", "replay", one["sid"], "--data", data)
    assert again.returncode == 0, again.stderr
    repeated = (await customer.wait_for(2))[1]
    assert (repeated.body, repeated.headers["I-Twilio-Idempotency-Token"]) == (first.body, one["idempotency_token"])
    unknown = await asyncio.to_thread(limpet, "webhook", "show", "WD" + "0" * 32, "--data", data)
    assert (unknown.returncode, unknown.stderr.count("\n")) == (1, 1)


async def _given_up(data: str) -> dict[str, str]:
    """The one try that was given up, as soon as it is in the log."""
    async with asyncio.timeout(20):
        while True:
            listed = await asyncio.to_thread(
                limpet, "webhook", "list", "--outcome", "given_up", "--json", "--data", data
            )
            if found := json.loads(listed.stdout):
                return dict(found[0])
