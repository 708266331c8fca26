"""What a test tells the simulated carriers to do. It lasts until the next test, or until it is told otherwise."""

from __future__ import annotations

from typing import Any

from limpet.devtools.behaviour import FATES
from limpet.testing.door import Door, LimpetError

_PLACE = "/v1/Simulator/Behaviour"
_EVERYBODY = 1.0


class Carrier:
    """The carriers of one server. Numbers are recipients or senders, as people write them."""

    def __init__(self, door: Door) -> None:
        self._door = door

    @property
    def behaviour(self) -> dict[str, Any]:
        """How it behaves now."""
        found: dict[str, Any] = self._door.api("GET", _PLACE)
        return found

    def refuse(self, number: str, code: int = 30005) -> None:
        """Take no message to or from a number: it fails with Twilio's error code."""
        self._fate(number, "failed", code)

    def undeliver(self, number: str, code: int = 30003) -> None:
        """Take messages to or from a number, and not deliver them: they end undelivered with Twilio's error code."""
        self._fate(number, "undelivered", code)

    def lose(self, what: str | float = _EVERYBODY) -> None:
        """Take messages and never tell what became of them: those to or from a number, or a share (0 to 1) of all."""
        if isinstance(what, str):
            self._change(Fates=f"{what}=lost")
        else:
            self._change(Lose=str(what))

    def throttle(self, share: float = _EVERYBODY) -> None:
        """Refuse a share (0 to 1) of all for the moment, as too many: they are sent again a little later."""
        self._change(Throttle=str(share))

    def delay(self, seconds: float = 0.0, *, receipts: float = 0.0) -> None:
        """Answer each message after so many seconds, and tell what became of it so many seconds after that."""
        self._change(SubmitDelay=str(seconds), ReceiptDelay=str(receipts))

    def deliver(self, number: str) -> None:
        """Treat a number as all others again."""
        self._change(Fates=f"{number}=")

    def reset(self) -> None:
        """Behave as at the start."""
        self._door.api("DELETE", _PLACE)

    def _fate(self, number: str, how: str, code: int) -> None:
        try:
            self._change(Fates=f"{number}={how}-{code}")
        except LimpetError as error:
            known = ", ".join(name.removeprefix(f"{how}-") for name in FATES if name.startswith(how))
            raise LimpetError(f"{error} The codes that there are: {known}.") from None

    def _change(self, **form: str) -> None:
        self._door.api("POST", _PLACE, form)
