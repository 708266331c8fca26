#!/usr/bin/env python3
"""What many mappings cost: brought through the import, looked up, listed, cut off by the removal of a number, and purged.

    .venv/bin/python benchmarks/sticky_scale.py [--mappings 10000000] [--small 10000]

It runs a `limpet dev` on a directory of its own, with the durability that an operator has, and removes it. Half of all people are
mapped to the number that is removed while messages go on. Figures are of this machine, as busy as it is.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from running_dev import LIMPET, running

from limpet.core.ids import IdSource
from limpet.core.model import Service
from limpet.core.retention import Pseudonyms
from limpet.store.database import Database
from limpet.store.embedded import running_url
from limpet.store.services import Services
from limpet.store.sticky import StickyStore

LOOKUPS = 2000
PAGES = 200
SENDERS, SEND_S, PAUSE_S = 4, 20.0, 0.05
SIZES = "SELECT sum(pg_relation_size(c)) FROM unnest($1::regclass[]) c"


def main() -> None:
    """Measure and print, a line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mappings", type=int, default=1_000_000)
    parser.add_argument("--small", type=int, default=10_000)
    asked = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="limpet-scale-"))
    home.chmod(0o711)
    try:
        few = measure(home / "few", asked.small, whole=False)
        many = measure(home / "many", asked.mappings, whole=True)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    for name, before in few.items():
        ratio = f"ratio {many[name] / before:.2f}" if before else "not served"
        say(
            name,
            f"{before * 1000:.2f} ms at {asked.small:,}",
            f"{many[name] * 1000:.2f} ms at {asked.mappings:,}",
            ratio,
        )


def measure(home: Path, count: int, *, whole: bool) -> dict[str, float]:
    """Bring so many into an empty Limpet and look at them; on the `whole` also remove a number, and purge."""
    home.mkdir(mode=0o711)
    with running(home / "data") as ready:
        api = Api(ready)
        pool = api.get(f"/v1/Services/{api.service}/PhoneNumbers")["phone_numbers"]
        file = home / "mappings.ndjson"
        with file.open("w") as out:
            out.writelines(lines(count, [one["phone_number"] for one in pool]))
        began = time.perf_counter()
        where = ("--service", api.service, "--data", home / "data", "--json")
        told = json.loads(subprocess.check_output([LIMPET, "sticky", "import", file, *where], text=True))
        took = time.perf_counter() - began
        assert told["lines"]["made"] == count
        say(f"import of {count:,} lines", f"{took:.1f} s, over HTTP", f"{count / took:,.0f} lines/s")
        say("memory of the server", f"{server_mib(ready['pid']):.0f} MiB at its most")
        seen = asyncio.run(looked_at(home / "data", api, count))
        if whole:
            removal(api, pool[0]["sid"])
            asyncio.run(purged(home / "data"))
    return seen


