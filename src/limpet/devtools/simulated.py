"""The carriers of `limpet dev`: one over SMPP and one over HTTP that takes media, both on the loopback interface."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from secrets import token_bytes, token_hex

from limpet.clock import Clock
from limpet.config import AnyCarrierConfig, CarrierConfig
from limpet.devtools.behaviour import ERROR_CODES, Behaviour
from limpet.devtools.mms_simulator import MmsSimulator, described
from limpet.devtools.script import Script
from limpet.devtools.seed import CARRIER, MMS_CARRIER
from limpet.devtools.simulator import Simulator
from limpet.web.deps import PersonWrites
from limpet.web.notices import notices_path

SYSTEM_ID, PASSWORD = "limpet", "limpet"
WINDOW = 100


@dataclass(frozen=True, slots=True)
class Simulated:
    """The carriers as they are configured, the hand by which their people write, and what the one over SMPP is told to do."""

    carriers: tuple[AnyCarrierConfig, ...]
    person_writes: PersonWrites
    script: Script


async def start_simulated(stack: AsyncExitStack, clock: Clock, base_url: str) -> Simulated:
    """Start both; `stack` stops them. `base_url` is where they reach this Limpet."""
    chance = random.Random(token_bytes(16))  # noqa: S311 - plays a carrier, guards nothing
    over_smpp = Simulator(
        accounts={SYSTEM_ID: PASSWORD},
        chance=chance,
        clock=clock,
        behaviour=Behaviour(magic=True),
    )
    await over_smpp.start()
    stack.push_async_callback(over_smpp.stop)
    secret = token_hex(16)
    over_http = MmsSimulator(
        secret, base_url + notices_path(MMS_CARRIER), clock, lambda: over_smpp.behaviour, chance.random
    )
    await over_http.start()
    stack.push_async_callback(over_http.stop)

    def person_writes(carrier: str, person: str, number: str, body: str, media: Sequence[str]) -> bool:
        if carrier == MMS_CARRIER:
            over_http.inject_inbound(person, number, body, media)
        elif not media:
            over_smpp.inject_inbound(person, number, body)
        return carrier == MMS_CARRIER or not media

    smpp = CarrierConfig(
        CARRIER, "127.0.0.1", over_smpp.port, SYSTEM_ID, password=PASSWORD, window_size_max=WINDOW,
        error_codes=ERROR_CODES,
    )  # fmt: skip
    return Simulated((smpp, described(MMS_CARRIER, over_http.port, secret)), person_writes, Script(over_smpp))
