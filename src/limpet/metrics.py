"""What is counted, and how it is written for Prometheus, in its text format 0.0.4.

Counting is an addition in a dictionary: the event loop's thread is the only one that counts, so there is no lock. It knows no
metric; `limpet.flow.counts` does. The format: prometheus.io/docs/instrumenting/exposition_formats.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Labels = tuple[str, ...]


class Counter:
    """A number for each combination of labels, growing only."""

    def __init__(self) -> None:
        self.values: dict[Labels, float] = {}

    def add(self, labels: Labels, count: float = 1) -> None:
        """So many more."""
        self.values[labels] = self.values.get(labels, 0) + count


class Histogram:
    """How many observations were at most as large as each of `bounds`, and their sum."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """One more."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with everything that is known of it now: `kind` is counter, gauge or histogram, `labels` are the labels' names."""

    name: str
    kind: str
    says: str
    labels: Labels
    samples: Mapping[Labels, float | Histogram]


def counter(name: str, says: str, labels: Labels, counted: Counter) -> Family:
    """A counter as a family; its name ends in `_total`."""
    return Family(name, "counter", says, labels, counted.values)


def gauge(name: str, says: str, value: float) -> Family:
    """A gauge without labels."""
    return Family(name, "gauge", says, (), {(): value})


def render(families: Iterable[Family]) -> str:
    """All families as text."""
    return "".join(f"{line}\n" for family in families for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.says}"
    yield f"# TYPE {family.name} {family.kind}"
    for labels, value in family.samples.items():
        named = list(zip(family.labels, labels, strict=True))
        if isinstance(value, Histogram):
            yield from _buckets(family.name, named, value)
        else:
            yield f"{family.name}{_labels(named)} {_number(value)}"


def _buckets(name: str, named: list[tuple[str, str]], found: Histogram) -> Iterator[str]:
    for bound, count in zip((*map(_number, found.bounds), "+Inf"), accumulate(found.counts), strict=True):
        yield f"{name}_bucket{_labels([*named, ('le', bound)])} {count}"
    yield f"{name}_sum{_labels(named)} {_number(found.sum)}"
    yield f"{name}_count{_labels(named)} {sum(found.counts)}"


def _labels(named: list[tuple[str, str]]) -> str:
    inside = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in named)
    return f"{{{inside}}}" if inside else ""


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
