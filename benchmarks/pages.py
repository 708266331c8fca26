#!/usr/bin/env python3
"""How long pages take with a million messages in the store: every page of phones and console that a link leads to.

    .venv/bin/python benchmarks/pages.py [--messages 1000000] [--people 20000]

It runs a `limpet dev` on a directory of its own, fills its tables, follows the links, and removes it. Each page is asked for five
times; where many differ only in whose they are, the first of them stands for all.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import random
import re
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import asyncpg
import requests
from rich.console import Console
from rich.progress import track
from rich.table import Table
from running_dev import running

from limpet.core.ids import CHANCE_BITS, IdSource, bucket_of
from limpet.core.model import Direction
from limpet.core.status import Status
from limpet.store import messages
from limpet.store.database import Database
from limpet.store.embedded import running_url
from limpet.store.messages import MessageRow

GOAL_MS = 200
TIMES, PAGES_MAX, ROWS = 5, 200, 5_000
DAYS = 60
BEGIN = ("/console", "/phones", "/phones?q=to%3A%2B1415", "/phones?q=status%3Afailed", "/phones?q=parcel")
LINK = re.compile(r'href="(/(?:console|phones)[^"#]*)"')
NAMED = re.compile(r"[A-Z]{2}[0-9a-f]{32}|%2B\d+|\+\d+|\d{4,}")


def main() -> None:
    """Measure, and print a table, the slowest page first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=20_000)
    asked = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="limpet-pages-"))
    home.chmod(0o711)
    try:
        with running(home / "data", "--throwaway") as ready:
            asyncio.run(filled(home / "data", asked.messages, asked.people))
            found = walked(ready["url"])
    finally:
        shutil.rmtree(home, ignore_errors=True)
    show(found, asked.messages)


async def filled(data: Path, count: int, people: int) -> None:
    """Messages of the last two months, to people who have a mapping, most of them delivered."""
    url = running_url(data)
    assert url is not None
    now, chance, ids = datetime.now(UTC), random.Random(1), IdSource()
    database = await Database.connect(url, 2)
    try:
        keys = await database.installation(now, bytes(64))
        for month in range(DAYS // 30 + 1):
            await database.ensure_partitions(now - timedelta(days=30 * month))
        members = await database.pool.fetch(
            "SELECT p.id, p.service_id, s.account_id, n.address FROM pool_member p JOIN service s ON s.id = p.service_id "
            "JOIN sender n ON n.id = p.sender_id WHERE p.removed_at IS NULL"
        )
        for start in track(range(0, count, ROWS), "messages", console=Console(stderr=True)):
            rows = []
            for n in range(start, min(start + ROWS, count)):
                at = now - timedelta(days=DAYS) * (1 - n / count)
                row_id = ids.next(at, chance.getrandbits(CHANCE_BITS))
                rows.append(message(row_id, chance.randrange(people), members, keys.bucket_key, at))
            async with database.pool.acquire() as connection:
                await messages.insert(connection, rows, now)
        await database.pool.execute(
            "INSERT INTO sticky_mapping (bucket, service_id, recipient, member_id, last_used_day, created_day) "
            "SELECT DISTINCT ON (bucket, service_id, recipient) bucket, service_id, recipient, member_id, $1::integer, $1 "
            "FROM message WHERE member_id IS NOT NULL ON CONFLICT DO NOTHING",
            (now - datetime(2000, 1, 1, tzinfo=UTC)).days,
        )
        await database.pool.execute("VACUUM ANALYZE message")
    finally:
        await database.close()


def message(row_id: int, person: int, members: list[asyncpg.Record], bucket_key: bytes, at: datetime) -> MessageRow:
    """A text to somebody, from the number that this person always hears from; one in twenty was not delivered."""
    to, member = f"+1415{2_000_000 + person}", members[person % len(members)]
    lost = row_id % 20 == 0
    return MessageRow(
        bucket=bucket_of(to, bucket_key), id=row_id, account_id=member["account_id"], service_id=member["service_id"],
        member_id=member["id"], direction=Direction.OUTBOUND_API, status=Status.FAILED if lost else Status.DELIVERED,
        recipient=to, sender=member["address"], body=f"Your parcel {row_id % 9999} has arrived.", num_segments=1, send_at=None,
        expires_at=at + timedelta(hours=10), status_callback=None, callback_events="all", reason="sticky", sticky="used",
        error_code=30008 if lost else None, lane="simulated/0",
    )  # fmt: skip


def walked(url: str) -> dict[str, tuple[list[float], int]]:
    """Each page by its path: how long it took, in milliseconds, and its size."""
    session, found = requests.Session(), dict[str, tuple[list[float], int]]()
    ahead, met = [urljoin(url, path) for path in BEGIN], set[str]()
    while ahead and len(found) < PAGES_MAX:
        page = ahead.pop(0)
        path = urlsplit(page).path + ("?" + urlsplit(page).query if urlsplit(page).query else "")
        alike = NAMED.sub("…", path)
        if alike in met:
            continue
        met.add(alike)
        times, answer = [], None
        for _ in range(TIMES):
            began = time.perf_counter()
            answer = session.get(page, timeout=60, headers={"Accept": "text/html"}, stream=True)
            if not answer.headers.get("content-type", "").startswith("text/html"):
                break
            text = answer.text
            times.append((time.perf_counter() - began) * 1000)
        if answer is not None and len(times) == TIMES:
            assert answer.status_code == 200, (page, answer.status_code)
            found[path] = times, len(text)
            ahead += [urljoin(answer.url, html.unescape(link)) for link in LINK.findall(text)]
    return found


def show(found: dict[str, tuple[list[float], int]], count: int) -> None:
    """The table, and what is slower than it should be."""
    table = Table("page", "median ms", "slowest ms", "KiB", title=f"{len(found)} pages, {count:,} messages")
    for path, (times, size) in sorted(found.items(), key=lambda item: -statistics.median(item[1][0])):
        table.add_row(
            NAMED.sub("…", path), f"{statistics.median(times):.1f}", f"{max(times):.1f}", f"{size / 1024:.0f}"
        )
    Console().print(table)
    slow = [path for path, (times, _) in found.items() if statistics.median(times) > GOAL_MS]
    print(f"{len(slow)} of {len(found)} pages take longer than {GOAL_MS} ms")


if __name__ == "__main__":
    main()
