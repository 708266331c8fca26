"""`limpet doctor`, the database: reachable, recent, up to date, agreeing on the time, roomy, and durable."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from limpet.commands.finding import Finding, Verdict
from limpet.commands.opened import opened
from limpet.config import DatabaseConfig
from limpet.store.database import Database, migrations
from limpet.store.embedded import running_url
from limpet.store.inspection import clients_connected, server_settings

AREA = "database"
SKEW_WARN_S, SKEW_MAX_S = 1.0, 30.0
FREE_BYTES_MIN, FREE_SHARE_MIN, FREE_SHARE_WARN = 512 * 1024 * 1024, 0.05, 0.15
DURABLE = ("fsync", "full_page_writes", "synchronous_commit")


@asynccontextmanager
async def reached(config: DatabaseConfig) -> AsyncIterator[Database]:
    """The database whatever state its schema is in, also beside a running Limpet; DatabaseUnusable says why not."""
    url = config.url or await asyncio.to_thread(running_url, config.data_dir)
    if url is None:
        async with opened(config) as database:
            yield database
        return
    database = await Database.connect(url, 2)
    try:
        yield database
    finally:
        await database.close()


async def check_database(database: Database, config: DatabaseConfig) -> list[Finding]:
    """Everything that a database that can be reached tells of itself."""
    version = await server_settings(
        database, ("server_version", "max_connections", "superuser_reserved_connections", *DURABLE)
    )
    return [
        Finding(AREA, "version", Verdict.OK, f"PostgreSQL {version['server_version']}"),
        _schema(await database.schema_version()),
        _clock((await database.now() - datetime.now(UTC)).total_seconds()),
        _connections(version, await clients_connected(database), config.connections),
        _durability(version),
    ]


async def check_disk(config: DatabaseConfig) -> Iterable[Finding]:
    """The room where an embedded database lies; that of an operator's is not to be seen from here."""
    if config.url is not None:
        return []
    return [
        _disk(
            config.data_dir, shutil.disk_usage(config.data_dir if config.data_dir.exists() else config.data_dir.parent)
        )
    ]


def _schema(at: int) -> Finding:
    known = migrations()[-1].number
    if at < known:
        return Finding(
            AREA, "schema", Verdict.FAIL, f"step {at} of {known}", "Run `limpet migrate` before the servers start."
        )
    if at > known:
        return Finding(AREA, "schema", Verdict.FAIL, f"step {at}, and this Limpet knows {known}", "Update Limpet.")
    return Finding(AREA, "schema", Verdict.OK, f"step {at}")


def _clock(skew_s: float) -> Finding:
    detail = f"{abs(skew_s):.1f} s {'ahead of' if skew_s > 0 else 'behind'} this machine's"
    verdict = Verdict.FAIL if abs(skew_s) > SKEW_MAX_S else Verdict.WARN if abs(skew_s) > SKEW_WARN_S else Verdict.OK
    return Finding(
        AREA, "clock", verdict, detail, "" if verdict is Verdict.OK else "Keep both machines' clocks right with NTP."
    )


def _connections(settings: dict[str, str], used: int, wanted: int) -> Finding:
    free = int(settings["max_connections"]) - int(settings["superuser_reserved_connections"]) - used
    detail = f"{used} in use, {free} free; each process takes {wanted}"
    if free < wanted:
        return Finding(
            AREA, "connections", Verdict.WARN, detail, "Raise max_connections, or lower database.connections."
        )
    return Finding(AREA, "connections", Verdict.OK, detail)


def _durability(settings: dict[str, str]) -> Finding:
    off = [name for name in DURABLE if settings[name] == "off"]
    if off:
        advice = f"Turn {', '.join(off)} on: what was accepted would be lost with the machine."
        return Finding(AREA, "durability", Verdict.FAIL, f"{', '.join(off)} off", advice)
    return Finding(AREA, "durability", Verdict.OK, f"fsync on, synchronous_commit {settings['synchronous_commit']}")


def _disk(path: Path, usage: shutil._ntuple_diskusage) -> Finding:
    share = usage.free / usage.total
    detail = f"{usage.free / 1e9:.1f} GB free ({share:.0%}) at {path}"
    if usage.free < FREE_BYTES_MIN or share < FREE_SHARE_MIN:
        return Finding(AREA, "disk", Verdict.FAIL, detail, "Make room: PostgreSQL stops when the disk is full.")
    verdict = Verdict.WARN if share < FREE_SHARE_WARN else Verdict.OK
    return Finding(AREA, "disk", verdict, detail, "Make room soon." if verdict is Verdict.WARN else "")
