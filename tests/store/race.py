"""One process of the race: binds first messages of many people, each many times at once, and says who got which number.

Run as `python -m tests.store.race DSN SERVICE_ID PEOPLE TIMES SEED`; prints one JSON object of recipient → list of senders.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import defaultdict

from limpet.core.address import area_code, parse_recipient
from limpet.core.ids import BUCKETS, IdSource, person_hash
from limpet.core.load import LoadMeter
from limpet.core.retention import Pseudonyms
from limpet.core.sticky import Ask, Binding
from limpet.flow.assign import Answer, Assigner, Wanted
from limpet.flow.campaign_share import CampaignCounts, CampaignUse
from limpet.flow.directory import Directory
from limpet.store.database import Connection, Database
from limpet.store.sticky import MappingKey
from tests.support.clock import NOW
from tests.support.world import BUCKET_KEY, PSEUDONYM_KEY

BATCH = 40
PSEUDONYMS = Pseudonyms(PSEUDONYM_KEY)


def person(index: int) -> str:
    return f"+1415555{index:04}"


async def main(dsn: str, service_id: int, people: int, times: int, seed: int) -> dict[str, list[str]]:
    chance, ids = random.Random(seed), IdSource()
    database = await Database.connect(dsn, pool_size=8)
    meter = LoadMeter(0.0)
    assigner = Assigner(
        Directory(database), meter, lambda: 0.0, lambda now: ids.next(now, chance.getrandbits(21)), PSEUDONYMS
    )
    wanted = [_wanted(service_id, person(index), n) for index in range(people) for n in range(times)]
    chance.shuffle(wanted)
    got: dict[str, list[str]] = defaultdict(list)

    async def bind(batch: list[Wanted]) -> None:
        async def work(connection: Connection) -> list[Answer]:
            return await assigner.bind(connection, batch, NOW, CampaignUse(CampaignCounts(), NOW))

        for asked, answer in zip(batch, await database.transaction(work), strict=True):
            assert isinstance(answer, Binding), answer
            got[asked.key.recipient].append(answer.candidate.sender.address)

    batches = [wanted[start : start + BATCH] for start in range(0, len(wanted), BATCH)]
    gate = asyncio.Semaphore(8)

    async def gated(batch: list[Wanted]) -> None:
        async with gate:
            await bind(batch)

    await asyncio.gather(*map(gated, batches))
    await database.close()
    return got


def _wanted(service_id: int, recipient: str, n: int) -> Wanted:
    to = parse_recipient(recipient)
    assert to is not None
    hashed = person_hash(recipient, BUCKET_KEY)
    assert area_code(recipient) == "415"
    return Wanted(MappingKey(hashed % BUCKETS, service_id, recipient), n + 1, Ask(to, hashed), 1)


if __name__ == "__main__":
    dsn, *numbers = sys.argv[1:]
    print(json.dumps(asyncio.run(main(dsn, *map(int, numbers)))))
