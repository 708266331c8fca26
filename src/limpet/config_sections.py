"""What an operator says in `limpet.toml` of what flows: dispatch, mappings, numbers to buy, short links, registration, the log.

Values with their defaults and bounds, as those of `limpet.config`, which reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

from limpet.config_rules import (
    BASE_URL,
    SWITCH,
    WEB_URL,
    number,
    one_of,
    seconds,
    setting,
    whole,
)
from limpet.core.limits import SCHEDULED_MAX
from limpet.core.rate import ACCOUNT_PER_S


@dataclass(frozen=True, slots=True)
class DispatchConfig:
    """`[dispatch]`: for how long a receipt is awaited for a message in doubt, a lane is leased, a stop may take.

    `sender_rates` is `twilio` (each number keeps Twilio's rate for its kind, and an account's numbers together
    `account_segments_per_s`; 0 is no limit) or `none` (as fast as carriers take it). An account has at most `scheduled_max`
    messages scheduled. Accounts may have limits of their own (`limpet accounts limits`). A lane that is down for
    `failover_after_s` leaves its messages to others, and has them back once up for `failback_after_s`.
    """

    in_doubt_wait_s: float = setting(seconds(1, 86_400), 90.0)
    lane_lease_s: float = setting(seconds(3, 600), 15.0)
    stop_grace_s: float = setting(seconds(0, 300), 10.0)
    sender_rates: str = setting(one_of("twilio", "none"), "twilio")
    failover_after_s: float = setting(seconds(1, 86_400), 30.0)
    failback_after_s: float = setting(seconds(0, 86_400), 30.0)
    account_segments_per_s: float = setting(number(0, 1_000_000), ACCOUNT_PER_S)
    scheduled_max: int = setting(whole(0, 100_000_000), SCHEDULED_MAX)


@dataclass(frozen=True, slots=True)
class StickyConfig:
    """`[sticky]`: the pace at which dead mappings are purged, and for how many days a carrier's refusal of a sender counts."""

    purge_rows_per_s: int = setting(whole(1, 10_000_000), 20_000)
    refused_days: int = setting(whole(1, 365), 7)


@dataclass(frozen=True, slots=True)
class InventoryConfig:
    """`[inventory]`: whether an account may take numbers that no carrier's `numbers_file` has."""

    bring_your_own: bool = setting(SWITCH, True)


@dataclass(frozen=True, slots=True)
class LinksConfig:
    """`[links]`: what short links in texts begin with, where `domain` leads here; without one, the server's own address.

    `fallback_url` is where short links lead of which nothing is known any more.
    """

    domain: str | None = setting(BASE_URL, None)
    fallback_url: str | None = setting(WEB_URL, None)


@dataclass(frozen=True, slots=True)
class ConsoleConfig:
    """`[console]`: whether operators find a console at `/console`; who they are, `limpet operators` says."""

    enabled: bool = setting(SWITCH, False)


@dataclass(frozen=True, slots=True)
class LogConfig:
    """`[log]`: how Limpet writes its log to standard error."""

    format: str = setting(one_of("json", "console"), "json")
    level: str = setting(one_of("debug", "info", "warning", "error"), "info")
