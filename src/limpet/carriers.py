"""The configured carriers over HTTP, as one process has them: made with the flow, closed after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from limpet.carrier.http import Chance, HttpCarrier
from limpet.carrier.http_client import Medium
from limpet.carrier.http_notices import NoticeDesk
from limpet.carrier.port import Lane, Listener
from limpet.clock import Clock
from limpet.config_http import HttpCarrierConfig
from limpet.web.notices import notices_path


class HttpCarriers:
    """`base_url` is where carriers reach this Limpet. Nothing is made before `lanes` is asked for."""

    def __init__(self, configs: Sequence[HttpCarrierConfig], base_url: str, clock: Clock, chance: Chance) -> None:
        self._configs = configs
        self._base_url = base_url
        self._clock = clock
        self._chance = chance
        self._made: list[HttpCarrier] = []

    def lanes(self, listener: Listener) -> Iterator[Lane]:
        """The lanes of all of them. To be called once, inside the running event loop."""
        for config in self._configs:
            notices_url = self._base_url + notices_path(config.name)
            carrier = HttpCarrier(config, notices_url, listener, self._clock, self._chance)
            self._made.append(carrier)
            yield from carrier.lanes

    @property
    def desks(self) -> Mapping[str, NoticeDesk]:
        """Where each one's notices are taken."""
        return {carrier.name: carrier.desk for carrier in self._made}

    async def medium(self, url: str) -> Medium | None:
        """A medium of an inbound message behind a carrier's credentials; None where it needs none."""
        for carrier in self._made:
            if (found := await carrier.medium(url)) is not None:
                return found
        return None

    async def close(self) -> None:
        """Close their connections."""
        for carrier in self._made:
            await carrier.close()
