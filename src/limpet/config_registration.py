"""`[registration]`: who registers numbers with carriers."""

# ruff: noqa: RUF009 - `setting` is `dataclasses.field` with a rule
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from limpet.config_rules import PATH, ConfigError, list_of, one_of, seconds, setting, text, whole


@dataclass(frozen=True, slots=True)
class RegistrationConfig:
    """`[registration]`: who registers brands, campaigns and numbers with carriers (`limpet.registrar`).

    `url` and one of `token`, `token_env` and `token_file` are those of an `http` registrar, `delay_s` is a `simulated` one's. A
    number that is not answered for within `patience_days` counts as failed until it is. People whose numbers begin as `tmobile`
    says count for T-Mobile's day.
    """

    registrar: str = setting(one_of("none", "manual", "simulated", "http"), "manual")
    url: str | None = setting(text(2000, r"https?://[\x21-\x7e]+", "an http or https URL"), None)
    token: str = setting(text(2000), "", secret=True)
    token_env: str | None = setting(text(255), None)
    token_file: Path | None = setting(PATH, None)
    timeout_s: float = setting(seconds(1, 30), 10.0)
    tmobile: tuple[str, ...] = setting(
        list_of(text(16, r"\+1[0-9]*", 'the beginning of a number such as "+1206555"')), ()
    )
    patience_days: int = setting(whole(1, 365), 14)
    delay_s: float = setting(seconds(0, 86_400), 0.0)


def check_registration(section: RegistrationConfig) -> None:
    """ConfigError for settings that do not go together."""
    if (section.registrar == "http") is not (section.url is not None):
        raise ConfigError('registration.url belongs to registrar = "http", and is needed there.')
    if sum(map(bool, (section.token, section.token_env, section.token_file))) > 1:
        raise ConfigError("registration needs at most one of token, token_env and token_file.")
