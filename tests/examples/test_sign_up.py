"""The sign-up in Python and in Node, tried as its reader would: by its own tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.limpet_process import PROGRAM
from tests.wire.test_clients import CLIENTS, NOT_HERE

EXAMPLES = Path(__file__).parents[2] / "examples"
TIMEOUT_S = 110


def test_the_sign_up_in_python(tmp_path: Path) -> None:
    place = shutil.copytree(EXAMPLES / "python-sign-up", tmp_path / "app")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:asyncio", str(place)], capture_output=True, text=True,
        check=False, timeout=TIMEOUT_S, env={**os.environ, "CI": "true"}, cwd=place,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout


def test_the_sign_up_in_node() -> None:
    modules = CLIENTS / "node-6" / "node_modules"
    if not modules.is_dir():
        pytest.skip(NOT_HERE)
    variables = {"PATH": "/usr/local/bin:/usr/bin:/bin", "NODE_PATH": str(modules), "LIMPET_PROGRAM": PROGRAM}
    done = subprocess.run(
        ["node", "--test", "--test-reporter=tap", "sign-up.test.cjs"], env=variables, capture_output=True, text=True,
        check=False, timeout=TIMEOUT_S, cwd=EXAMPLES / "node-sign-up",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 4" in done.stdout