def lines(count: int, numbers: list[str]) -> Iterator[str]:
    """People of whom every other one hears from the first number."""
    day = (datetime.now(UTC) - timedelta(days=1)).date()
    for n in range(count):
        sender = numbers[0] if n % 2 else numbers[1 + n // 2 % (len(numbers) - 1)]
        yield f'{{"to":"{person(n)}","from":"{sender}","last_used_day":"{day - timedelta(days=n % 300)}"}}\n'


def person(n: int) -> str:
    """The number of one of at most 60 million people."""
    return f"+1{(212, 312, 415, 512, 617, 713, 817, 916)[n // 7_000_000]}{2_000_000 + n % 7_000_000}"


async def looked_at(data: Path, api: Api, count: int) -> dict[str, float]:
    """How long the looks take at people, and sizes; medians in seconds."""
    async with stored(data) as (database, store, service):
        for chore in ("VACUUM ANALYZE", "CHECKPOINT"):  # what an import leaves to be done is no load of what follows
            await database.pool.execute(chore)
        now, chance = datetime.now(UTC), random.Random(1)
        for _ in range(LOOKUPS):
            await store.lookup(service, person(chance.randrange(count)), now)
        times = []
        for _ in range(LOOKUPS):
            began = time.perf_counter()
            assert await store.lookup(service, person(chance.randrange(count)), now) is not None
            times.append(time.perf_counter() - began)
        heap = await database.pool.fetchval(SIZES, ["sticky_mapping"])
        index = await database.pool.fetchval(SIZES, ["sticky_mapping_pkey"])
    say(f"bytes a mapping of {count:,}", f"{heap / count:.0f} and {index / count:.0f} in its index")
    return {"look-up (median)": statistics.median(times), "list page (median)": listed(api)}


def listed(api: Api) -> float:
    """The median of walking from page to page over HTTP; 0 where there is no list."""
    path, times = f"/v1/Services/{api.service}/StickyMappings?PageSize=50", []
    for _ in range(PAGES):
        began = time.perf_counter()
        page = api.get(path)
        times.append(time.perf_counter() - began)
        following = (page.get("meta") or {}).get("next_page_url")
        if following is None:
            break
        path = urlsplit(following).path + "?" + urlsplit(following).query
    return statistics.median(times) if "sticky_mappings" in page else 0.0


def removal(api: Api, number_sid: str) -> None:
    """A number with half of the mappings leaves while messages are sent."""
    quiet = sending(api)
    busy: list[float] = []
    thread = threading.Thread(target=lambda: busy.extend(sending(api)))
    thread.start()
    time.sleep(PAUSE_S)
    began = time.perf_counter()
    api.call("DELETE", f"/v1/Services/{api.service}/PhoneNumbers/{number_sid}")
    took = time.perf_counter() - began
    thread.join()
    say("removal of a number with half of them", f"{took * 1000:.1f} ms, over HTTP")
    say("sends, p99", f"{p99(quiet) * 1000:.1f} ms before", f"{p99(busy) * 1000:.1f} ms during", f"{len(busy)} sends")


def sending(api: Api) -> list[float]:
    """How long messages take that are sent at a quiet pace, to people who have a mapping."""
    times: list[float] = []

    def one(seed: int) -> None:
        mine, chance, end = Api(api.ready), random.Random(seed), time.perf_counter() + SEND_S
        while time.perf_counter() < end:
            form = {"To": person(chance.randrange(10_000)), "MessagingServiceSid": mine.service, "Body": "Hello"}
            began = time.perf_counter()
            mine.call("POST", f"/2010-04-01/Accounts/{mine.account}/Messages.json", urlencode(form).encode())
            times.append(time.perf_counter() - began)
            time.sleep(PAUSE_S)

    threads = [threading.Thread(target=one, args=(seed,)) for seed in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def p99(times: list[float]) -> float:
    """What 99 of 100 are faster than."""
    return statistics.quantiles(times, n=100)[98]


async def purged(data: Path) -> None:
    """How fast what the removal left behind goes."""
    async with stored(data) as (_, store, _service):
        began = time.perf_counter()
        gone = await store.purge(datetime.now(UTC))
        took = time.perf_counter() - began
    say("purge of what it left", f"{gone:,} rows in {took:.1f} s", f"{gone / took:,.0f} rows/s")


class stored:  # noqa: N801 - read as a word: async with stored(data)
    """The database of the running Limpet, with its mappings."""

    def __init__(self, data: Path) -> None:
        self._data = data

    async def __aenter__(self) -> tuple[Database, StickyStore, Service]:
        url = running_url(self._data)
        assert url is not None
        self._database = database = await Database.connect(url, 2)
        keys = await database.installation(datetime.now(UTC), bytes(64))
        dev, ids = json.loads((self._data / "dev.json").read_text()), IdSource()
        account = await database.pool.fetchval("SELECT id FROM account WHERE sid = $1", dev["account_sid"])
        service = await Services(database).by_sid(account, dev["service_sid"])
        assert service is not None
        pseudonyms = Pseudonyms(bytes(32))
        return database, StickyStore(database, keys.bucket_key, lambda now: ids.next(now, 0), pseudonyms), service

    async def __aexit__(self, *_: object) -> None:
        await self._database.close()


class Api:
    """The HTTP API over one connection."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.ready, self.account, self.service = ready, ready["account_sid"], ready["service_sid"]
        place = urlsplit(ready["url"])
        self._connection = HTTPConnection(place.hostname or "", place.port, timeout=60)
        secret = b64encode(f"{self.account}:{ready['auth_token']}".encode()).decode()
        self._headers = {"Authorization": f"Basic {secret}", "Content-Type": "application/x-www-form-urlencoded"}

    def call(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        """The JSON that is answered."""
        try:
            self._connection.request(method, path, body, self._headers)
            answer = self._connection.getresponse().read()
        except RemoteDisconnected:  # it was idle for too long
            return self.call(method, path, body)
        return json.loads(answer) if answer else {}

    def get(self, path: str) -> dict[str, Any]:
        """The same for GET."""
        return self.call("GET", path)


def server_mib(pid: int) -> float:
    """The most memory that a process has had; of the children that ended where the system does not say."""
    try:
        peak = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def say(what: str, *figures: str) -> None:
    """One line."""
    print(f"{what:42} {'   '.join(figures)}", flush=True)


if __name__ == "__main__":
    main()
