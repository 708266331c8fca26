"""Traces, where an operator wants them: what is timed, whoever keeps it. Without them each place costs one comparison.

`limpet.tracing_otel` is the one that keeps spans; it is imported only when it is configured.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Tracing(Protocol):
    """Makes spans. No attribute names a person or holds a text."""

    async def request(self, method: str, headers: Sequence[tuple[bytes, bytes]], work: Awaitable[T]) -> T:
        """A request of the API, from its first byte to its answer."""

    async def batch(self, of: str, size: int, work: Awaitable[T]) -> T:
        """What gathered and is written together."""

    def submitted(self, lane: str, segments: Mapping[tuple[int, int], int]) -> None:
        """Messages go to a carrier, each with its segments."""

    def landed(self, results: Iterable[Any]) -> None:
        """Carriers' answers to them (`limpet.carrier.port.Result`)."""

    async def callback(self, kind: str, endpoint: str, attempt: int, work: Awaitable[T]) -> T:
        """A try to reach a customer's URL."""


active: Tracing | None = None
"""What the server was told to use; set once, before anything is traced."""


def use(tracing: Tracing | None) -> None:
    """Trace with this from now on, or not at all."""
    global active  # noqa: PLW0603 - as a log is: one for the process, and asked for everywhere
    active = tracing
