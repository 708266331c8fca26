"""A person of the simulated carrier writes, the customer answers with the official TwiML builder, and the person hears it."""

from __future__ import annotations

import asyncio

import requests
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.twiml.messaging_response import MessagingResponse

from tests.support.customer import Answer, recording_customer
from tests.support.wait import until
from tests.wire.conftest import Wire

PERSON = "+14155550188"


async def test_a_text_is_received_answered_and_the_conversation_kept(wire: Wire, client: Client) -> None:
    async with recording_customer() as customer:
        reply = MessagingResponse()
        reply.message("Welcome!")
        customer.always(Answer(headers={"Content-Type": "application/xml"}, body=str(reply).encode()), "/in")
        service = await asyncio.to_thread(wire.pool, 2, inbound_request_url=customer.url("/in"))
        number = client.messaging.v1.services(service).phone_numbers.list()[1].phone_number
        form = {"From": PERSON, "To": number, "Body": "Grüße " * 40}
        credentials = (wire.ready["account_sid"], wire.ready["auth_token"])
        written = await asyncio.to_thread(
            requests.post, f"{wire.url}/v1/Simulator/Texts", data=form, auth=credentials, timeout=10
        )
        assert written.status_code == 201
        (request, *_) = await customer.wait_for(1)
        told = request.form
        assert RequestValidator(credentials[1]).validate(request.url, told, request.headers["X-Twilio-Signature"])
        assert (told["From"], told["To"], told["MessagingServiceSid"]) == (PERSON, number, service)
        received = await asyncio.to_thread(client.messages(told["MessageSid"]).fetch)
        assert (received.direction, received.status, received.from_, received.to) == (
            "inbound",
            "received",
            PERSON,
            number,
        )

        async def answered() -> bool:
            return bool(await asyncio.to_thread(client.messages.list, to=PERSON, from_=number))

        await until(answered)
        replied = client.messages.list(to=PERSON, from_=number)[-1]
        assert (replied.body, replied.direction, replied.messaging_service_sid) == (
            "Welcome!",
            "outbound-reply",
            service,
        )
