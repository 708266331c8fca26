"""A program as people write it for Twilio: nothing in it knows of Limpet. Prints as JSON what it saw."""

import json
import os
import sys

from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

client = Client()
service = os.environ["TWILIO_MESSAGING_SERVICE_SID"]
for number in range(3):
    client.messaging.v1.services.create(friendly_name=f"Unchanged {number}")
message = client.messages.create(to=sys.argv[1], messaging_service_sid=service, body="Nothing was changed")
try:
    client.conversations.v1.services("IS" + "0" * 32).fetch()
    elsewhere = []
except TwilioRestException as error:
    elsewhere = [error.status, error.code]
print(
    json.dumps(
        {
            "sid": message.sid,
            "body": message.body,
            "bodies": [each.body for each in client.messages.list(to=sys.argv[1])],
            "services": len(list(client.messaging.v1.services.stream(page_size=1))),
            "url": client.messaging.v1.services(service).fetch().url,
            "by_edge": Client(edge="dublin", region="ie1").messages(message.sid).fetch().sid,
            "elsewhere": elsewhere,
        }
    )
)
