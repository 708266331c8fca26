"""The official Python SDK asks that things be not kept, and shortens links, unmodified but for its base URL."""

from __future__ import annotations

import asyncio
from typing import Any

import requests
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from tests.support.customer import recording_customer
from tests.wire.conftest import Wire
from tests.wire.test_sdk_messages import PERSON, finished

MASKED = PERSON[:-4] + "XXXX"


async def test_text_and_number_are_gone_and_the_person_hears_from_the_same_number(wire: Wire, client: Client) -> None:
    service = wire.pool(4)
    plain = client.messages.create(to=PERSON, messaging_service_sid=service, body="One")
    hidden = client.messages.create(
        to=PERSON, messaging_service_sid=service, body="Two", content_retention="discard", address_retention="obfuscate"
    )
    assert (hidden.to, hidden.body, hidden.status) == (MASKED, "", "accepted")
    done = await finished(client, hidden.sid)
    assert (done.to, done.body, done.num_segments) == (MASKED, "", "1")
    assert done.from_ == (await finished(client, plain.sid)).from_
    assert {one.sid for one in client.messages.list(to=PERSON)} >= {plain.sid, hidden.sid}
    again = client.messages.create(
        to=PERSON, messaging_service_sid=service, body="Three", address_retention="obfuscate"
    )
    assert (await finished(client, again.sid)).from_ == done.from_


async def test_links_are_short_and_a_click_is_told_and_signed(wire: Wire, client: Client) -> None:
    listed = await asyncio.to_thread(
        requests.get, f"{wire.url}/v1/LinkShortening/Domains", auth=client.auth, timeout=10
    )
    domain = listed.json()["domains"][0]
    config = client.messaging.v1.domain_config(domain["domain_sid"])
    validator, service, link = RequestValidator(wire.ready["auth_token"]), wire.pool(1), "https://example.com/a?b=c"
    async with recording_customer() as customer:
        set_up: Any = await asyncio.to_thread(config.update, callback_url=customer.url("/clicks"))
        assert (set_up.callback_url, set_up.domain_sid, set_up.continue_on_failure) == (
            customer.url("/clicks"), domain["domain_sid"], True,
        )  # fmt: skip
        assert config.fetch().config_sid == set_up.config_sid
        made = await asyncio.to_thread(
            client.messages.create, to=PERSON, messaging_service_sid=service, body=f"See {link}.", shorten_urls=True
        )
        short = made.body.removeprefix("See ").removesuffix(".")
        assert short.startswith(wire.url + "/")
        led = await asyncio.to_thread(requests.get, short, allow_redirects=False, timeout=10)
        assert (led.status_code, led.headers["Location"]) == (302, link)
        (click,) = await customer.wait_for(1)
    assert validator.validate(customer.url("/clicks"), click.form, click.headers["X-Twilio-Signature"])
    assert (click.form["event_type"], click.form["sms_sid"], click.form["link"]) == ("click", made.sid, link)
    assert (click.form["to"], click.form["shortened_link"]) == (PERSON, short)
    association = client.messaging.v1.linkshortening_messaging_service(domain["domain_sid"], service).create()
    assert association.messaging_service_sid == service
    found = client.messaging.v1.linkshortening_messaging_service_domain_association(service).fetch()
    assert found.domain_sid == domain["domain_sid"]
    assert client.messaging.v1.domain_config_messaging_service(service).fetch().config_sid == set_up.config_sid
    assert client.messaging.v1.domain_validate_dns(domain["domain_sid"]).fetch().is_valid is True
