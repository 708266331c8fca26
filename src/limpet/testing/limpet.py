"""The server as a test has it: who one is there, what phones got, and how time and the carrier are made to behave."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from limpet.testing.carrier import Carrier
from limpet.testing.door import Door, LimpetError
from limpet.testing.messages import UNDERWAY, Message, in_words, read_message
from limpet.testing.phone import Phone, looks

SETTLED_WITHIN_S = 5.0
RECEIPT_WITHIN_S = 1.0
"""So long is waited for what became of a message that the carrier has taken: some are lost on purpose."""


class Limpet:
    """One server. `ready` is what it said once it could serve (`limpet dev --ready-json`)."""

    def __init__(self, ready: Mapping[str, Any]) -> None:
        self.url: str = ready["url"]
        self.account_sid: str = ready["account_sid"]
        self.auth_token: str = ready["auth_token"]
        self.api_key_sid: str = ready["api_key_sid"]
        self.api_key_secret: str = ready["api_key_secret"]
        self.service_sid: str = ready["service_sid"]
        self.numbers: tuple[str, ...] = tuple(ready["numbers"])
        self.environment: dict[str, str] = dict(ready.get("proxy_environment") or {})
        """The variables by which a program comes here that nobody changed: for `subprocess.run(…, env=…)`."""
        self._door = Door(self.url, self.account_sid, self.auth_token)
        self._phones: dict[str, Phone] = {}
        self._client: Any = None
        self.carrier = Carrier(self._door)

    def __repr__(self) -> str:
        """As a failing assertion shows it."""
        return f"Limpet({self.url!r})"

    @property
    def client(self) -> Any:
        """A `twilio.rest.Client` of the account, led here; LimpetError when the package `twilio` is not installed."""
        if self._client is None:
            try:
                from twilio.http.http_client import TwilioHttpClient
                from twilio.rest import Client
            except ImportError:
                raise LimpetError("limpet.client needs Twilio's package: pip install twilio.") from None
            http = TwilioHttpClient()
            http.session.trust_env = False  # by no proxy of this machine's
            self._client = self.point(Client(self.account_sid, self.auth_token, http_client=http))
        return self._client

    def point(self, client: Any) -> Any:
        """Lead a `twilio.rest.Client` of your application here, and answer it. Its credentials must be those of this account."""
        client.edge = client.region = None
        for product in ("api", "messaging", "content", "events"):
            if hasattr(client, product):
                getattr(client, product).base_url = self.url
        return client

    @property
    def messages(self) -> list[Message]:
        """All messages since the test began, from phones and to them, whatever became of them, in the order of their making."""
        found = self._door.get("/phones/messages.json", {})["messages"]
        return [read_message(value) for value in found]

    @property
    def outbox(self) -> list[Message]:
        """What phones have got, in order; waits until everything that was sent so far has arrived, or will not."""
        return [message for message in self.settle() if message.has_arrived]

    def settle(self, within: float = SETTLED_WITHIN_S) -> list[Message]:
        """Wait until no message is on its way any more, and answer them all; LimpetError when one still is."""
        began = time.monotonic()
        seen: list[Message] = []
        for seen in looks(lambda: self.messages, within):
            open_ = [message for message in seen if not message.is_from_phone and message.status in UNDERWAY]
            taken = all(message.status == "sent" for message in open_)
            if not open_ or (taken and time.monotonic() - began > RECEIPT_WITHIN_S):
                return seen
        raise LimpetError(f"After {within:g} s this is still on its way:\n{in_words(open_)}")

    def phone(self, number: str) -> Phone:
        """The phone of a person, by their number with its country code: any number is somebody's."""
        known = self._phones.get(number)
        if known is None:
            known = self._phones[number] = Phone(number, self._door, lambda: self.messages)
        return known

    def travel(self, by: timedelta | None = None, **units: float) -> datetime:
        """Move the server's clock on, by a `timedelta` or its words (`days=366`), and answer what it says then.

        ValueError for a step back. The next test begins in the present.
        """
        step = (by or timedelta()) + timedelta(**units)
        if step < timedelta():
            raise ValueError("time goes on, never back; the next test begins in the present")
        said = self._door.post("/phones/clock", {"By": f"{step.total_seconds():.6f}"})
        return datetime.fromisoformat(said["now"])

    def clear(self) -> None:
        """Begin anew, as each test does: no message, mapping or opt-out is left, the carrier behaves, the clock is right.

        Accounts, services and numbers stay as they are.
        """
        self._door.post("/phones/reset", {})
        for phone in self._phones.values():
            phone.forget()

    def api(self, method: str, path: str, **form: str) -> Any:
        """Ask the API for something that Twilio's client does not have: `limpet.api("GET", "/v1/Webhooks/Deliveries")`."""
        return self._door.api(method, path, form or None)

    def variables(self) -> dict[str, str]:
        """`environment`, for this process: hosts that it reaches directly already stay so."""
        direct = [os.environ.get(name, "") for name in ("NO_PROXY", "no_proxy")]
        more = ",".join(dict.fromkeys(part for value in direct for part in value.split(",") if part))
        found = dict(self.environment)
        for name in ("NO_PROXY", "no_proxy"):
            found[name] = ",".join(filter(None, (found.get(name), more)))
        return found
