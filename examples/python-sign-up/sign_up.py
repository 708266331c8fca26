"""People sign up with their phone number: a code goes to it, and whoever brings it back is a member.

Nothing in here knows of Limpet: it is an application as one writes it for Twilio.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Any


class SignUp:
    """The sign-up of an application. `client` is a `twilio.rest.Client`."""

    def __init__(self, client: Any, service_sid: str) -> None:
        self._client = client
        self._service_sid = service_sid
        self._codes: dict[str, str] = {}
        self.members: set[str] = set()

    def begin(self, number: str) -> None:
        """Send a code."""
        code = self._codes[number] = f"{secrets.randbelow(10**6):06}"
        self._send(number, f"Your code is {code}. Nobody else needs to know it.")

    def confirm(self, number: str, code: str) -> bool:
        """Whether the code was right; it is good for one try."""
        right = hmac.compare_digest(self._codes.pop(number, ""), code)
        if right and code:
            self.members.add(number)
            self._send(number, "Welcome! Reply STOP to hear no more.")
        return number in self.members

    def tell_all(self, news: str) -> None:
        """Write to every member."""
        for number in sorted(self.members):
            self._send(number, news)

    def _send(self, number: str, body: str) -> None:
        self._client.messages.create(to=number, messaging_service_sid=self._service_sid, body=body)
