"""Messages that were on their way when a backup was taken: whether they left is not known, and they wait for an operator.

Those that have a sender are in doubt, under a claim of no lane: nobody resolves it by a policy, receipts do. Those that have none
wait in the queue for a time that does not come. Everything else goes on by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from limpet.core.ids import IdSource, id_time
from limpet.store import dispatch
from limpet.store.database import Connection, Database
from limpet.store.dispatch import Claim, Due, Key, columns, lane_bucket
from limpet.store.queries import query

HELD = "held"
"""The lane of the claims; a real one is called `carrier/number`."""
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
CHUNK = 500
VALID_AGAIN = timedelta(hours=10)
"""Of a message that is sent after all; Twilio's validity of a message that says nothing."""


@dataclass(frozen=True, slots=True)
class Held:
    """How many messages wait for a decision, with a sender and without, and of which accounts those with one are."""

    doubtful: int
    unbound: int
    accounts: int = 0


async def hold(database: Database, now: datetime) -> Held:
    """Hold everything that may have left since: what was claimed, and what is due by `now`. Before any server runs on it."""

    async def work(connection: Connection) -> Held:
        claimed = _keys(await connection.fetch(query("held_claims_all")))
        await connection.execute(query("held_claims_clear"))
        taken = await connection.fetch(query("held_take_due"), now)
        keys = sorted({*claimed, *(Key(row["bucket"], row["id"]) for row in taken)})
        ids, held = IdSource(), 0
        for some in _chunks(keys):
            rows = [(*key, id_time(key.id)) for key in some]
            buckets, numbers, made = columns(rows)
            found = await connection.fetch(query("held_doubt"), buckets, numbers, now, made)
            doubtful = tuple(Key(row["bucket"], row["id"]) for row in found)
            if doubtful:
                await dispatch.note_claim(connection, Claim(ids.next(now, 0), HELD, 0, doubtful))
            held += len(doubtful)
        put_off = await connection.execute(query("held_put_off"), now, NEVER)
        return Held(held, int(put_off.rpartition(" ")[2]))

    return await database.transaction(work)


async def look(database: Database) -> Held:
    """What is held still."""
    async with database.pool.acquire() as connection:
        accounts, doubtful = set[int](), 0
        for _, keys in await _claims(connection):
            rows = await connection.fetch(query("held_still"), *columns(keys))
            doubtful += len(rows)
            accounts |= {row["account_id"] for row in rows}
        return Held(doubtful, await connection.fetchval(query("held_unbound"), NEVER), len(accounts))


async def let_go(database: Database, now: datetime, *, send: bool) -> Held:
    """Put all that is held into the queue: to be sent, or as messages whose validity is over, which fail (30036)."""
    until = now + VALID_AGAIN if send else now

    async def work(connection: Connection) -> Held:
        claims, count = await _claims(connection), 0
        for claim_id, keys in claims:
            rows = await connection.fetch(query("held_let_go"), *columns(keys), until)
            waiting = [Due(row["bucket"], row["id"], row["lane"], now, until) for row in rows]
            if waiting:
                await dispatch.enqueue(connection, waiting)
            await dispatch.claims_done(connection, HELD, [claim_id])
            count += len(waiting)
        await connection.execute(query("held_unbound_valid"), NEVER, until)
        unbound = await connection.execute(query("held_unbound_let_go"), NEVER, now, until)
        return Held(count, int(unbound.rpartition(" ")[2]))

    return await database.transaction(work)


async def is_empty(database: Database) -> bool:
    """Whether a database has nothing in it."""
    return not await database.pool.fetchval(query("held_tables"))


async def analyze(database: Database) -> None:
    """Let PostgreSQL look at what was restored, so that it plans well from the start."""
    await database.pool.execute(query("held_analyze"))


async def _claims(connection: Connection) -> list[tuple[int, list[Key]]]:
    rows = await connection.fetch(query("held_keys"), lane_bucket(HELD), HELD)
    return [(row["id"], sorted(_keys([row]))) for row in rows]


def _keys(rows: Iterable[object]) -> list[Key]:
    return [
        Key(bucket, message_id)
        for row in rows
        for bucket, message_id in zip(row["buckets"], row["ids"], strict=True)  # type: ignore[index]
    ]


def _chunks(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    yield from (keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK))
