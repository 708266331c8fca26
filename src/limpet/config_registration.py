"""`[registration]`: who registers numbers with carriers."""

# ruff: noqa: RUF009 - `setting` is `dataclasses.field` with a rule
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from limpet.config_rules import PATH, ConfigError, list_of, one_of, seconds, setting, table_of, text, whole

UPSTREAMS = ("twilio", "telnyx")
"""Registrars over an account at an upstream."""
_CARRIER = text(32, r"[a-z0-9][a-z0-9_-]*", "the name of one of the [[carriers]]")
_UPSTREAM = text(64, r"[A-Za-z0-9-]+", "the upstream's name for it")


@dataclass(frozen=True, slots=True)
class RegistrationConfig:
    """`[registration]`: who registers brands, campaigns and numbers with carriers (`limpet.registrar`).

    `url` and one of `token`, `token_env` and `token_file` are those of an `http` registrar, `delay_s` is a `simulated` one's. A
    number that is not answered for within `patience_days` counts as failed until it is. People whose numbers begin as `tmobile`
    says count for T-Mobile's day.

    `twilio` and `telnyx` work through the account of a `carrier` of that kind; `campaigns` names the upstream's campaign for each
    service (Twilio: its Messaging Service, Telnyx: its campaign). A number counts as registered when it has been in the service
    at Twilio for `settle_s`.
    """

    registrar: str = setting(one_of("none", "manual", "simulated", "http", "twilio", "telnyx"), "manual")
    url: str | None = setting(text(2000, r"https?://[\x21-\x7e]+", "an http or https URL"), None)
    token: str = setting(text(2000), "", secret=True)
    token_env: str | None = setting(text(255), None)
    token_file: Path | None = setting(PATH, None)
    timeout_s: float = setting(seconds(1, 30), 10.0)
    tmobile: tuple[str, ...] = setting(
        list_of(text(16, r"\+1[0-9]*", 'the beginning of a number such as "+1206555"')), ()
    )
    patience_days: int = setting(whole(1, 365), 14)
    carrier: str | None = setting(_CARRIER, None)
    campaigns: tuple[tuple[str, str], ...] = setting(
        table_of(r"MG[0-9a-f]{32}|default", _UPSTREAM, "a table of campaigns by the SIDs of services, or by default"),
        (),
    )
    settle_s: float = setting(seconds(0, 604_800), 3600.0)
    delay_s: float = setting(seconds(0, 86_400), 0.0)


def check_registration(section: RegistrationConfig) -> None:
    """ConfigError for settings that do not go together."""
    if (section.registrar == "http") is not (section.url is not None):
        raise ConfigError('registration.url belongs to registrar = "http", and is needed there.')
    if sum(map(bool, (section.token, section.token_env, section.token_file))) > 1:
        raise ConfigError("registration needs at most one of token, token_env and token_file.")


def check_registrar(section: RegistrationConfig, kinds: Mapping[str, str]) -> None:
    """ConfigError where the registrar's upstream account is not to be found; `kinds` are those of the carriers, by name."""
    upstream = section.registrar in UPSTREAMS
    if upstream is not (section.carrier is not None) or upstream is not bool(section.campaigns):
        raise ConfigError(
            'registration.carrier and campaigns belong to registrar = "twilio" or "telnyx", and are needed there.'
        )
    if upstream and kinds.get(section.carrier or "") != section.registrar:
        raise ConfigError(
            f'registration.carrier names "{section.carrier}", which is not one of the [[carriers]] of kind "{section.registrar}".'
        )
    if section.registrar == "twilio" and not all(named.startswith("MG") for _, named in section.campaigns):
        raise ConfigError("registration.campaigns must name Messaging Services of Twilio (MG…).")
