"""What every test may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.clock import HandClock
from tests.support.database import database, database_dsn, database_server, sharded_database
from tests.support.one_connection import one_connection_a_transaction

settings.register_profile("limpet", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("limpet")
"""How long an example takes says how busy the machine is: it is measured in benchmarks, never asserted in a test."""

__all__ = ["clock", "database", "database_dsn", "database_server", "sharded_database"]


@pytest.fixture
def clock() -> HandClock:
    """A clock that stands at `tests.support.clock.NOW`."""
    return HandClock()


@pytest.fixture(autouse=True, scope="session")
def _one_connection() -> Iterator[None]:
    with one_connection_a_transaction():
        yield
