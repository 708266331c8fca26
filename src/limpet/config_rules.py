"""How one setting is read: what it must be, in words, and how it becomes a value; and how a table of them becomes a dataclass.

Every error is one sentence that names the setting by its path. It knows no setting: `limpet.config` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

C = TypeVar("C")
Network = IPv4Network | IPv6Network

LIST_MAX = 1000
DATA_DIR = Path(".limpet")
"""Where everything is kept that has no other place."""
_RULE = "rule"


class ConfigError(Exception):
    """A setting that cannot be used; the message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`what` completes "… must be"; `read` answers the value, or raises ValueError or TypeError."""

    what: str
    read: Callable[[Any], Any]


def setting(rule: Rule, default: Any = MISSING, *, secret: bool = False) -> Any:
    """A dataclass field that a file may set; without a default it must. `secret` keeps it out of `repr`."""
    given: dict[str, Any] = {} if default is MISSING else {"default": default}
    if isinstance(default, Mapping):
        given = {"default_factory": lambda: default}
    return field(metadata={_RULE: rule}, repr=not secret, **given)


def read_table(kind: type[C], table: object, path: str) -> C:
    """The dataclass made from a table of TOML; ConfigError for what is unknown, missing or not what it must be."""
    if not isinstance(table, Mapping):
        raise ConfigError(f"{path} must be a table.")
    known: dict[str, Field[Any]] = {each.name: each for each in fields(kind) if _RULE in each.metadata}  # type: ignore[arg-type]
    for name in table:
        if name not in known:
            raise ConfigError(f"{_join(path, name)} is not a setting; known here are {', '.join(known)}.")
    return kind(**{name: _read(each, table, path) for name, each in known.items() if name in table or _needed(each)})


def ruled(rule: Rule, name: str, value: object) -> Any:
    """An option of a command held to the rule of the setting that it stands for; ConfigError names it."""
    try:
        return rule.read(value)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{name} must be {rule.what}.") from error


def _needed(each: Field[Any]) -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _read(each: Field[Any], table: Mapping[str, object], path: str) -> Any:
    where = _join(path, each.name)
    if each.name not in table:
        raise ConfigError(f"{where} is missing.")
    rule: Rule = each.metadata[_RULE]
    try:
        return rule.read(table[each.name])
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{where} must be {rule.what}.") from error


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _require(good: bool) -> None:
    if not good:
        raise ValueError


def whole(least: int, most: int) -> Rule:
    """An integer within bounds."""

    def read(value: object) -> int:
        _require(isinstance(value, int) and not isinstance(value, bool) and least <= value <= most)
        return int(value)  # type: ignore[call-overload, no-any-return]

    return Rule(f"a whole number from {least} to {most}", read)


def seconds(least: float, most: float) -> Rule:
    """A number of seconds within bounds."""

    def read(value: object) -> float:
        _require(isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most)
        return float(value)  # type: ignore[arg-type]

    return Rule(f"a number of seconds from {least:g} to {most:g}", read)


def number(least: float, most: float) -> Rule:
    """A number within bounds."""
    return Rule(f"a number from {least:g} to {most:g}", seconds(least, most).read)


def one_of_numbers(numbers: Collection[int]) -> Rule:
    """One of some whole numbers."""

    def read(value: object) -> int:
        _require(isinstance(value, int) and not isinstance(value, bool) and value in numbers)
        return int(value)  # type: ignore[call-overload, no-any-return]

    return Rule(f"one of {', '.join(map(str, numbers))}", read)


def text(most: int, pattern: str = r"[^\x00-\x1f\x7f]+", what: str = "") -> Rule:
    """A string that fits a pattern."""
    compiled = re.compile(pattern)

    def read(value: object) -> str:
        _require(isinstance(value, str) and len(value) <= most and compiled.fullmatch(value) is not None)
        return str(value)

    return Rule(what or f"a text of 1 to {most} characters", read)


def one_of(*words: str) -> Rule:
    """One of some words."""

    def read(value: object) -> str:
        _require(value in words)
        return str(value)

    return Rule(" or ".join(f'"{word}"' for word in words), read)


def list_of(rule: Rule) -> Rule:
    """A list whose elements all keep a rule; the value is a tuple."""

    def read(value: object) -> tuple[Any, ...]:
        _require(isinstance(value, list) and len(value) <= LIST_MAX)
        return tuple(rule.read(each) for each in value)  # type: ignore[attr-defined]

    return Rule(f"a list, each element {rule.what}", read)


def table_of(name: str, rule: Rule, what: str) -> Rule:
    """A table whose names fit a pattern and whose values keep a rule; the value is a tuple of pairs."""
    compiled = re.compile(name)

    def read(value: object) -> tuple[tuple[str, Any], ...]:
        _require(isinstance(value, dict) and len(value) <= LIST_MAX and all(map(compiled.fullmatch, value)))
        return tuple((each, rule.read(found)) for each, found in value.items())  # type: ignore[attr-defined]

    return Rule(what, read)


def _read_switch(value: object) -> bool:
    _require(isinstance(value, bool))
    return bool(value)


def _read_network(value: object) -> Network:
    _require(isinstance(value, str))
    return ip_network(value)  # type: ignore[arg-type]


def _read_host(value: object) -> str:
    _require(isinstance(value, str))
    return "127.0.0.1" if value == "localhost" else str(ip_address(value))  # type: ignore[arg-type]


def _read_path(value: object) -> Path:
    _require(isinstance(value, str) and value != "" and "\0" not in value)
    return Path(str(value)).expanduser()


def _read_base_url(value: object) -> str:
    _require(isinstance(value, str))
    parts = urlsplit(str(value))
    bare = not (parts.query or parts.fragment or parts.username or parts.path.strip("/"))
    _require(parts.scheme in ("http", "https") and bool(parts.hostname) and bare and parts.port != 0)
    return f"{parts.scheme}://{parts.netloc}"


def _read_web_url(value: object) -> str:
    _require(isinstance(value, str) and str(value).isascii() and " " not in str(value))
    parts = urlsplit(str(value))
    _require(parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0)
    return str(value)


def _read_database_url(value: object) -> str:
    _require(isinstance(value, str) and str(value).startswith(("postgresql://", "postgres://")))
    return str(value)


SWITCH = Rule("true or false", _read_switch)
NETWORK = Rule('a network such as "10.0.0.0/8"', _read_network)
HOST = Rule('an IP address such as "127.0.0.1"', _read_host)
PATH = Rule("a path", _read_path)
BASE_URL = Rule('a URL without a path such as "https://sms.example.com"', _read_base_url)
WEB_URL = Rule('a URL such as "https://example.com/start"', _read_web_url)
DATABASE_URL = Rule('a URL such as "postgresql://user@host/name"', _read_database_url)
