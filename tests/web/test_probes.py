"""What load balancers and Prometheus ask: who is answered, what is counted, and when a server says that it is not ready."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from prometheus_client.parser import text_string_to_metric_families

from limpet.carrier.port import ReceiptState
from limpet.flow.callback import Callbacks
from limpet.flow.gauges import Gauges
from limpet.flow.readiness import Ready
from limpet.store.database import Database
from limpet.web.app import create_app
from limpet.web.probes import Probes
from limpet.webhook import Webhooks
from tests.deploy.test_deploy import understood
from tests.support.clock import HandClock
from tests.support.lane import receipt
from tests.web.client import Client
from tests.web.conftest import NUMBER, PERSON, Api

TOKEN = "a token of sixteen characters"
Metrics = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]


async def no_token(_account_id: int) -> str:
    return ""


@pytest_asyncio.fixture
async def probes(api: Api, clock: HandClock) -> AsyncIterator[Probes]:
    """Of the process that the API runs in."""
    webhooks = Webhooks(None)  # type: ignore[arg-type] - nobody is called
    callbacks = Callbacks(api.world.database, webhooks, no_token, clock, lambda: 0.5, lambda _now: 1)
    flow = api.world.flow
    yield Probes(
        Ready(api.world.database, flow.dispatcher.fleet, clock),
        Gauges(flow, callbacks, api.world.database, clock, None),
    )
    await webhooks.close()


def asking(api: Api, probes: Probes, peer: str = "127.0.0.1", **headers: str) -> Client:
    """A client without a credential, from `peer`."""
    app = create_app(replace(api.deps, probes=probes))
    return Client(app, "", "", "", {"authorization": "", **{k.replace("_", "-"): v for k, v in headers.items()}}, peer)


async def metrics(client: Client) -> Metrics:
    answer = await client.get("/metrics")
    assert (answer.status, answer.headers["content-type"].split(";")[0]) == (200, "text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def of(found: Metrics, name: str, **labels: str) -> float:
    """A sample that may not be there yet, which is nothing."""
    return found.get((name, tuple(sorted(labels.items()))), 0)


async def test_what_happens_to_messages_is_counted_by_lane_and_class_of_code(api: Api, probes: Probes) -> None:
    client, lane = asking(api, probes), api.world.lane
    service = await api.pool(NUMBER)
    for person in (PERSON, PERSON, "+14155550198", "+14155550197"):
        await api.message(service, person)
    await api.world.until(lambda: len(lane.submitted) == 4)
    first, second, third, fourth = lane.submitted
    ids = lane.take(first)
    lane.take(second)
    lane.refuse(third, code=30006)
    await api.world.settle()
    lane.tell(receipt(first, ids[0]), receipt(fourth, "never-heard-of", ReceiptState.DELIVERED, token=2))
    await api.world.settle()
    found = await metrics(client)
    assert of(found, "limpet_messages_accepted_total", lane="hand/0") == 4
    assert of(found, "limpet_messages_total", lane="hand/0", status="sent", code="none") == 2
    assert of(found, "limpet_messages_total", lane="hand/0", status="delivered", code="none") == 1
    assert of(found, "limpet_messages_total", lane="hand/0", status="failed", code="300xx") == 1
    assert of(found, "limpet_sticky_total", outcome="created") == 3
    assert of(found, "limpet_sticky_total", outcome="used") == 1
    assert of(found, "limpet_deliveries_total", lane="hand/0", kind="receipt") == 2
    assert of(found, "limpet_receipts_total", carrier="hand", outcome="matched") == 1
    assert of(found, "limpet_receipts_total", carrier="hand", outcome="kept") == 1
    assert of(found, "limpet_receipts_kept") == 1
    assert of(found, "limpet_lane_bound", lane="hand/0") == of(found, "limpet_lane_owned", lane="hand/0") == 1
    assert of(found, "limpet_lane_in_flight", lane="hand/0") == 1
    assert of(found, "limpet_batch_size_count", of="accept") == 4
    lane.take(fourth)


async def test_refusals_resets_doubts_and_what_waits_are_counted(api: Api, probes: Probes, clock: HandClock) -> None:
    client, lane = asking(api, probes), api.world.lane
    service = await api.pool(NUMBER)
    refused = await api.client.post("/Messages.json", {"To": PERSON, "From": "+19995550100", "Body": "x"})
    assert refused.status == 400
    await api.message(service)
    await api.world.until(lambda: len(lane.submitted) == 1)
    lane.lose(lane.submitted[0])
    await api.world.settle()
    assert (await api.client.delete(f"/v1/Services/{service}/StickyMappings", {"To": PERSON})).status == 204
    at = (clock.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    await api.message(service, SendAt=at, ScheduleType="fixed")
    found = await metrics(client)
    assert of(found, "limpet_messages_refused_total", code="216xx") == 1
    assert of(found, "limpet_sticky_total", outcome="reset") == 1
    assert of(found, "limpet_lane_in_doubt", lane="hand/0") == 1
    assert of(found, "limpet_queue_messages", lane="none") == 1
    assert of(found, "limpet_queue_oldest_seconds", lane="none") == 0
    clock.advance(timedelta(hours=2))
    assert of(await metrics(client), "limpet_queue_oldest_seconds", lane="none") == 3600


async def test_no_label_names_a_person_a_customer_or_a_message(api: Api, probes: Probes) -> None:
    service = await api.pool(NUMBER)
    message = await api.message(service)
    await api.world.until(lambda: len(api.world.lane.submitted) == 1)
    said = (await asking(api, probes).get("/metrics")).body.decode()
    for name in (PERSON[1:], NUMBER[1:], service, message["sid"], api.account.sid):
        assert name not in said


@pytest.mark.parametrize(
    ("token", "local", "peer", "headers", "status"),
    [
        ("", True, "127.0.0.1", {}, 200),
        ("", True, "::1", {}, 200),
        ("", True, "192.0.2.7", {}, 401),
        ("", False, "127.0.0.1", {}, 401),
        ("", True, "127.0.0.1", {"x_forwarded_for": "192.0.2.7"}, 401),
        ("", True, "127.0.0.1", {"forwarded": "for=192.0.2.7"}, 401),
        (TOKEN, True, "127.0.0.1", {}, 401),
        (TOKEN, False, "192.0.2.7", {"authorization": f"Bearer {TOKEN}"}, 200),
        (TOKEN, False, "192.0.2.7", {"authorization": f"Bearer {TOKEN}x"}, 401),
        ("", False, "192.0.2.7", {"authorization": "Bearer "}, 401),
    ],
)
async def test_metrics_are_for_this_machine_or_who_has_the_token(
    api: Api, probes: Probes, token: str, local: bool, peer: str, headers: dict[str, str], status: int
) -> None:
    client = asking(api, replace(probes, token=token, local=local), peer, **headers)
    assert (await client.get("/metrics")).status == status
    assert (await client.get("/health")).json == {"status": "ok"}
    assert (await client.get("/ready")).status == 200


async def test_metrics_with_a_port_of_their_own_are_not_at_the_apis(api: Api, probes: Probes) -> None:
    client = asking(api, replace(probes, served=False))
    assert (await client.get("/metrics")).says == (404, 20404)


async def test_probes_are_looked_at_and_not_posted_to(api: Api, probes: Probes) -> None:
    for path in ("/health", "/ready", "/metrics"):
        assert (await asking(api, probes).post(path)).says == (405, 20004)


async def test_ready_says_what_it_has_found(api: Api, probes: Probes) -> None:
    answer = await asking(api, probes, "192.0.2.7").get("/ready")
    said: dict[str, Any] = answer.json
    assert (answer.status, said["status"], said["why_not"]) == (200, "ready", [])
    assert said["lanes"] == {"configured": 1, "with_owner": 1, "bound": 1}


async def test_a_carrier_that_is_down_makes_nobody_unready_and_a_lane_without_an_owner_does(
    api: Api, probes: Probes, clock: HandClock
) -> None:
    client, running = asking(api, probes), api.world.dispatcher.fleet.running["hand/0"]
    api.world.lane.bound = False
    assert (await client.get("/ready")).json["lanes"] == {"configured": 1, "with_owner": 1, "bound": 0}
    fence, running.fence = running.fence, None
    clock.advance(timedelta(minutes=1))
    answer = await client.get("/ready")
    assert (answer.status, answer.json["why_not"]) == (503, ["no lane has an owner"])
    running.fence = fence
    clock.advance(timedelta(seconds=2))
    assert (await client.get("/ready")).status == 200


async def test_a_lane_of_another_process_has_an_owner(api: Api, probes: Probes, clock: HandClock) -> None:
    await api.world.switchboard.turn()
    api.world.dispatcher.fleet.running["hand/0"].fence = None
    assert (await asking(api, probes).get("/ready")).json["lanes"] == {"configured": 1, "with_owner": 1, "bound": 1}


async def test_a_schema_that_is_too_old_or_a_database_that_is_away_is_not_ready(
    api: Api, probes: Probes, database: Database, clock: HandClock
) -> None:
    client = asking(api, probes)
    await database.pool.execute("UPDATE schema_migration SET number = -number")
    answer = await client.get("/ready")
    assert answer.status == 503
    assert "and this version needs step" in answer.json["why_not"][0]
    await database.pool.execute("UPDATE schema_migration SET number = -number")
    gone = replace(probes, ready=Ready(Database(GonePool()), api.world.dispatcher.fleet, clock))  # type: ignore[arg-type]
    assert (await asking(api, gone).get("/ready")).json["why_not"] == ["the database cannot be reached"]


async def test_whoever_drains_is_not_ready_at_once_and_serves_on(api: Api, probes: Probes) -> None:
    client = asking(api, probes)
    assert (await client.get("/ready")).status == 200
    await probes.ready.drain(0)
    assert (await client.get("/ready")).json["why_not"] == ["the server is stopping"]
    assert of(await metrics(client), "limpet_draining") == 1
    await api.message(await api.pool(NUMBER))


async def test_metrics_are_told_also_while_the_database_is_away(
    api: Api, probes: Probes, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = asking(api, probes)
    assert of(await metrics(client), "limpet_database_up") == 1

    async def away(*_: object) -> None:
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr("limpet.store.gauges.depths", away)
    assert of(await metrics(client), "limpet_database_up") == 1, "what was asked just now is not asked again"
    clock.advance(timedelta(seconds=6))
    found = await metrics(client)
    assert of(found, "limpet_database_up") == 0
    assert of(found, "limpet_lane_bound", lane="hand/0") == 1
    assert ("limpet_callbacks_owed", ()) not in found


class GonePool:
    """A pool whose server is not there."""

    def acquire(self) -> Any:
        raise ConnectionRefusedError(111, "refused")


DEPLOY = Path(__file__).parent.parent.parent / "deploy"
NAMED = re.compile(r"\b(?:limpet|process)_[a-z_]+")
MATCHED = re.compile(r'(\w+)\s*(?:=~|!=|!~|=)\s*"|(?:by|without) \(([\w, ]+)\)')
OUTSIDE = {"instance", "job"}
"""Labels that Prometheus gives."""


def queries() -> dict[str, str]:
    """Every query of the dashboard and the alerts, by what it is for."""
    board = json.loads((DEPLOY / "grafana" / "limpet.json").read_text())
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
    shown = {f"{panel['title']} {t['refId']}": t["expr"] for panel in board["panels"] for t in panel["targets"]}
    return shown | {rule["alert"]: rule["expr"] for rule in rules}


async def test_every_query_of_the_dashboard_and_the_alerts_is_about_what_is_there(api: Api, probes: Probes) -> None:
    found = [*await probes.gauges.families(draining=False)]
    disk = Gauges(api.world.flow, probes.gauges.callbacks, api.world.database, api.deps.clock, Path("."))
    known = {family.name: set(family.labels) for family in [*found, *await disk.families(draining=False)]}
    known |= {
        f"{family.name}{part}": {*family.labels, "le"}
        for family in found
        if family.kind == "histogram"
        for part in ("_bucket", "_sum", "_count")
    }
    asked = queries()
    assert len(asked) > 50
    for name, query in asked.items():
        mentioned = set(NAMED.findall(query))
        assert mentioned or query == 'up{job="limpet"} == 0', name
        assert mentioned <= set(known), (name, mentioned - set(known))
        labels = {word for one, many in MATCHED.findall(query) for word in (one, *re.findall(r"\w+", many)) if word}
        allowed = OUTSIDE.union(*(known[each] for each in mentioned))
        assert labels <= allowed, (name, labels - allowed)
        assert query.count("(") == query.count(")")
    unseen = {each.name for each in found} - {m for query in asked.values() for m in NAMED.findall(query)}
    assert {re.sub("_(bucket|sum|count)$", "", each) for each in unseen} <= UNSHOWN | {
        family.name for family in found if family.kind == "histogram"
    }


UNSHOWN = {"limpet_info", "limpet_draining", "limpet_lane_owned", "limpet_lane_room",
           "limpet_lane_submits_per_second", "process_start_time_seconds", "process_open_fds"}  # fmt: skip
"""What neither the dashboard nor an alert asks for, and is there for who looks closer."""


def test_each_alert_says_what_is_the_matter_and_what_to_do() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
    for rule in rules:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["action"].endswith(".")
        for named in re.findall(r"`limpet ([a-z ]+)`", rule["annotations"]["action"]):
            understood(*named.split())
