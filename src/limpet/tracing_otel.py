"""Spans by OpenTelemetry, sent to an OTLP receiver over HTTP. Needs the extra `otel`.

Errors are named by their kind alone: what they say may be somebody's text. Who asks decides what trace a request belongs to
(W3C traceparent), not whether it is kept.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, TypeVar

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes

from limpet.core.errors import ApiError

T = TypeVar("T")

OPEN_MAX = 100_000
"""So many submissions are timed at once; one more is not."""
EXPORT_S = 3.0
"""So long a receiver is waited for, retries and all; a server that stops waits no longer for it."""
_PATH = "/v1/traces"


def provider_for(service_name: str, sample_ratio: float) -> TracerProvider:
    """What makes spans, of a share of all traces."""
    ratio = TraceIdRatioBased(sample_ratio)
    sampler = ParentBased(ratio, remote_parent_sampled=ratio, remote_parent_not_sampled=ratio)
    named = Resource.create({"service.name": service_name, "service.version": version("limpet")})
    return TracerProvider(resource=named, sampler=sampler, shutdown_on_exit=False)


def exporting(endpoint: str, service_name: str, sample_ratio: float) -> TracerProvider:
    """The same, sent to a receiver at `endpoint` from a thread of its own; `shutdown` sends what is left, and blocks."""
    provider = provider_for(service_name, sample_ratio)
    url = endpoint if endpoint.endswith(_PATH) else endpoint.rstrip("/") + _PATH
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=EXPORT_S)))
    return provider


class OtelTracing:
    """`limpet.tracing.Tracing` by OpenTelemetry."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("limpet")
        self._propagator = TraceContextTextMapPropagator()
        self._open: dict[tuple[int, int], Span] = {}

    async def request(self, method: str, headers: Sequence[tuple[bytes, bytes]], work: Awaitable[T]) -> T:
        """A request of the API, of the trace that its caller names."""
        named = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers if name == b"traceparent"}
        with self._span(
            "request", SpanKind.SERVER, {"http.request.method": method}, self._propagator.extract(named)
        ) as span:
            answer = await work
            span.set_attribute("http.response.status_code", getattr(answer, "status", 0))
            return answer

    async def batch(self, of: str, size: int, work: Awaitable[T]) -> T:
        """What gathered and is written together."""
        with self._span(f"batch {of}", SpanKind.INTERNAL, {"messaging.batch.message_count": size}):
            return await work

    def submitted(self, lane: str, segments: Mapping[tuple[int, int], int]) -> None:
        """Messages go to a carrier: a span each, open until its answer."""
        for key, count in segments.items():
            if len(self._open) < OPEN_MAX:
                attributes: Attributes = {"limpet.lane": lane, "limpet.segments": count}
                self._open[key] = self._tracer.start_span("submit", kind=SpanKind.PRODUCER, attributes=attributes)

    def landed(self, results: Iterable[Any]) -> None:
        """Answers end their spans."""
        for result in results:
            if (span := self._open.pop(tuple(result.key), None)) is not None:
                kind = type(result).__name__.lower()
                span.set_attribute("limpet.answer", kind)
                if (code := getattr(result, "error_code", None)) is not None:
                    span.set_attribute("limpet.error_code", code)
                if kind != "submitted":
                    span.set_status(StatusCode.ERROR, kind)
                span.end()

    async def callback(self, kind: str, endpoint: str, attempt: int, work: Awaitable[T]) -> T:
        """A try to reach a customer's URL."""
        attributes: Attributes = {"limpet.kind": kind, "server.address": endpoint, "limpet.attempt": attempt}
        with self._span("callback", SpanKind.CLIENT, attributes) as span:
            outcome = await work
            if (cause := getattr(outcome, "cause", None)) is not None:
                span.set_status(StatusCode.ERROR, str(cause))
            return outcome

    @contextmanager
    def _span(self, name: str, kind: SpanKind, attributes: Attributes, context: Any = None) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name, context, kind, attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except ApiError as error:
                span.set_attribute("http.response.status_code", error.status)
                span.set_attribute("limpet.error_code", error.code)
                raise
            except BaseException as error:
                span.set_status(StatusCode.ERROR, type(error).__name__)
                raise
