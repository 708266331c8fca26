"""Where there is a console: on a development server, and elsewhere only where the configuration says so."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from limpet.config import Config, DevOptions, ServerConfig
from limpet.config_sections import ConsoleConfig
from limpet.server_console import with_console
from tests.console.client import Browser, Page
from tests.console.conftest import Console

ON = ConsoleConfig(enabled=True)
PUBLIC = ServerConfig(public_url="https://sms.test")


async def asked(console: Console, config: Config, dev: DevOptions | None, peer: str = "127.0.0.1") -> Page:
    """What a server with this configuration answers to a browser of its own machine."""
    async with AsyncExitStack() as stack:
        deps, api = console.api.deps, console.api.app
        app = await with_console(stack, config, dev, api, deps, api.auth, console.operators)
        return await Browser(app, peer, "localhost").get("/console")


@pytest.mark.parametrize(("config", "dev", "status"), [
    (Config(), None, 404),
    (Config(console=ON), None, 303),
    (Config(console=ON, server=PUBLIC), None, 303),
    (Config(), DevOptions(), 200),
    (Config(server=ServerConfig(behind_proxy=True)), DevOptions(), 303),
])  # fmt: skip
async def test_it_is_where_it_is_wanted_and_open_on_a_development_machine_alone(
    console: Console, config: Config, dev: DevOptions | None, status: int
) -> None:
    assert (await asked(console, config, dev)).status == status


async def test_nobody_from_elsewhere_is_in_at_once(console: Console) -> None:
    assert (await asked(console, Config(), DevOptions(), "192.0.2.7")).status == 403
