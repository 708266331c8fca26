"""A service with its live pool in one snapshot: what selection needs, and nothing else of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import asyncpg

from limpet.core.campaign import CampaignLimits
from limpet.core.limits import CampaignShare
from limpet.core.model import (
    Account,
    AccountStatus,
    Capability,
    Clearance,
    InDoubtPolicy,
    MemberState,
    PoolMember,
    Scope,
    Sender,
    SenderKind,
    Service,
    StickyInbound,
    StickyOverflow,
)
from limpet.core.pool import NEVER, Sister
from limpet.core.tenancy import standing
from limpet.core.ttl import Ttl
from limpet.store.accounts import account_of
from limpet.store.database import Connection, Database, Reader
from limpet.store.queries import query

_SERVICE = tuple(
    name for name in Service.__slots__ if name not in ("in_doubt", "sticky_inbound", "sticky_overflow", "space")
)


@dataclass(frozen=True, slots=True)
class LoadedPool:
    """A service and its live members, as of `service.generation`."""

    service: Service
    members: tuple[PoolMember, ...]
    until_day: int = NEVER
    """The day on which the first of the carriers' refusals among them ends."""
    campaign: CampaignShare | None = None
    failing: frozenset[int] = frozenset()
    """The members that are to get no new people (S-92)."""
    reset: frozenset[int] = frozenset()
    """Memberships that ended because all their mappings were taken away."""
    sisters: Mapping[int, Sister] | None = None
    """The live members of the other services of its space; None without one."""
    others: tuple[CampaignShare, ...] = ()
    """The campaigns of those services."""


class Sisters(Mapping[int, Sister]):
    """Members of other services by their ids, out of the rows that were read; each becomes a value when it is asked for."""

    def __init__(self, rows: Sequence[asyncpg.Record]) -> None:
        self._rows = {row["member_id"]: row for row in rows}
        self._known: dict[int, Sister] = {}

    def __getitem__(self, member_id: int) -> Sister:
        known = self._known.get(member_id)
        if known is None:
            row = self._rows[member_id]
            known = self._known[member_id] = Sister(_member_of(row), share_of(row))
        return known

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def campaigns(self) -> tuple[CampaignShare, ...]:
        """Those of their services."""
        shares = (share_of(row) for row in {row["campaign_id"]: row for row in self._rows.values()}.values())
        return tuple(share for share in shares if share is not None)


class ServiceOwner(NamedTuple):
    """A service's id and its account's."""

    service_id: int
    account_id: int


def service_of(row: asyncpg.Record) -> Service:
    """The value of a row of `service`, with what it shares with others of its space."""
    return Service(
        **{name: row[name] for name in _SERVICE},
        in_doubt=InDoubtPolicy(row["in_doubt"]),
        sticky_inbound=StickyInbound(row["sticky_inbound"]),
        sticky_overflow=StickyOverflow(row["sticky_overflow"]),
        space=_space_of(row),
    )


def _space_of(row: asyncpg.Record) -> Scope | None:
    if row["space_id"] is None:
        return None
    return Scope(row["space_id"], Ttl(row["space_ttl_days"], row["space_ttl_hours"]), row["space_hides_since"])


def _member_of(row: asyncpg.Record) -> PoolMember:
    """A member with what choosing and routing ask of its sender; where its texts are sent on is not loaded for every message."""
    sender = Sender(
        id=row["sender_id"], sid=row["sender_sid"], account_id=row["account_id"], kind=SenderKind(row["kind"]),
        address=row["address"], country=row["country"], capabilities=frozenset(map(Capability, row["capabilities"])),
        friendly_name=row["sender_name"], carrier=row["carrier"], sms_url="", sms_method="POST", sms_fallback_url="",
        sms_fallback_method="POST", status_callback="", settings={}, created_at=row["added_at"], updated_at=row["added_at"],
        also_through=None if row["also_through"] is None else tuple(row["also_through"]),
    )  # fmt: skip
    return PoolMember(
        row["member_id"], row["id"], sender, row["added_at"], frozenset(row["refused_in"]), row["daily_contacts"],
        Clearance(row["clearance"]), row["retiring"], row["weight"], MemberState(row["state"]), row["drain_day"],
        row["drain_days"], row["replaces"],
    )  # fmt: skip


