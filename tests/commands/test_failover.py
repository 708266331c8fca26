"""From a file to a phone, with real processes: what `limpet apply` made sends by a carrier, and by another when that is gone."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from limpet.commands.door import Door, call
from limpet.devtools.simulator import Simulator
from tests.support.limpet_process import PROGRAM, data_directory, limpet
from tests.support.smsc import simulator
from tests.support.wait import until

WAIT_S = 45.0
TOKEN = "t" * 40
NUMBER, PERSON, BRITON = "+14155550100", "+14155550177", "+447700900199"
TENANTS = f"""
[[accounts]]
name = "Acme"
auth_token_file = "token"
[[accounts.numbers]]
number = "{NUMBER}"
[[accounts.services]]
name = "Parcels"
numbers = ["{NUMBER}"]
"""


def configuration(folder: Path, data: Path, first: Simulator, spare: Simulator, uk: Simulator) -> Path:
    carriers = "".join(
        f'[[carriers]]\nname = "{name}"\nhost = "127.0.0.1"\nport = {smsc.port}\n'
        f'system_id = "limpet"\npassword = "secret"\n{more}\n'
        for name, smsc, more in (("first", first, 'also_through = ["spare"]'), ("spare", spare, ""), ("uk", uk, ""))
    )
    path = folder / "limpet.toml"
    path.write_text(
        f'[server]\nport = {_free_port()}\n[database]\ndata_dir = "{data}"\n'
        f"[dispatch]\nfailover_after_s = 1\nfailback_after_s = 1\n"
        f'sender_rates = "none"\n{carriers}[[routes]]\nprefix = "+44"\ncarrier = "uk"\n'
    )
    (folder / "token").write_text(TOKEN)
    (folder / "tenants.toml").write_text(TENANTS)
    return path


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def serving(path: Path) -> Iterator[str]:
    """`limpet serve` on a configuration; its URL."""
    command = [PROGRAM, "serve", "--config", str(path)]
    with (
        (path.parent / "log").open("w") as log,
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            assert process.stderr is not None
            url = None
            while url is None:
                line = process.stderr.readline()
                assert line, "it has ended"
                url = re.search(r"serves at (http://\S+)", line)
            copying = subprocess.Popen(["cat"], stdin=process.stderr, stdout=log)
            yield url[1]
            process.terminate()
            process.wait(30)
            copying.wait(10)
        finally:
            process.kill()


async def until_true(condition: Callable[[], object]) -> None:
    """Wait for what a real process brings about; the condition may ask it."""

    async def holds() -> bool:
        return bool(await asyncio.to_thread(condition))

    await until(holds, WAIT_S)


@pytest.mark.timeout(240)
async def test_S_75_S_76_what_a_file_made_sends_past_a_carrier_that_is_gone(tmp_path: Path) -> None:
    with data_directory() as data:
        async with simulator() as first, simulator() as spare, simulator() as uk:
            path = configuration(tmp_path, data, first, spare, uk)
            place = ("--config", str(path))
            assert (await asyncio.to_thread(limpet, "migrate", *place)).returncode == 0
            applied = await asyncio.to_thread(limpet, "apply", str(tmp_path / "tenants.toml"), *place, "--yes")
            assert (applied.returncode, applied.stderr) == (0, "")
            sids = re.findall(r"\b(?:AC|MG)[0-9a-f]{32}\b", applied.stdout)
            account, service = next(s for s in sids if s[:2] == "AC"), next(s for s in sids if s[:2] == "MG")
            with serving(path) as url:
                door = Door(url, account, TOKEN)

                def send(to: str, body: str) -> Any:
                    form = {"To": to, "MessagingServiceSid": service, "Body": body}
                    return call(door, "POST", f"/2010-04-01/Accounts/{account}/Messages.json", form=form)

                for to in (PERSON, BRITON):
                    await asyncio.to_thread(send, to, "hello")
                await until_true(lambda: first.messages and uk.messages)
                await first.stop()
                await asyncio.to_thread(send, PERSON, "again")
                await until_true(lambda: spare.messages)
                shown = await asyncio.to_thread(limpet, "carriers", "list", *place)
                assert "0 of 1 bound" in shown.stdout
                await first.start()
                await until_true(lambda: first.binds)

                def back() -> bool:
                    send(PERSON, "back")
                    return len(first.messages) > 1

                await until_true(back)
    assert {(text.sender, text.recipient) for text in (*first.messages, *spare.messages)} == {(NUMBER, PERSON)}
    assert [(text.sender, text.recipient) for text in uk.messages] == [(NUMBER, BRITON)]
    bodies = [text.body for text in (*first.messages, *spare.messages)]
    assert (bodies.count("hello"), bodies.count("again")) == (1, 1)
