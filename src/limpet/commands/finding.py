"""What a check of `limpet doctor` finds, and how a check is kept from taking for ever or raising."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

EXPIRY_WARN_DAYS = 30


class Verdict(StrEnum):
    """How a check went."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `advice` says what to do, empty where nothing is to be done."""

    area: str
    check: str
    verdict: Verdict
    detail: str
    advice: str = ""


async def guarded(area: str, check: str, work: Awaitable[Iterable[Finding]], seconds: float) -> list[Finding]:
    """What a check finds within its time; whatever it meets instead is a finding too."""
    try:
        async with asyncio.timeout(seconds):
            return list(await work)
    except TimeoutError:
        return [
            Finding(area, check, Verdict.FAIL, f"it took longer than {seconds:g} s", "Look at the network in between.")
        ]
    except Exception as error:  # noqa: BLE001 - a check that breaks is told like any other
        return [Finding(area, check, Verdict.FAIL, f"{' '.join(str(error).split())}" or type(error).__name__)]


def expiry(area: str, check: str, until: datetime, now: datetime, what: str) -> Finding:
    """How much longer a certificate is good."""
    days = (until - now).days
    detail = f"{what} until {until:%Y-%m-%d}"
    if until <= now:
        return Finding(area, check, Verdict.FAIL, detail, "It is over: renew it.")
    if days < EXPIRY_WARN_DAYS:
        return Finding(area, check, Verdict.WARN, detail, f"It ends in {days} days: renew it.")
    return Finding(area, check, Verdict.OK, detail)
