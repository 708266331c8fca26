"""A real `limpet` process, as a person would start it: started, waited for, told to stop, and never left behind."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from limpet.store.embedded import CLUSTER_NAME, EmbeddedPostgres
from limpet.store.postmaster import servers_of
from tests.support.database import temporary_directory

PROGRAM = str(Path(sys.executable).with_name("limpet"))
STOP_TIMEOUT_S = 30


@dataclass
class LimpetProcess:
    """One `limpet dev`; `ready` is what it said once it could serve."""

    process: subprocess.Popen[str]
    ready: dict[str, Any] = field(default_factory=dict)

    def end(self, how: signal.Signals) -> tuple[int, str]:
        """Its exit code and what it said on standard error."""
        self.process.send_signal(how)
        _, said = self.process.communicate(timeout=STOP_TIMEOUT_S)
        return self.process.returncode, said


def limpet(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [PROGRAM, *arguments], capture_output=True, text=True, check=False, timeout=60, env=environment or None
    )


def one_sentence(ended: subprocess.CompletedProcess[str]) -> str:
    """What a command said that did nothing: one sentence, with exit code 1, or 2 where it was not understood."""
    assert ended.returncode in (1, 2), ended
    assert ended.stderr.startswith("limpet: "), ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


@contextmanager
def limpet_dev(data: Path, *arguments: str) -> Iterator[LimpetProcess]:
    """`limpet dev` on a free port; killed at the end if a test has left it running."""
    command = [PROGRAM, "dev", "--port", "0", "--data", str(data), "--ready-json", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        assert first, process.stderr.read()
        yield LimpetProcess(process, json.loads(first))
    finally:
        process.kill()
        process.communicate()


@contextmanager
def data_directory() -> Iterator[Path]:
    """A place for a data directory; a server that is left there is stopped before it goes."""
    home = temporary_directory()
    try:
        yield home / "data"
    finally:
        if any(servers_of(home / "data" / CLUSTER_NAME)):
            left = EmbeddedPostgres(home / "data")
            left.start()
            left.stop()
        shutil.rmtree(home)
