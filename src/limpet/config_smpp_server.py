"""`[smpp_server]` of `limpet.toml`: where customers who speak SMPP bind to Limpet, and how much one of them may ask."""

# ruff: noqa: RUF009 - `setting` is `dataclasses.field` with a rule
from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from limpet.config_rules import HOST, PATH, SWITCH, ConfigError, seconds, setting, whole


@dataclass(frozen=True, slots=True)
class SmppServerConfig:
    """Off as long as there is no `port`. `window_size_max` counts a customer's requests without an answer on one bind,
    `deliver_window_size_max` ours.

    `messages_per_s` is of one account, `bind_failures_max` of one name or address in a minute. `allow_plain` says that something
    else keeps strangers from reading what passes: a private network, or something in front that ends TLS.
    """

    host: str = setting(HOST, "127.0.0.1")
    port: int | None = setting(whole(1, 65535), None)
    tls_certificate_file: Path | None = setting(PATH, None)
    tls_key_file: Path | None = setting(PATH, None)
    allow_plain: bool = setting(SWITCH, False)
    sessions_max: int = setting(whole(1, 100_000), 500)
    customer_sessions_max: int = setting(whole(1, 1000), 10)
    window_size_max: int = setting(whole(1, 10_000), 100)
    deliver_window_size_max: int = setting(whole(1, 1000), 10)
    messages_per_s: int | None = setting(whole(1, 1_000_000), None)
    bind_failures_max: int = setting(whole(1, 10_000), 10)
    response_timeout_s: float = setting(seconds(1, 300), 10.0)
    enquire_link_s: float = setting(seconds(1, 3600), 30.0)


def check_smpp_server(server: SmppServerConfig) -> None:
    """ConfigError when passwords and texts would cross a network in the clear."""
    if (server.tls_certificate_file is None) != (server.tls_key_file is None):
        raise ConfigError("smpp_server.tls_certificate_file and smpp_server.tls_key_file belong together.")
    if not (ip_address(server.host).is_loopback or server.tls_certificate_file or server.allow_plain):
        raise ConfigError(
            f"Listening for SMPP on {server.host} needs TLS, since passwords would cross the network in the clear: give "
            "smpp_server.tls_certificate_file and smpp_server.tls_key_file, or say allow_plain on a network that is yours alone."
        )
