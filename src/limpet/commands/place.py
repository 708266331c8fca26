"""Where an operator's command works: the database of a limpet.toml, or of the data directory of a `limpet dev`.

Operators are those who can open the database; no account of the HTTP API is one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from limpet.config_rules import DATA_DIR

if TYPE_CHECKING:
    from limpet.config import Config, DatabaseConfig
    from limpet.store.secrets import Vault

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """A database, with the configuration where there is one."""

    database: DatabaseConfig
    config: Config | None

    @property
    def carriers(self) -> tuple[str, ...]:
        """The configured carriers; `limpet dev` has the simulated one."""
        return ("simulated",) if self.config is None else tuple(carrier.name for carrier in self.config.carriers)


def place_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--config`, `--data` and `--json`."""
    options = (
        click.option("--config", "path", type=click.Path(path_type=Path), help="limpet.toml, whose database is meant."),
        click.option("--data", type=click.Path(path_type=Path), help="Data directory of a `limpet dev`."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def config_option(command: Callable[..., None]) -> Callable[..., None]:
    """`--config`, where nothing else will do."""
    return click.option("--config", "path", type=click.Path(path_type=Path), required=True, help="limpet.toml.")(
        command
    )


def find_place(path: Path | None, data: Path | None) -> Place:
    """What the options name; without any the usual data directory."""
    from limpet.config import DatabaseConfig, load_config

    if path is not None and data is not None:
        raise click.UsageError("Give either --config or --data.")
    if path is not None:
        config = load_config(path, os.environ)
        return Place(config.database, config)
    return Place(DatabaseConfig(data_dir=(data or DATA_DIR).expanduser().absolute()), None)


def vault_of(place: Place) -> Vault:
    """What seals the secrets of a place's database, under the key that its servers have."""
    from limpet.store.secrets import Vault, load_or_create_key

    security = None if place.config is None else place.config.security
    if security is not None and security.secret_key is not None:
        return Vault(bytes.fromhex(security.secret_key))
    file = None if security is None else security.secret_key_file
    return Vault(load_or_create_key(file or place.database.data_dir / "secret.key"))


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, on the faster loop where there is one."""
    import asyncio

    if sys.platform == "win32":
        return asyncio.run(work)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
