"""Secrets that `limpet.toml` does not hold itself but names: a variable of the environment, or a file's first line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from limpet.config_rules import ConfigError

WITH_TOKENS = ("registration", "metrics")


def first_line(file: Path, setting: str) -> str:
    """The first line of the file that a setting names; ConfigError when it cannot be read."""
    try:
        return (file.read_text().splitlines() or [""])[0]
    except OSError as error:
        raise ConfigError(f"{setting} {file} cannot be read: {error.strerror}.") from error


def with_secrets(sections: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """The sections that have secrets, with those found."""
    found = {name: _with_token(sections[name], name, environment) for name in WITH_TOKENS}
    return found | {"database": _with_password(sections["database"])}


def _with_token(section: Any, name: str, environment: Mapping[str, str]) -> Any:
    if section.token_env is not None:
        if section.token_env not in environment:
            raise ConfigError(f"{name}.token_env names the variable {section.token_env}, which is not set.")
        return replace(section, token=environment[section.token_env])
    if section.token_file is not None:
        return replace(section, token=first_line(section.token_file, f"{name}.token_file"))
    return section


def _with_password(section: Any) -> Any:
    """The database's URL with the password of its file in it."""
    if section.password_file is None:
        return section
    parts = urlsplit(section.url or "")
    if parts.username is None or parts.password is not None:
        raise ConfigError("database.password_file needs a database.url that names a user and no password.")
    password = quote(first_line(section.password_file, "database.password_file"), safe="")
    where = parts.netloc.rpartition("@")[2]
    return replace(
        section, url=urlunsplit(parts._replace(netloc=f"{quote(parts.username, safe='%')}:{password}@{where}"))
    )
