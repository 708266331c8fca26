"""Makes an account's sticky spaces as a configuration file wants them. Where the file names none, nothing of them is touched."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TypeVar

from limpet.commands.plan import CannotApply, Plan, differing
from limpet.commands.wanted_pool import WantedSpace
from limpet.core.model import Account, Service
from limpet.core.page import PAGE_SIZE_MAX, PageRequest
from limpet.store.services import Services
from limpet.store.sticky_spaces import Space, SpaceRefused, Spaces, SpaceSettings
from limpet.store.within import Within

T = TypeVar("T")


@dataclass(slots=True)
class SpaceSteps:
    """What is done about one account's spaces; `wanted` None where the file says nothing of them."""

    within: Within
    plan: Plan
    now: datetime
    account: Account
    wanted: Sequence[WantedSpace] | None
    prune: bool
    found: dict[str, Space] = field(default_factory=dict)

    async def make(self) -> None:
        """Make and change spaces: first those that are not of all services, so that another can become that."""
        if self.wanted is None:
            return
        spaces = Spaces(self.within)
        self.found = await self._read(spaces)
        for name in self._unwanted() if self.prune else ():
            self.found[name] = await spaces.update(self.found[name], {"of_all": False}, self.now)
        for one in sorted(self.wanted, key=lambda space: space.settings.of_all):
            found = self.found.get(one.name)
            if found is None:
                made = await self._try(one.path, spaces.create(self.account.id, one.settings, self.now))
                self.plan.tell(
                    "create", "sticky space", one.name, _told(SpaceSettings(one.name), one.settings), made.sid
                )
                self.found[one.name] = made
            elif found.settings != one.settings:
                self.plan.tell("change", "sticky space", one.name, _told(found.settings, one.settings), found.sid)
                await self._try(
                    one.path, spaces.update(found, asdict(one.settings) | {"ttl": one.settings.ttl}, self.now)
                )

    async def place(self, service: Service, name: str | None, path: str) -> None:
        """Let a service be in the space of that name, or in none."""
        if self.wanted is None:
            return
        names = {space.id: space.settings.friendly_name for space in self.found.values()}
        services = Services(self.within)
        current = await services.by_id(service.id)
        assert current is not None, "it is there or was just made"
        before = None if current.space is None else names.get(current.space.id, "another")
        if before == name or (name is None and before in self._unwanted() and not self.prune):
            return
        detail = "; ".join(differing({"sticky_space": before}, {"sticky_space": name}))
        self.plan.tell("change", "service", service.friendly_name, detail, service.sid)
        sid = "" if name is None else self.found[name].sid
        await self._try(path, services.update(self.account.id, service.sid, {}, self.now, sid))

    async def remove(self) -> None:
        """Take away, or tell of, spaces that the file does not name, and those who are in them with them."""
        for name in self._unwanted():
            if not self.prune:
                self.plan.left.append(f"sticky space {name}")
                continue
            self.plan.tell("remove", "sticky space", name, sid=self.found[name].sid)
            await self._try(f'The sticky space "{name}"', Spaces(self.within).delete(self.found[name], self.now))

    def _unwanted(self) -> list[str]:
        wanted = {space.name for space in self.wanted or ()}
        return [name for name in self.found if name not in wanted]

    async def _read(self, spaces: Spaces) -> dict[str, Space]:
        page = await spaces.page(self.account.id, PageRequest(PAGE_SIZE_MAX))
        found: dict[str, Space] = {}
        for space in page.items:
            name = space.settings.friendly_name
            if name in found:
                raise CannotApply(f'There are several sticky spaces called "{name}" in {self.account.friendly_name}.')
            found[name] = space
        return found

    async def _try(self, path: str, work: Awaitable[T]) -> T:
        try:
            return await work
        except SpaceRefused as refused:
            raise CannotApply(f"{path} cannot be: {refused}.") from refused


def _told(before: SpaceSettings, after: SpaceSettings) -> str:
    shown = [{"all_services": one.of_all, "sticky_ttl": str(one.ttl)} for one in (before, after)]
    return "; ".join(differing(*shown))
