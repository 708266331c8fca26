"""The registrar that is configured, and the loops that ask it and swap numbers: started, and stopped.

Nothing is decided here.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from secrets import token_bytes

from limpet.clock import Clock
from limpet.config_http import TelnyxConfig, TwilioConfig
from limpet.config_registration import RegistrationConfig
from limpet.core.ids import IdSource
from limpet.flow.register import Registering
from limpet.flow.swap import Swapping
from limpet.flow.swap_notices import Notices
from limpet.flow.worker import supervise
from limpet.registrar.http import HttpRegistrar
from limpet.registrar.manual import ManualRegistrar
from limpet.registrar.none import NoRegistrar
from limpet.registrar.port import Registrar
from limpet.registrar.simulated import Script, SimulatedRegistrar
from limpet.registrar.telnyx import TelnyxRegistrar
from limpet.registrar.twilio import TwilioRegistrar
from limpet.store.database import Database
from limpet.store.registrations import RegistrationBook
from limpet.store.services import Services


def registrar_of(config: RegistrationConfig, clock: Clock, carriers: Iterable[object] = ()) -> Registrar:
    """The registrar that is configured, which may work through the account of one of the carriers. To be called inside a running
    event loop."""
    for carrier in carriers:
        if isinstance(carrier, TwilioConfig) and config.registrar == "twilio" and carrier.name == config.carrier:
            return TwilioRegistrar(config, carrier, clock.now)
        if isinstance(carrier, TelnyxConfig) and config.registrar == "telnyx" and carrier.name == config.carrier:
            return TelnyxRegistrar(config, carrier)
    if config.registrar == "http":
        return HttpRegistrar(config.url or "", config.token, config.timeout_s)
    if config.registrar == "simulated":
        return SimulatedRegistrar(clock.now, Script(timedelta(seconds=config.delay_s)))
    return NoRegistrar() if config.registrar == "none" else ManualRegistrar()


@asynccontextmanager
async def registering(
    config: RegistrationConfig,
    clock: Clock,
    database: Database,
    services: Services,
    book: RegistrationBook,
    notices: Notices,
    carriers: Iterable[object] = (),
) -> AsyncIterator[None]:
    """Numbers are registered and swapped for as long as this lasts; after a crash both go on where they stopped."""
    chance, ids = random.Random(token_bytes(16)), IdSource()  # noqa: S311 - makes ids differ, guards nothing

    def new_id(now: datetime) -> int:
        return ids.next(now, chance.getrandbits(21))

    registrar = registrar_of(config, clock, carriers)
    asking = Registering(database, registrar, book, clock, timedelta(days=config.patience_days))
    swapping = Swapping(database, services, clock, new_id, notices)
    running = [asyncio.create_task(supervise(loop)) for loop in [*asking.loops(), *swapping.loops()]]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await registrar.close()
