"""`[[routes]]`: which carrier takes messages to which destinations; and carriers that may take each other's place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import phonenumbers

from limpet.config_rules import ConfigError, Rule, read_table, setting, text
from limpet.core.routing import PREFIX_LENGTH_MAX, Route

ROUTES_MAX = 1000
NAME = text(32, r"[a-z0-9][a-z0-9_-]*", "1 to 32 of a-z, 0-9, - and _, not beginning with - or _")


def _read_country(value: object) -> str:
    if value not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError
    return str(value)


COUNTRY = Rule('the code of a country such as "GB"', _read_country)


@dataclass(frozen=True, slots=True)
class RouteConfig:
    """One `[[routes]]`: messages to numbers that begin with `prefix` take `carrier`, whatever the sender's own is; with
    `sender_country` only those of senders of that country."""

    prefix: str = setting(text(PREFIX_LENGTH_MAX, r"\+[1-9][0-9]*", 'the beginning of a number such as "+44"'))
    carrier: str = setting(NAME)
    sender_country: str = setting(COUNTRY, "")


def read_routes(value: object, carriers: Sequence[str]) -> tuple[Route, ...]:
    """The routes in a list of TOML; ConfigError for one that leads nowhere, or two for the same messages."""
    if not isinstance(value, list) or len(value) > ROUTES_MAX:
        raise ConfigError(f"routes must be at most {ROUTES_MAX} tables, each under [[routes]].")
    found: dict[tuple[str, str], Route] = {}
    for place, table in enumerate(value):
        given = read_table(RouteConfig, table, f"routes[{place}]")
        if given.carrier not in carriers:
            raise ConfigError(f'routes[{place}].carrier names "{given.carrier}", which is not one of the [[carriers]].')
        if (given.prefix, given.sender_country) in found:
            raise ConfigError(f'routes[{place}].prefix must be unique, and "{given.prefix}" is taken.')
        found[given.prefix, given.sender_country] = Route(given.prefix, given.carrier, given.sender_country)
    return tuple(found.values())


def check_standby(standby: Mapping[str, Sequence[str]]) -> None:
    """ConfigError where a carrier names one that is not there, or itself, as one that may take its place."""
    for place, (name, others) in enumerate(standby.items()):
        for other in others:
            if other not in standby or other == name:
                raise ConfigError(
                    f'carriers[{place}].also_through names "{other}", which is not another of the [[carriers]].'
                )
