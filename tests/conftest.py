"""What every test may ask for."""

from __future__ import annotations

import pytest

from tests.support.clock import HandClock
from tests.support.database import database, database_dsn, database_server, sharded_database

__all__ = ["clock", "database", "database_dsn", "database_server", "sharded_database"]


@pytest.fixture
def clock() -> HandClock:
    """A clock that stands at `tests.support.clock.NOW`."""
    return HandClock()
