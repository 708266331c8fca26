"""What the flow knows of accounts and services without asking each time: pools by generation, SIDs for ever.

A pool may be used only if it is at least as new as the generation that the message's own transaction has read, so that a number
that was removed before the message came cannot be chosen, whatever was remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from limpet.core.address import area_code
from limpet.core.model import Account
from limpet.core.pool import Pool, make_pool
from limpet.store import pools
from limpet.store.database import Connection, Database, Reader

K = TypeVar("K")
V = TypeVar("V")

POOLS_MAX = 10_000
SIDS_MAX = 100_000
ACCOUNT_FRESH_S = 5.0
"""For so long what was read of an account counts for messages that wait: a suspension reaches them this late."""
MEMBER_FRESH_S = 5.0
"""The same of the registration of a pool member."""


class Directory:
    """Caches over reference tables, each bounded."""

    def __init__(
        self, database: Database, has_mms: Callable[[str], bool] = lambda _: False, today: Callable[[], int] = lambda: 0,
        now_s: Callable[[], float] = lambda: 0.0,
    ) -> None:  # fmt: skip
        """`has_mms` tells of a carrier whether it takes media, `today` is the day by which carriers' refusals age out (days since
        2000), `now_s` is monotonic."""
        self._database = database
        self._has_mms = has_mms
        self._today = today
        self._now_s = now_s
        self._accounts: dict[int, tuple[Account, float]] = {}
        self._lost: dict[int | str, tuple[bool, float]] = {}
        self._services: dict[str, pools.ServiceOwner] = {}
        self._pools: dict[int, Pool] = {}
        self._account_sids: dict[int, str] = {}
        self._service_sids: dict[int, str] = {}

    async def service_owner(self, sid: str) -> pools.ServiceOwner | None:
        """The id of a service's SID and whose it is, neither of which ever changes; None when there is no such service."""
        if (known := self._services.get(sid)) is not None:
            return known
        async with self._database.pool.acquire() as connection:
            found = await pools.owner_by_sid(connection, sid)
        if found is not None:
            _bounded(self._services, POOLS_MAX)[sid] = found
        return found

    def remembered(self, service_id: int) -> Pool | None:
        """The pool as last seen, of any age: good for an early answer, not for a decision."""
        return self._pools.get(service_id)

    async def current_pool(self, connection: Connection, service_id: int) -> Pool | None:
        """The pool as it is now; None when the service is gone."""
        generation = await pools.generation(connection, service_id)
        return None if generation is None else await self.pool(connection, service_id, generation)

    async def pool(self, connection: Connection, service_id: int, generation: int) -> Pool | None:
        """The pool as of `generation` or later; None when the service is gone."""
        known = self._pools.get(service_id)
        today = self._today()
        if known is not None and known.service.generation >= generation and today < known.until_day:
            return known
        pool = await self.pool_on(connection, service_id, today)
        if pool is None:
            self._pools.pop(service_id, None)
            return None
        _bounded(self._pools, POOLS_MAX)[service_id] = pool
        return pool

    async def pool_on(self, connection: Connection, service_id: int, day: int) -> Pool | None:
        """The pool as the connection sees it, by the refusals of carriers that count on a day (days since 2000); it is not
        remembered. None when the service is gone."""
        loaded = await pools.load(connection, service_id, day)
        if loaded is None:
            return None
        return make_pool(
            loaded.service, loaded.members, area_code, self._has_mms, loaded.until_day, loaded.campaign, loaded.failing,
            loaded.reset, loaded.sisters, loaded.others,
        )  # fmt: skip

    async def accounts(self, connection: Connection, ids: Collection[int]) -> Mapping[int, Account]:
        """Accounts as they were at most ACCOUNT_FRESH_S ago, with the status that counts: their main account's if it is worse."""
        now_s = self._now_s()
        stale = [i for i in ids if i not in self._accounts or now_s - self._accounts[i][1] >= ACCOUNT_FRESH_S]
        if stale:
            found = await pools.accounts(connection, stale)
            if len(self._accounts) + len(found) > SIDS_MAX:
                self._accounts = {i: self._accounts[i] for i in ids if i in self._accounts}
            self._accounts |= {account.id: (account, now_s) for account in found}
        return {i: self._accounts[i][0] for i in ids if i in self._accounts}

    async def unregistered(self, connection: Connection, senders: Collection[int | str]) -> set[int | str]:
        """Which memberships, and which numbers of messages without a service, might not write to the United States any more
        (S-69), as it was at most MEMBER_FRESH_S ago."""
        now_s = self._now_s()
        stale = [i for i in senders if i not in self._lost or now_s - self._lost[i][1] >= MEMBER_FRESH_S]
        if stale:
            found = await pools.unregistered(connection, stale)
            if len(self._lost) + len(stale) > SIDS_MAX:
                self._lost = {i: self._lost[i] for i in senders if i in self._lost}
            self._lost |= {i: (i in found, now_s) for i in stale}
        return {i for i in senders if self._lost[i][0]}

    async def sids(self, reader: Reader, account_ids: set[int], service_ids: set[int]) -> None:
        """Make sure that `account_sid` and `service_sid` know these."""
        accounts = [i for i in account_ids if i not in self._account_sids]
        services = [i for i in service_ids if i not in self._service_sids]
        if accounts or services:
            found_accounts, found_services = await pools.sids(reader, accounts, services)
            self._account_sids = _joined(self._account_sids, account_ids, found_accounts)
            self._service_sids = _joined(self._service_sids, service_ids, found_services)

    def account_sid(self, account_id: int) -> str:
        """The SID of an account that `sids` was asked for."""
        return self._account_sids[account_id]

    def service_sid(self, service_id: int | None) -> str | None:
        """The SID of a service that `sids` was asked for; None for none."""
        return None if service_id is None else self._service_sids[service_id]


def _joined(known: dict[int, str], asked: set[int], found: dict[int, str]) -> dict[int, str]:
    """What is known with what was found; when that is too much, what was asked for just now is what is kept."""
    joined = {**known, **found}
    return joined if len(joined) <= SIDS_MAX else {i: joined[i] for i in asked if i in joined}


def _bounded(cache: dict[K, V], most: int) -> dict[K, V]:
    if len(cache) >= most:
        cache.clear()
    return cache
