"""Services that share their mappings, put together for tests."""

from __future__ import annotations

from limpet.core.model import Service
from limpet.core.ttl import Ttl
from limpet.store.services import Services
from limpet.store.sticky_spaces import DEFAULT_TTL, Space, Spaces, SpaceSettings
from tests.support.world import World


async def make_space(world: World, *services: Service, of_all: bool = False, ttl: Ttl = DEFAULT_TTL) -> Space:
    """A space of the world's account with these services in it."""
    spaces, now = Spaces(world.database), world.clock.now()
    made = await spaces.create(world.account.id, SpaceSettings("test", of_all, ttl), now)
    for service in services:
        await move(world, service, made)
    found = await spaces.by_sid(world.account.id, made.sid)
    assert found is not None
    return found


async def move(world: World, service: Service, space: Space | None) -> Service:
    """Let a service join a space, or with None leave the one that it is in."""
    sid = "" if space is None else space.sid
    moved = await Services(world.database).update(world.account.id, service.sid, {}, world.clock.now(), sid)
    assert moved is not None
    return moved


async def spaced(world: World, *services: Service, **more: object) -> tuple[Service, ...]:
    """The same services, in one space."""
    await make_space(world, *services, **more)  # type: ignore[arg-type]
    return tuple([await world.reread(service) for service in services])
