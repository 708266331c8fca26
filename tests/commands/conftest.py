"""One `limpet dev` for all tests of a file; a file whose server is started in another way has its own fixture of the name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.limpet_process import LimpetProcess, data_directory, limpet_dev


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A data directory that all tests of a file start their servers on, one after the other."""
    with data_directory() as made:
        yield made


@pytest.fixture(scope="module")
def running(data: Path) -> Iterator[LimpetProcess]:
    with limpet_dev(data) as process:
        yield process


@pytest.fixture
def where(running: LimpetProcess, data: Path) -> tuple[str, ...]:
    """The options that name the server and its service."""
    return ("--service", running.ready["service_sid"], "--data", str(data))


@pytest.fixture
def here(running: LimpetProcess, data: Path) -> tuple[str, str]:
    """The options that name the server; its service is the one that is meant where none is named."""
    del running
    return ("--data", str(data))
