"""Traces: spans of requests, batches, submissions and callbacks that name nobody, and an extra that need not be there."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from limpet import tracing
from limpet.config_sections import TelemetryConfig
from limpet.core.destination import UrlPolicy
from limpet.flow.callback import Callbacks
from limpet.server_operations import traced
from limpet.tracing_otel import OtelTracing, provider_for
from limpet.webhook import Webhooks
from tests.support.clock import HandClock
from tests.web.conftest import NUMBER, PERSON, Api

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    kept, provider = InMemorySpanExporter(), provider_for("test", 1.0)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracing.use(OtelTracing(provider))
    yield kept
    tracing.use(None)


def named(kept: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in kept.get_finished_spans() if span.name == name]


async def test_a_message_is_a_request_a_batch_and_a_submission(api: Api, spans: InMemorySpanExporter) -> None:
    service = await api.pool(NUMBER)
    spans.clear()
    client = api.client.with_headers(traceparent=PARENT)
    form = {"To": PERSON, "MessagingServiceSid": service, "Body": "Zanzibar"}
    assert (await client.post("/Messages.json", form)).status == 201
    await api.world.until(lambda: len(api.world.lane.submitted) == 1)
    assert named(spans, "submit") == []
    api.world.lane.refuse(api.world.lane.submitted[0], code=30006)
    await api.world.settle()
    [request], [batch], [submit] = (named(spans, name) for name in ("request", "batch accept", "submit"))
    assert f"{request.context.trace_id:032x}" == PARENT.split("-")[1]
    assert dict(request.attributes or {}) == {"http.request.method": "POST", "http.response.status_code": 201}
    assert dict(batch.attributes or {}) == {"messaging.batch.message_count": 1}
    told = {"limpet.lane": "hand/0", "limpet.segments": 1, "limpet.answer": "refused", "limpet.error_code": 30006}
    assert dict(submit.attributes or {}) == told
    assert not submit.status.is_ok
    said = "".join(span.to_json() for span in spans.get_finished_spans())
    assert not any(each in said for each in (PERSON[1:], NUMBER[1:], "Zanzibar"))


async def test_an_error_is_its_kind_and_not_what_it_says(api: Api, spans: InMemorySpanExporter) -> None:
    await api.world.database.pool.execute("ALTER TABLE message ADD CHECK (body <> 'Zanzibar') NOT VALID")
    service = await api.pool(NUMBER)
    spans.clear()
    form = {"To": PERSON, "MessagingServiceSid": service, "Body": "Zanzibar"}
    assert (await api.client.post("/Messages.json", form)).status == 500
    assert (await api.client.post("/Messages.json", {"To": "1"})).status == 400
    failed, refused = named(spans, "request")
    assert failed.status.description == "CheckViolationError"
    assert dict(refused.attributes or {})["limpet.error_code"] in (21211, 21603)
    assert not any("Zanzibar" in span.to_json() for span in spans.get_finished_spans())


async def test_a_callback_is_a_span_that_names_host_and_cause(
    api: Api, clock: HandClock, spans: InMemorySpanExporter
) -> None:
    webhooks = Webhooks(UrlPolicy(False, (), frozenset({80})))
    callbacks = Callbacks(api.world.database, webhooks, no_token, clock, lambda: 0.5, lambda _now: 1)
    service = await api.pool(NUMBER, StatusCallback="http://127.0.0.1:9/secret?person=+14155550199")
    await api.message(service)
    await api.world.until(lambda: bool(api.world.owed))
    callbacks.post_now(api.world.owed[:1])
    await api.world.until(lambda: bool(named(spans, "callback")))
    await callbacks.stop(1.0)
    await webhooks.close()
    [span] = named(spans, "callback")
    assert dict(span.attributes or {}) == {
        "limpet.kind": "status", "server.address": "http://127.0.0.1:9", "limpet.attempt": 1,
    }  # fmt: skip
    assert span.status.description == "address"


async def no_token(_account_id: int) -> str:
    return "token"


@asynccontextmanager
async def receiver(heard: list[ExportTraceServiceRequest]) -> AsyncIterator[str]:
    """An OTLP receiver on a free port."""

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        plain = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        heard.append(ExportTraceServiceRequest.FromString(plain))
        return web.Response(content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_what_is_traced_reaches_a_receiver_before_the_server_is_gone(api: Api) -> None:
    heard: list[ExportTraceServiceRequest] = []
    async with receiver(heard) as url:
        async with traced(TelemetryConfig(otlp_endpoint=url, service_name="ours")):
            assert (await api.client.get("/v1/Services")).status == 200
        assert tracing.active is None
    [resource] = [each for request in heard for each in request.resource_spans]
    assert {a.key: a.value.string_value for a in resource.resource.attributes}["service.name"] == "ours"
    assert "request" in names(heard)


def names(heard: Sequence[ExportTraceServiceRequest]) -> set[str]:
    return {s.name for request in heard for r in request.resource_spans for scope in r.scope_spans for s in scope.spans}


async def test_nothing_is_kept_of_what_is_not_sampled_whoever_asks_for_it(api: Api) -> None:
    heard: list[ExportTraceServiceRequest] = []
    async with (
        receiver(heard) as url,
        traced(TelemetryConfig(otlp_endpoint=url, sample_ratio=0.0)),
    ):
        await api.client.with_headers(traceparent=PARENT).get("/v1/Services")
    assert names(heard) == set()


def test_without_the_extra_there_is_one_sentence_and_nothing_of_it_is_imported() -> None:
    program = (
        "import asyncio, sys\n"
        "import limpet.server\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]\n"
        "sys.modules['opentelemetry'] = None\n"
        "from limpet.config_sections import TelemetryConfig\n"
        "async def go():\n"
        "    async with limpet.server_operations.traced(TelemetryConfig(otlp_endpoint='http://127.0.0.1:4318')): pass\n"
        "try:\n    asyncio.run(go())\nexcept limpet.config_rules.ConfigError as error:\n    print(error)"
    )
    said = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert said.startswith("telemetry.otlp_endpoint needs the extra otel, and ")
    assert said.count("\n") == 1
