"""What a page of phones reads: messages of all accounts, the newest of them, and what has changed since they were looked at.

For development servers: lists here have limits, and nothing is written. It decides nothing about what is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from limpet.core.media import Medium
from limpet.core.model import Message
from limpet.store.database import Database
from limpet.store.dispatch import Key
from limpet.store.messages import message_of
from limpet.store.queries import query

ACCOUNTS_MAX: Final = 1000
NUMBERS_MAX: Final = 1000


class Try(NamedTuple):
    """A try to reach a customer's URL with something about a message; `http_status` is None when there was no answer."""

    key: Key
    kind: str
    outcome: str
    http_status: int | None
    id: int


class Number(NamedTuple):
    """A number that people can write to, and the carrier that brings what they write."""

    address: str
    carrier: str


class Phones:
    """The reader of one database."""

    def __init__(self, database: Database) -> None:
        self._pool = database.pool

    async def accounts(self) -> list[int]:
        """The ids of the first ACCOUNTS_MAX accounts."""
        return [row["id"] for row in await self._pool.fetch(query("phones_accounts"), ACCOUNTS_MAX)]

    async def newest(self, accounts: Sequence[int], since: int, most: int) -> list[Message]:
        """The newest `most` messages with an id of at least `since`, in the order of their ids."""
        rows = await self._pool.fetch(query("phones_newest"), list(accounts), since, most)
        return sorted((message_of(row) for row in rows), key=lambda message: message.id)[-most:]

    async def changed(self, known: Sequence[Message]) -> list[Message]:
        """Of these messages, those whose status or time of change is another by now."""
        columns = [[getattr(message, name) for message in known] for name in ("bucket", "id", "updated_at", "status")]
        return [message_of(row) for row in await self._pool.fetch(query("phones_changed"), *columns)] if known else []

    async def message(self, bucket: int, message_id: int) -> Message | None:
        """A message, whoever's it is; None when there is none."""
        row = await self._pool.fetchrow(query("phones_message"), bucket, message_id)
        return None if row is None else message_of(row)

    async def media(self, keys: Sequence[Key]) -> Mapping[Key, tuple[Medium, ...]]:
        """The media of messages that have any, in order."""
        rows = await self._pool.fetch(query("phones_media"), *zip(*keys, strict=True)) if keys else []
        found: dict[Key, tuple[Medium, ...]] = {}
        for row in rows:
            key = Key(row["bucket"], row["message_id"])
            found[key] = (*found.get(key, ()), Medium(row["position"], row["url"], row["content_type"]))
        return found

    async def tried(self, accounts: Sequence[int], since: int, most: int) -> list[Try]:
        """The newest `most` tries of each account with an id of at least `since`, the oldest first."""
        rows = await self._pool.fetch(query("phones_tried"), list(accounts), since, most)
        return [
            Try(Key(row["bucket"], row["message_id"]), row["kind"], row["outcome"], row["http_status"], row["id"])
            for row in rows
        ]  # fmt: skip

    async def account_of_try(self, bucket: int, try_id: int) -> int | None:
        """Whose a try is; None when there is none."""
        row = await self._pool.fetchrow(query("delivery_fetch"), bucket, try_id)
        return None if row is None else int(row["account_id"])

    async def numbers(self) -> list[Number]:
        """The first NUMBERS_MAX numbers that people can write to."""
        return [Number(*row) for row in await self._pool.fetch(query("phones_numbers"), NUMBERS_MAX)]

    async def number(self, address: str) -> Number | None:
        """A number; None when nobody has it."""
        row = await self._pool.fetchrow(query("phones_number"), address)
        return None if row is None else Number(*row)
