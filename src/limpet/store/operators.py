"""Operators of the console and their sessions in PostgreSQL: made, let in, shut out.

What each may do is the business of `limpet.core.console`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import asyncpg

from limpet.core.console import Role
from limpet.core.sign_in import (
    ADDRESS_FAILURES_FREE,
    FAILURES_FORGOTTEN_AFTER,
    NAME_FAILURES_FREE,
    SECRET_BYTES,
    SESSION_IDLE,
    SESSION_MAX,
    neighbourhood,
    otpauth_uri,
    step_of,
    wait_after,
)
from limpet.store import passwords
from limpet.store.database import Connection, Database
from limpet.store.queries import query
from limpet.store.secrets import Vault

OPERATORS_MAX: Final = 1000
RECOVERY_CODES: Final = 10
CHECKS_AT_ONCE: Final = 2
"""Passwords that are checked at a time: each takes 32 MiB and a processor."""
SEEN_EVERY: Final = timedelta(minutes=1)
_CODE_BYTES: Final = 5
_TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who is let in."""

    id: int
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class ShownOperator:
    """An operator in a list."""

    name: str
    role: Role
    second_factor: bool
    recovery_codes: int
    sessions: int
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an operator is told once. `uri` is for an authenticator app; it and the codes are empty without a second factor."""

    password: str
    uri: str = ""
    recovery_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Locked:
    """Nothing was tried: there were too many failures."""

    seconds: int


class Operators:
    """All operators. One object a process, so that not too many passwords are checked at a time."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._checks = asyncio.Semaphore(CHECKS_AT_ONCE)

    async def create(
        self, name: str, role: Role, now: datetime, *, password: str | None = None, second_factor: bool = True
    ) -> Credentials | None:
        """A new operator, and what opens the door to them; None when the name is taken."""
        made, secret = self._new(name, password, second_factor=second_factor)
        sealed, hashed = self._sealed(secret), await asyncio.to_thread(passwords.hash_password, made.password)

        async def work(connection: Connection) -> bool:
            row = await connection.fetchrow(query("operator_insert"), name, role, hashed, sealed, now)
            if row is not None:
                await self._keep_codes(connection, row["id"], made.recovery_codes)
            return row is not None

        return made if await self._database.transaction(work) else None

    async def reset(
        self, name: str, *, role: Role | None = None, password: str | None = None, second_factor: bool = True
    ) -> Credentials | None:  # fmt: skip
        """Another password and second factor, and another role if one is given; all sessions end, and who was disabled is so no
        more. None when there is no such operator."""
        made, secret = self._new(name, password, second_factor=second_factor)
        sealed, hashed = self._sealed(secret), await asyncio.to_thread(passwords.hash_password, made.password)

        async def work(connection: Connection) -> bool:
            row = await connection.fetchrow(query("operator_by_name"), name)
            if row is None:
                return False
            await connection.execute(query("operator_set"), row["id"], role or row["role"], hashed, sealed)
            await connection.execute(query("sessions_end"), row["id"])
            await self._keep_codes(connection, row["id"], made.recovery_codes)
            await connection.execute(query("failure_clear"), self._failure_key("name", name))
            return True

        return made if await self._database.transaction(work) else None

    async def disable(self, name: str, now: datetime) -> bool:
        """Shut an operator out at once; whether there is such a one."""

        async def work(connection: Connection) -> bool:
            operator_id = await connection.fetchval(query("operator_disable"), name, now)
            await connection.execute(query("sessions_end"), operator_id)
            return operator_id is not None

        return await self._database.transaction(work)

    async def all(self, now: datetime) -> list[ShownOperator]:
        """The first OPERATORS_MAX operators, by name."""
        rows = await self._database.pool.fetch(
            query("operators_all"), now - SESSION_MAX, now - SESSION_IDLE, OPERATORS_MAX
        )
        return [
            ShownOperator(
                row["name"], Role(row["role"]), row["totp_sealed"] is not None, row["recovery_codes"], row["sessions"],
                row["created_at"], row["disabled_at"],
            )
            for row in rows
        ]  # fmt: skip

    async def end_sessions(self, name: str) -> bool:
        """Shut an operator out until they sign in again; whether there is such a one."""
        row = await self._database.pool.fetchrow(query("operator_by_name"), name)
        if row is not None:
            await self._database.pool.execute(query("sessions_end"), row["id"])
        return row is not None

    async def sign_in(
        self, name: str, password: str, code: str, address: str, now: datetime
    ) -> Operator | Locked | None:  # fmt: skip
        """Who this is; None when something of it is wrong. Each try counts against the name and the address before it is looked
        at, so that many at once gain nothing."""
        keys = {
            self._failure_key("name", name): NAME_FAILURES_FREE,
            self._failure_key("address", neighbourhood(address)): ADDRESS_FAILURES_FREE,
        }
        if (until := await self._count(keys, now)) is not None:
            return Locked(max(1, round((until - now).total_seconds())))
        row = await self._database.pool.fetchrow(query("operator_by_name"), name)
        async with self._checks:
            hashed = await asyncio.to_thread(passwords.nobodys) if row is None else row["password_hash"]
            good = await asyncio.to_thread(passwords.matches, password, hashed)
        if row is None or not good or row["disabled_at"] is not None or not await self._second(row, code, now):
            return None
        named, from_ = keys
        await self._database.pool.execute(query("failure_clear"), named)
        await self._database.pool.execute(query("failure_forgive"), from_, now)
        return Operator(row["id"], row["name"], Role(row["role"]))

    async def open_session(self, operator: Operator, address: str, now: datetime, former: str | None = None) -> str:
        """A new session's token; a former one of the same browser ends."""
        token = secrets.token_hex(_TOKEN_BYTES)
        if former is not None:
            await self.end_session(former)
        await self._database.pool.execute(query("session_insert"), _hash(token), operator.id, now, address)
        return token

    async def session(self, token: str, now: datetime) -> Operator | None:
        """Who a session is of, while it is good; to be asked is to use it."""
        hashed = _hash(token)
        row = await self._database.pool.fetchrow(query("session_find"), hashed, now - SESSION_MAX, now - SESSION_IDLE)
        if row is None:
            return None
        if now - row["seen_at"] >= SEEN_EVERY:
            await self._database.pool.execute(query("session_seen"), hashed, now)
        return Operator(row["id"], row["name"], Role(row["role"]))

    async def end_session(self, token: str) -> None:
        """It opens nothing any more."""
        await self._database.pool.execute(query("session_end"), _hash(token))

    async def purge(self, now: datetime) -> None:
        """Forget sessions that are over, and failures of long ago."""
        await self._database.pool.execute(query("sessions_purge"), now - SESSION_MAX, now - SESSION_IDLE)
        await self._database.pool.execute(query("failures_purge"), now - FAILURES_FORGOTTEN_AFTER)

    async def _count(self, keys: dict[bytes, int], now: datetime) -> datetime | None:
        """Count a try under each key; until when none is allowed, where one is waited for."""

        async def work(connection: Connection) -> datetime | None:
            for key in sorted(keys):
                failures = await connection.fetchval(query("failure_count"), key, now, now - FAILURES_FORGOTTEN_AFTER)
                if failures is None:
                    until: datetime = await connection.fetchval(query("failure_until"), key)
                    return until
                await connection.execute(query("failure_wait"), key, now + wait_after(failures, keys[key]))
            return None

        return await self._database.transaction(work)

    async def _second(self, row: asyncpg.Record, code: str, now: datetime) -> bool:
        """Whether the second factor is right; what was right is used up."""
        if row["totp_sealed"] is None:
            return True
        secret = bytes.fromhex(self._vault.open(row["totp_sealed"]))
        step = step_of(secret, code, now.timestamp(), row["totp_step"])
        if step is not None:
            return await self._database.pool.fetchval(query("operator_use_step"), row["id"], step) is not None
        hashed = self._vault.hash_secret(_plain(code))
        return await self._database.pool.fetchval(query("recovery_use"), row["id"], hashed) is not None

    def _new(self, name: str, password: str | None, *, second_factor: bool) -> tuple[Credentials, bytes | None]:
        password = password or passwords.new_password()
        if not second_factor:
            return Credentials(password), None
        secret = secrets.token_bytes(SECRET_BYTES)
        codes = tuple(_grouped(secrets.token_hex(_CODE_BYTES)) for _ in range(RECOVERY_CODES))
        return Credentials(password, otpauth_uri(name, secret), codes), secret

    def _sealed(self, secret: bytes | None) -> bytes | None:
        return None if secret is None else self._vault.seal(secret.hex())

    async def _keep_codes(self, connection: Connection, operator_id: int, codes: Sequence[str]) -> None:
        await connection.execute(query("recovery_forget"), operator_id)
        hashes = [self._vault.hash_secret(_plain(code)) for code in codes]
        await connection.execute(query("recovery_insert"), operator_id, hashes)

    def _failure_key(self, kind: str, value: str) -> bytes:
        return self._vault.hash_secret(f"sign-in {kind} {value}")


def _hash(token: str) -> bytes:
    """A token has 256 random bits: its hash needs neither salt nor slowness."""
    return sha256(token.encode(errors="surrogatepass")).digest()


def _grouped(code: str) -> str:
    half = len(code) // 2
    return f"{code[:half]}-{code[half:]}"


def _plain(code: str) -> str:
    return code.strip().replace("-", "").lower()
