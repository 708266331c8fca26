"""What operators watch a server by: probes and metrics, at the API's port or at one of their own; traces, where wanted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from limpet import tracing
from limpet.clock import Clock
from limpet.config import Config
from limpet.config_rules import ConfigError
from limpet.config_sections import TelemetryConfig
from limpet.core.errors import ApiError
from limpet.flow.callback import Callbacks
from limpet.flow.gauges import Gauges
from limpet.flow.readiness import Ready
from limpet.flow.whole import Flow
from limpet.flow.worker import supervise
from limpet.store.database import Database
from limpet.web.answer import Answer, refusal
from limpet.web.probes import PATHS, Probes

NO_MORE_S = 1.0
"""So long a request for metrics may take that is under way when the server stops."""
_log = structlog.get_logger()


@asynccontextmanager
async def operations(
    config: Config, flow: Flow, callbacks: Callbacks, database: Database, clock: Clock,
    listen: Callable[[str, int], socket.socket],
) -> AsyncIterator[Probes]:  # fmt: skip
    """The probes of a server, with their own port open where there is one; `listen` takes a port or raises OSError."""
    counts = callbacks.counts = flow.dispatcher.counts
    database.took = counts.transaction_s.observe
    embedded = config.database.data_dir if config.database.url is None else None
    gauges = Gauges(flow, callbacks, database, clock, embedded)
    ready = Ready(database, flow.dispatcher.fleet, clock)
    port, token = config.metrics.port, config.metrics.token
    watching = asyncio.create_task(supervise(gauges.watch_lag))
    try:
        async with traced(config.telemetry):
            if port is None:
                yield Probes(ready, gauges, token, local=not _is_proxied(config))
            else:
                async with _listening(Probes(ready, gauges, token), listen(config.metrics.host, port)):
                    yield Probes(ready, gauges, served=False)
    finally:
        watching.cancel()


@asynccontextmanager
async def traced(config: TelemetryConfig) -> AsyncIterator[None]:
    """Spans are made and sent, where they are wanted; ConfigError when what makes them is not installed."""
    if config.otlp_endpoint is None:
        yield
        return
    try:
        from limpet import tracing_otel  # noqa: PLC0415 - half a second, and not everybody has it
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"telemetry.otlp_endpoint needs the extra otel, and {error.name} is not installed: "
            "install requirements/otel.lock, or limpet[otel]."
        ) from error
    provider = tracing_otel.exporting(config.otlp_endpoint, config.service_name, config.sample_ratio)
    tracing.use(tracing_otel.OtelTracing(provider))
    try:
        yield
    finally:
        tracing.use(None)
        await asyncio.to_thread(provider.shutdown)


def _is_proxied(config: Config) -> bool:
    """Whether something in front ends TLS: strangers' requests then come from this machine, or seem to."""
    server = config.server
    in_front = server.public_url is not None and server.tls_certificate_file is None
    return server.behind_proxy or bool(server.trusted_proxies) or in_front


@asynccontextmanager
async def _listening(probes: Probes, listening: socket.socket) -> AsyncIterator[None]:
    """Probes at a port of their own, without TLS."""

    async def handle(request: web.Request) -> web.Response:
        return await _answer(probes, request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=NO_MORE_S)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def _answer(probes: Probes, request: web.Request) -> web.Response:
    headers = {name.lower().encode(): value.encode() for name, value in request.headers.items()}
    try:
        if request.path not in PATHS:
            raise ApiError(20404, resource=request.path)
        answer = await probes.answer(request.method, request.path, request.remote or "", headers)
    except ApiError as error:
        answer = refusal(error)
    except Exception:  # noqa: BLE001 - the outermost place: who asks gets an answer, the log gets the cause
        _log.exception("metrics could not be told")
        answer = refusal(ApiError(20500))
    return _response(answer)


def _response(answer: Answer) -> web.Response:
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return web.Response(status=answer.status, body=answer.body, headers={"content-type": "application/json", **headers})
