"""Limpet as a message centre over a real database, with a customer's credential."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from limpet.store.database import Database
from tests.support.clock import HandClock
from tests.support.esme import Smsc, open_smsc


@pytest_asyncio.fixture
async def smsc(database: Database, clock: HandClock) -> AsyncIterator[Smsc]:
    """The door with its usual limits."""
    async with open_smsc(database, clock) as made:
        yield made
