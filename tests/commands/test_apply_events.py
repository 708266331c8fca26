"""`limpet apply` moves registrations as the API does: what it causes is owed to who has subscribed, and posted by a server."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

from limpet.core.event_streams import NewSink, Sink, Subscription
from limpet.store.database import Database
from limpet.store.event_streams import EventStreams
from limpet.twilio.event_types import EVENT_TYPES
from tests.commands.test_apply import Bench, bench

__all__ = ["bench"]
FIRST, SECOND = "+14155550100", "+12125550101"
ACCOUNT = '[[accounts]]\nname = "Acme"\nauth_token_env = "ACME_TOKEN"\n'
NUMBERS = "".join(f'[[accounts.numbers]]\nnumber = "{number}"\ncarrier = "up"\n' for number in (FIRST, SECOND))
FILE = f'{ACCOUNT}{NUMBERS}[[accounts.services]]\nname = "Parcels"\nnumbers = '
CAMPAIGN = (
    "WITH b AS (INSERT INTO brand (sid, account_id, customer_profile_sid, a2p_profile_sid, brand_type, mock, skip_vetting, "
    "status, job_key, created_at, updated_at) SELECT 'BN1', account_id, 'BU1', 'BU2', 'STANDARD', false, false, 'APPROVED', 'b', "
    "now(), now() FROM service RETURNING id, account_id) "
    "INSERT INTO campaign (sid, account_id, service_id, brand_id, usecase, status, mock, fields, limits, job_key, created_at, "
    "updated_at) SELECT 'QE1', b.account_id, s.id, b.id, 'MIXED', 'VERIFIED', false, '{}', '{}', 'c', now(), now() "
    "FROM b, service s"
)
OWED = "SELECT payload FROM status_callback WHERE kind = 'event' AND due_at > now() ORDER BY id"


def subscribe(bench: Bench) -> None:
    async def go() -> None:
        database = await Database.connect(bench.dsn)
        try:
            streams, now = EventStreams(database), datetime.now(UTC)
            (account,) = [row["id"] for row in await database.pool.fetch("SELECT id FROM account")]
            sink = await streams.create_sink(account, NewSink("all", "https://example.com/events", False), now)
            assert isinstance(sink, Sink)
            types = {name: one.schema.latest for name, one in EVENT_TYPES.items()}
            assert isinstance(await streams.create_subscription(account, sink.sid, "all", types, now), Subscription)
        finally:
            await database.close()

    asyncio.run(go())


def told(bench: Bench) -> list[tuple[str, str]]:
    """The events that are owed, as what they tell and of which number."""
    events = [json.loads(payload) for (payload,) in bench.rows(OWED)]
    return [(one["type"].rpartition("number-")[2], one["data"]["phonenumber"]) for one in events]


def test_steps_that_a_file_causes_are_owed_to_who_has_subscribed(bench: Bench) -> None:
    bench.apply(FILE + "[]")
    bench.execute(CAMPAIGN)
    bench.apply(FILE + f'["{FIRST}"]')
    assert told(bench) == [], "nobody has subscribed"
    subscribe(bench)
    both = FILE + f'["{FIRST}", "{SECOND}"]'
    assert bench.run(both, "--dry-run").exception is None
    assert told(bench) == [], "nothing has happened"
    bench.apply(both)
    assert told(bench) == [("registration.pending", SECOND)]
    bench.apply(FILE + f'["{SECOND}"]', "--prune")
    assert told(bench)[1:] == [("deregistration.pending", FIRST)]
    assert bench.rows("SELECT count(*) FROM registration_job") == [(3,)]
