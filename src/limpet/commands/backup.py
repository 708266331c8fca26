"""`limpet backup`: the database in one file, consistent as of one moment, while everything runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from limpet.commands.place import Place, find_place, place_options, run

if TYPE_CHECKING:
    from limpet.store.backup import Manifest

SHOWN_EVERY_BYTES = 10_000_000


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@place_options
def backup(file: Path, path: Path | None, data: Path | None, as_json: bool) -> None:
    """Write everything that is in the database to FILE, while Limpet runs.

    The secret key is not in it: keep it elsewhere. Without it a backup cannot be restored.
    """
    from limpet.store.backup import write_backup

    place = find_place(path, data)
    with served(place) as url:
        manifest = run(_manifest(place, url))
        with progress("read", quiet=as_json) as shown:
            size = write_backup(file, url, manifest, shown)
    if as_json:
        click.echo(json.dumps({"file": str(file), "bytes": size, **asdict(manifest)}))
        return
    click.echo(f"{file} has {size:,} bytes: everything as of {manifest.at}, step {manifest.schema} of the schema.")
    click.echo(f"It is of no use without the secret key {manifest.key}, which is not in it: {where_key_is(place)}.")


async def _manifest(place: Place, url: str) -> Manifest:
    from importlib.metadata import version

    from limpet.commands.opened import connected
    from limpet.store.backup import FORMAT, Manifest
    from limpet.store.database import DatabaseUnusable
    from limpet.store.secrets import Vault

    async with connected(url) as database:
        schema, now = await database.schema_version(), await database.now()
    if not schema:
        raise DatabaseUnusable("There is nothing of Limpet in this database.")
    key = master_key(place)
    if key is None:
        raise DatabaseUnusable(f"The secret key is not there: {where_key_is(place)}.")
    at = now.isoformat(timespec="milliseconds")
    return Manifest(FORMAT, version("limpet"), schema, at, Vault(key).fingerprint)


@contextmanager
def served(place: Place) -> Iterator[str]:
    """The URL of a place's database; an embedded one is started where it does not run."""
    from limpet.store.database import DatabaseUnusable
    from limpet.store.embedded import CLUSTER_NAME, EmbeddedPostgres, running_url

    config = place.database
    if url := config.url or running_url(config.data_dir):
        yield url
        return
    if not (config.data_dir / CLUSTER_NAME).exists():
        raise DatabaseUnusable(f"There is no database in {config.data_dir}: give --config, or another --data.")
    embedded = EmbeddedPostgres(config.data_dir)
    try:
        yield embedded.start()
    finally:
        embedded.stop()


def key_file(place: Place) -> Path:
    """Where a place keeps its secret key, if a variable does not hold it."""
    from limpet.config import SECRET_KEY_NAME

    named = None if place.config is None else place.config.security.secret_key_file
    return named or place.database.data_dir / SECRET_KEY_NAME


def where_key_is(place: Place) -> str:
    """That place, in words."""
    from limpet.config import SECRET_KEY_VARIABLE

    given = place.config is not None and place.config.security.secret_key is not None
    return f"the variable {SECRET_KEY_VARIABLE} holds it" if given else f"it is kept in {key_file(place)}"


def master_key(place: Place) -> bytes | None:
    """The secret key of a place; None where there is none yet."""
    from limpet.store.secrets import read_key

    if place.config is not None and place.config.security.secret_key is not None:
        return bytes.fromhex(place.config.security.secret_key)
    return read_key(key_file(place))


@contextmanager
def progress(word: str, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Shows how many bytes are done: in place on a terminal, a line now and then elsewhere."""
    last, here = 0, sys.stderr.isatty()

    def show(done: int) -> None:
        nonlocal last
        if quiet or done - last < (1 if here else SHOWN_EVERY_BYTES):
            return
        last = done
        click.echo(f"\r{done:,} bytes {word}" if here else f"{done:,} bytes {word}", err=True, nl=not here)

    try:
        yield show
    finally:
        if here and last:
            click.echo("", err=True)
