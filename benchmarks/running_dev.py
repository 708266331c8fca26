"""A `limpet dev` that a measurement starts and stops."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LIMPET = Path(sys.executable).with_name("limpet")


@contextmanager
def running(data: Path, *options: str) -> Iterator[dict[str, Any]]:
    """One with a directory of its own, and further options; what it says of itself once it can serve."""
    process = subprocess.Popen(
        [LIMPET, "dev", "--port", "0", "--data", data, "--ready-json", *options], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(timeout=60)
