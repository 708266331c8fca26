"""`limpet serve` as an operator runs it: a process of its own, on a configuration file, which tests may kill."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.support.wait import until

START_S = 30.0
LIMPET = str(Path(sys.executable).with_name("limpet"))
SECRET_KEY = "07" * 32
WINDOW = 20


@dataclass
class ServeProcess:
    """One server after the other on the same port, database and carrier."""

    directory: Path
    database_url: str
    carrier_port: int
    port: int = field(default_factory=lambda: free_port())
    settings: str = ""
    dispatch: str = ""
    """Further lines of that section."""
    in_doubt_wait_s: int = 2
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _config(self) -> Path:
        path = self.directory / "limpet.toml"
        path.write_text(
            f'[server]\nport = {self.port}\n[database]\nurl = "{self.database_url}"\n'
            "[webhooks]\nallow_loopback = true\n"
            f'[dispatch]\nsender_rates = "none"\nlane_lease_s = 3\nin_doubt_wait_s = {self.in_doubt_wait_s}\n'
            f"{self.dispatch}\n"
            f'[[carriers]]\nname = "carrier"\nhost = "127.0.0.1"\nport = {self.carrier_port}\nsystem_id = "limpet"\n'
            f'password = "secret"\nwindow_size_max = {WINDOW}\n{self.settings}'
        )
        return path

    async def start(self, environment: Mapping[str, str] | None = None) -> None:
        self.process = await asyncio.create_subprocess_exec(
            LIMPET, "serve", "--config", str(self._config()),
            env={**os.environ, "LIMPET_SECRET_KEY": SECRET_KEY, **(environment or {})},
            stdout=asyncio.subprocess.DEVNULL, stderr=(self.directory / "log").open("ab"),
        )  # fmt: skip
        await until(self._answers, START_S)

    async def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, (self.directory / "log").read_text()[-3000:]
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self.url}/health") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            await asyncio.sleep(0.02)
            return False

    async def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def end(self) -> None:
        """kill -9, if it still runs."""
        if self.process is not None and self.process.returncode is None:
            await self.kill()

    async def stop(self) -> int:
        """SIGTERM, and what the process ended with."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
