"""The console over a real database and the real flow, with an operator of each role and a browser for each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count

import pytest
import pytest_asyncio

from limpet.core.console import Role
from limpet.pages.console.whole import ConsoleSite
from limpet.store import passwords
from limpet.store.operators import Operators
from tests.console.client import Browser
from tests.support.tenants import vault
from tests.web.conftest import NUMBER, OTHER_NUMBER, PERSON, Api, api

__all__ = ["NUMBER", "OTHER_NUMBER", "PERSON", "api"]
_names = count(1)
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing is slow on purpose; how slow is a test of its own."""
    monkeypatch.setattr(passwords, "COST", 2**4)


@dataclass
class Console:
    """The site, with what is behind it."""

    api: Api
    site: ConsoleSite
    operators: Operators

    def browser(self, peer: str = "192.0.2.7") -> Browser:
        return Browser(self.site.app, peer)

    async def operator(self, role: Role, name: str | None = None) -> str:
        """The name of a new operator without a second factor, whose password is PASSWORD."""
        name = name or str(role)
        made = await self.operators.create(
            name, role, self.api.world.clock.now(), password=PASSWORD, second_factor=False
        )
        assert made is not None
        return name

    async def signed_in(self, role: Role) -> Browser:
        """The browser of a new operator who has signed in."""
        name = f"{role}-{next(_names)}"
        browser = self.browser()
        await self.operator(role, name)
        assert (await browser.sign_in(name, PASSWORD)).status == 303
        return browser

    def place(self, service_sid: str, part: str = "") -> str:
        return f"/console/accounts/{self.api.account.sid}/services/{service_sid}{part}"

    async def log(self) -> list[tuple[str, str, str | None]]:
        """What was done, oldest first: who, what, and what came of it; signing in left out."""
        rows = await self.api.world.database.pool.fetch(
            "SELECT role, act, outcome FROM console_audit WHERE act <> 'sign in' ORDER BY id"
        )
        return [tuple(row) for row in rows]


@pytest_asyncio.fixture
async def console(api: Api) -> AsyncIterator[Console]:
    operators = Operators(api.world.database, vault())
    site = ConsoleSite(api.deps, api.app.auth, operators, api.app, secure=False, open_here=False)
    yield Console(api, site, operators)