async def load(connection: Connection, service_id: int, today: int = 0) -> LoadedPool | None:
    """The service and its pool, with the refusals of carriers that still count today (days since 2000); None when it is gone."""
    rows = await connection.fetch(query("pool_load"), service_id, today)
    if not rows:
        return None
    service = replace(service_of(rows[0]), generation=rows[0]["as_of"])
    members = tuple(_member_of(row) for row in rows if row["member_id"] is not None)
    failing = frozenset(row["member_id"] for row in rows if row["failing"])
    space_id = rows[0]["space_id"]
    shared = [] if space_id is None else await connection.fetch(query("pool_sisters"), space_id, service_id, today)
    sisters = None if space_id is None else Sisters(shared)
    others = () if sisters is None else sisters.campaigns()
    ends = [row["refused_until"] for row in (*rows, *shared) if row["refused_until"] is not None]
    # Read after the members: one that is reset in between is found by its id of before, and looked for among these in vain.
    reset = frozenset(row["id"] for row in await connection.fetch(query("pool_resets"), service_id, space_id))
    return LoadedPool(service, members, min(ends, default=NEVER), share_of(rows[0]), failing, reset, sisters, others)


def share_of(row: asyncpg.Record) -> CampaignShare | None:
    """What the campaign that a row names may send; None where it names none."""
    if row["campaign_id"] is None:
        return None
    limits = CampaignLimits(**row["campaign_limits"])
    return CampaignShare(
        row["campaign_id"], row["brand_id"], limits.segments_per_s, limits.us_daily_segments, limits.daily_segments
    )


async def people_of(
    database: Database, buckets: Sequence[int], scope_id: int, member_id: int, since_day: int
) -> tuple[int, list[tuple[str, bool]]]:
    """How many mappings of a service, or of a space, are in some buckets and in use since a day; and who is mapped to a member,
    each with whether strictly (S-82)."""
    row = await database.pool.fetchrow(query("member_people"), buckets, scope_id, member_id, since_day)
    assert row is not None, "a count is one row"
    people = [(one, False) for one in row["people"] or ()] + [(one, True) for one in row["held"] or ()]
    return row["looked_at"], people


async def owner_by_sid(connection: Connection, sid: str) -> ServiceOwner | None:
    """A service that is there, and whose it is; None otherwise."""
    row = await connection.fetchrow(query("service_owner_by_sid"), sid)
    return None if row is None else ServiceOwner(row["id"], row["account_id"])


async def generation(connection: Connection, service_id: int) -> int | None:
    """How often a service and its pool have changed; None when it is gone."""
    found: int | None = await connection.fetchval(query("service_generation"), service_id)
    return found


async def accounts(connection: Connection, ids: list[int]) -> list[Account]:
    """Accounts with the status that counts: their main account's where it is worse."""
    rows = await connection.fetch(query("accounts_by_id"), ids)
    return [replace(account_of(row), status=_standing_of(row)) for row in rows]


def _standing_of(row: asyncpg.Record) -> AccountStatus:
    owner = row["owner_status"] and AccountStatus(row["owner_status"])
    return standing(AccountStatus(row["status"]), owner)


async def unregistered(connection: Connection, senders: Collection[int | str]) -> set[int | str]:
    """Which of these memberships, in a pool or not, and of these numbers may not write to the United States any more (S-69)."""
    members = [each for each in senders if isinstance(each, int)]
    numbers = [each for each in senders if isinstance(each, str)]
    left = await connection.fetch(query("members_unregistered"), members) if members else []
    named = await connection.fetch(query("numbers_unregistered"), numbers) if numbers else []
    return {*(row["id"] for row in left), *(row["address"] for row in named)}


async def sids(reader: Reader, account_ids: list[int], service_ids: list[int]) -> tuple[dict[int, str], dict[int, str]]:
    """The SIDs of accounts and of services, also of those deleted; SIDs never change."""
    accounts = await reader.fetch(query("account_sids"), account_ids)
    services = await reader.fetch(query("service_sids"), service_ids)
    return {row["id"]: row["sid"] for row in accounts}, {row["id"]: row["sid"] for row in services}
