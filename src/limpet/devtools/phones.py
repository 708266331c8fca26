"""The page of phones in front of the API of `limpet dev`, with what it needs of the simulated carriers and of a real one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from starlette.types import ASGIApp

from limpet.clock import Clock, SteppableClock
from limpet.config import DevOptions
from limpet.devtools.behaviour import FATES
from limpet.devtools.release import open_release
from limpet.devtools.seed import Seeded
from limpet.pages.phones.answers import Answers
from limpet.pages.phones.facts import Facts
from limpet.pages.phones.whole import PhonesSite
from limpet.web.deps import Deps
from limpet.web.notices import notices_path


def forgetting(clock: Clock, begin_anew: Callable[[], None]) -> Callable[[], None]:
    """What is told when everything has been forgotten: the clock goes back, and ids begin anew."""

    def all_of_it() -> None:
        if isinstance(clock, SteppableClock):
            clock.begin_anew()
        begin_anew()

    return all_of_it


async def _nothing_open() -> None:
    return None


async def with_phones(
    stack: AsyncExitStack, api: ASGIApp, deps: Deps, dev: DevOptions | None, seeded: Seeded | None, answers: Answers,
    base_url: str, begin_anew: Callable[[], None] = lambda: None,
) -> tuple[ASGIApp, Callable[[], Awaitable[None]]]:  # fmt: skip
    """The application that is to be served, and what ends the pages that listen; the API alone without simulated carriers."""
    if dev is None or seeded is None:
        return api, _nothing_open
    release = None
    if dev.release is not None:
        url = base_url + notices_path(dev.release.carrier.name)
        release = await open_release(stack, dev.release, deps.clock, url)
    facts = Facts(base_url, seeded.account_sid, seeded.auth_token, seeded.service_sid)
    site = PhonesSite(deps, facts, tuple(FATES), answers, api, release, forgetting(deps.clock, begin_anew))
    return site.app, site.close
