"""Every major of the official clients that people run walks over the API; `make clients` installs them.

Where they are not installed it is said here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CLIENTS = Path(sys.prefix) / "clients"
WALKS = Path(__file__).parent / "clients"
NOT_HERE = "the majors of the official clients are not installed: `make clients` does it"
MAJORS = {
    "python-6": 201, "python-7": 312, "python-8": 305, "python-9": 713, "node-4": 206, "node-5": 617, "node-6": 404,
}  # fmt: skip
"""Each with an area code of its own, for the numbers that its walk makes."""
STEPS = [
    "account", "keys", "numbers", "services", "pools", "messages", "scheduled", "short_codes", "names", "feedback",
    "subaccounts", "available_numbers", "event_streams", "deactivations", "media", "content",
    "compliance", "errors",
]  # fmt: skip
WALK_TIMEOUT_S = 120


def command(client: str, ready: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    """How a client walks: the command, and the variable that leads it to its SDK."""
    place = str(CLIENTS / client)
    if client.startswith("python"):
        return [sys.executable, str(WALKS / "walk.py"), json.dumps(ready)], {"PYTHONPATH": place}
    return ["node", str(WALKS / "walk.cjs"), json.dumps(ready)], {"NODE_PATH": f"{place}/node_modules"}


@pytest.mark.timeout(WALK_TIMEOUT_S + 30)
@pytest.mark.parametrize("client", MAJORS)
def test_a_major_of_the_official_clients_walks_the_whole_api(wire_server: dict[str, Any], client: str) -> None:
    if not (CLIENTS / client).is_dir():
        pytest.skip(NOT_HERE)
    words, variables = command(client, {**wire_server, "area_code": MAJORS[client]})
    done = subprocess.run(
        words, env={"PATH": "/usr/local/bin:/usr/bin:/bin", **variables}, capture_output=True, text=True, check=False,
        timeout=WALK_TIMEOUT_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    walked = json.loads(done.stdout)
    assert walked["version"].split(".")[0] == client.rpartition("-")[2]
    assert walked["steps"] == STEPS
