"""How much a service may send, and how many new people a number may write to in a day.

Values and their arithmetic; who counts is `limpet.flow`'s business. Whoever else limits a service (a campaign does) says so in
the same values: a pool carries one `ServiceLimits`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

DAILY_SEGMENTS_REACHED = 30023
"""Twilio's code for a day's share that is used up."""
SCHEDULED_MAX = 500_000
"""Twilio's soft limit of an account's scheduled messages (error 35125)."""


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """Segments that a service may send in a second and in a UTC day; None for as many as its numbers can."""

    segments_per_s: float | None = None
    daily_segments: int | None = None


NO_LIMITS = ServiceLimits()


def fitting(room: int, wanted: Collection[int]) -> list[bool]:
    """Which of these amounts fit into what room is left, each in its turn: a large one that does not fit leaves its place to
    smaller ones behind it."""
    taken = []
    for amount in wanted:
        taken.append(amount <= room)
        room -= amount if taken[-1] else 0
    return taken


def at_cap(caps: Mapping[int, int], counts: Mapping[int, int]) -> set[int]:
    """The members that have as many new people today as they may have."""
    return {member for member, cap in caps.items() if counts.get(member, 0) >= cap}
