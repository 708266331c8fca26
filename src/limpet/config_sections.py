"""What an operator says in `limpet.toml` of what flows: dispatch, mappings, numbers to buy, short links; of the log and metrics.

Values with their defaults and bounds, as those of `limpet.config`, which reads them.
"""

# ruff: noqa: RUF009 - `setting` is `dataclasses.field` with a rule
from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from limpet.config_rules import (
    BASE_URL,
    HOST,
    PATH,
    SWITCH,
    WEB_URL,
    ConfigError,
    number,
    one_of,
    seconds,
    setting,
    text,
    whole,
)
from limpet.core.limits import SCHEDULED_MAX
from limpet.core.rate import ACCOUNT_PER_S

TOKEN_LENGTH_MIN = 16


@dataclass(frozen=True, slots=True)
class DispatchConfig:
    """`[dispatch]`: for how long a receipt is awaited for a message in doubt, a lane is leased, a stop may take.

    `sender_rates` is `twilio` (each number keeps Twilio's rate for its kind, and an account's numbers together
    `account_segments_per_s`; 0 is no limit) or `none` (as fast as carriers take it). An account has at most `scheduled_max`
    messages scheduled. Accounts may have limits of their own (`limpet accounts limits`). A lane that is down for
    `failover_after_s` leaves its messages to others, and has them back once up for `failback_after_s`. Told to stop, a server
    says for `drain_s` that it is not ready, and serves on, before it stops.
    """

    in_doubt_wait_s: float = setting(seconds(1, 86_400), 90.0)
    lane_lease_s: float = setting(seconds(3, 600), 15.0)
    stop_grace_s: float = setting(seconds(0, 300), 10.0)
    sender_rates: str = setting(one_of("twilio", "none"), "twilio")
    failover_after_s: float = setting(seconds(1, 86_400), 30.0)
    failback_after_s: float = setting(seconds(0, 86_400), 30.0)
    account_segments_per_s: float = setting(number(0, 1_000_000), ACCOUNT_PER_S)
    scheduled_max: int = setting(whole(0, 100_000_000), SCHEDULED_MAX)
    drain_s: float = setting(seconds(0, 600), 0.0)


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


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """`[metrics]`: where Prometheus fetches metrics: at the API's port, or at `host` and `port` of their own; with which token.

    Without a token only this machine is answered, and nobody where something in front ends TLS.
    """

    host: str = setting(HOST, "127.0.0.1")
    port: int | None = setting(whole(1, 65535), None)
    token_env: str | None = setting(text(255), None)
    token_file: Path | None = setting(PATH, None)
    token: str = field(default="", repr=False)
    """As it was found."""


def check_metrics(section: MetricsConfig) -> None:
    """ConfigError when strangers could read the metrics, or there are two tokens."""
    if section.token_env is not None and section.token_file is not None:
        raise ConfigError("metrics takes one of token_env and token_file, not both.")
    if (section.token_env or section.token_file) and len(section.token) < TOKEN_LENGTH_MIN:
        raise ConfigError(f"The token for metrics must have {TOKEN_LENGTH_MIN} characters at least.")
    if not (ip_address(section.host).is_loopback or section.token):
        raise ConfigError(
            f"Metrics at {section.host} can be read by others: give metrics.token_file or metrics.token_env."
        )


@dataclass(frozen=True, slots=True)
class TelemetryConfig:
    """`[telemetry]`: where traces are sent, an OTLP receiver over HTTP such as `http://127.0.0.1:4318`; needs the extra `otel`.

    Of `sample_ratio` of all requests and batches spans are made.
    """

    otlp_endpoint: str | None = setting(WEB_URL, None)
    service_name: str = setting(text(64), "limpet")
    sample_ratio: float = setting(number(0, 1), 1.0)
