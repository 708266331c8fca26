"""A running `limpet dev` for other people's SMPP stacks; one that is not installed is left out aloud."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.limpet_process import LimpetProcess, data_directory, limpet_dev

ENVIRONMENT = Path(__file__).parent.parent.parent / ".venv" / "interop"


@pytest.fixture(scope="session")
def limpet_server() -> Iterator[LimpetProcess]:
    """One server for all stacks, each with a person of its own."""
    with data_directory() as data, limpet_dev(data) as process:
        process.ready["data"] = str(data)
        yield process
        code, said = process.end(signal.SIGTERM)
        assert code == 0, said


def need(stack: str, there: bool, how: str) -> None:
    """Skip where a stack is not installed, and say how it is."""
    if not there:
        pytest.skip(f"NOT CHECKED: {stack} is not installed here; {how}")


def has_program(name: str) -> bool:
    return shutil.which(name) is not None


def has_perl_module(name: str) -> bool:
    return (
        has_program("perl")
        and subprocess.run(["perl", f"-M{name}", "-e1"], check=False, capture_output=True).returncode == 0
    )
