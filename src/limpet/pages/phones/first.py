"""How the first message is sent: the lines for each client, with everything in them that a developer needs. Words only."""

from __future__ import annotations

from collections.abc import Sequence

from limpet.pages.phones.facts import Facts

RECIPIENT = "+14155550199"


def examples(facts: Facts) -> Sequence[tuple[str, str]]:
    """Each client's name with its lines."""
    sid, token, service, url = facts.account_sid, facts.auth_token, facts.service_sid, facts.url
    return [
        ("Python", f"""\
from twilio.rest import Client
client = Client("{sid}", "{token}")
client.api.base_url = client.messaging.base_url = "{url}"
client.messages.create(to="{RECIPIENT}", messaging_service_sid="{service}", body="Hello")"""),
        ("Node", f"""\
const client = require("twilio")("{sid}", "{token}");
client.api.baseUrl = client.messaging.baseUrl = "{url}";
client.messages.create({{to: "{RECIPIENT}", messagingServiceSid: "{service}", body: "Hello"}});"""),
        ("curl", f"""\
curl -u {sid}:{token} {url}/2010-04-01/Accounts/{sid}/Messages.json \\
  --data-urlencode To={RECIPIENT} -d MessagingServiceSid={service} -d Body=Hello"""),
        ("Anything else that takes a base URL", f"""\
{url} in the place of https://api.twilio.com and https://messaging.twilio.com"""),
    ]  # fmt: skip
