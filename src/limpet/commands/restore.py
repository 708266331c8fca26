"""`limpet restore`: a backup brought into an empty place, where nothing is sent again that may have left since."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from limpet.commands.backup import key_file, master_key, progress
from limpet.commands.place import Place, find_place, place_options, run

if TYPE_CHECKING:
    from limpet.clock import Clock
    from limpet.store.backup import Manifest
    from limpet.store.held import Held

HOLD, SEND = "hold", "send"


@dataclass(frozen=True, slots=True)
class _Done:
    """What a restore has done."""

    manifest: Manifest
    applied: list[str]
    held: Held | None


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--secret-key", type=click.Path(path_type=Path, dir_okay=False),
    help="File with the secret key of what was backed up; not needed where the place has it already.",
)  # fmt: skip
@click.option(
    "--in-flight", type=click.Choice([HOLD, SEND]), default=HOLD, show_default=True,
    help="Messages that may have left since the backup: hold them for a decision, or send them, some perhaps twice.",
)  # fmt: skip
@place_options
def restore(
    file: Path, secret_key: Path | None, in_flight: str, path: Path | None, data: Path | None, as_json: bool
) -> None:  # fmt: skip
    """Bring a backup into an empty place, and hold what was on its way.

    The place is the empty database of --config, or a data directory that has none. Start no server before this has ended.
    """
    from limpet.clock import SystemClock

    place = find_place(path, data)
    done = _restore(file, secret_key, place, SystemClock(), hold=in_flight == HOLD, quiet=as_json)
    if as_json:
        held = None if done.held is None else {"in_doubt": done.held.doubtful, "unbound": done.held.unbound}
        click.echo(json.dumps({"at": done.manifest.at, "applied": done.applied, "held": held}))
        return
    for step in done.applied:
        click.echo(f"applied {step}")
    click.echo(f"Everything is as it was at {done.manifest.at}.")
    click.echo(_what_is_held(done.held))


def _what_is_held(held: Held | None) -> str:
    if held is None:
        return "What was on its way goes out when a server starts."
    if not held.doubtful + held.unbound:
        return "Nothing was on its way."
    count = held.doubtful + held.unbound
    return f"{count} messages may have left since, and are held: see `limpet held`."


def _restore(file: Path, given: Path | None, place: Place, clock: Clock, *, hold: bool, quiet: bool) -> _Done:
    from limpet.store.backup import read_backup, read_manifest
    from limpet.store.data_directory import make_directory
    from limpet.store.database import DatabaseUnusable, migrations
    from limpet.store.embedded import EmbeddedPostgres
    from limpet.store.secrets import keep_key

    manifest = read_manifest(file)
    if manifest.schema > migrations()[-1].number:
        raise DatabaseUnusable(f"{file} is of a later Limpet ({manifest.limpet}): update this one.")
    key = _key(place, given, manifest)
    embedded = None if place.database.url else EmbeddedPostgres(place.database.data_dir)
    url = place.database.url or (embedded.start() if embedded else "")
    try:
        run(_must_be_empty(url))
        with progress("restored", quiet=quiet) as shown:
            read_backup(file, url, shown)
        applied, held = run(_settle(url, clock, hold=hold))
    finally:
        if embedded is not None:
            embedded.stop()
    if place.config is None or place.config.security.secret_key is None:
        make_directory(key_file(place).parent)
        keep_key(key_file(place), key)
    return _Done(manifest, applied, held)


def _key(place: Place, given: Path | None, manifest: Manifest) -> bytes:
    """The secret key that a backup needs, found before anything is done."""
    from limpet.config import SECRET_KEY_VARIABLE
    from limpet.store.database import DatabaseUnusable
    from limpet.store.secrets import Vault, read_key

    here, brought = master_key(place), None if given is None else read_key(given)
    if given is not None and brought is None:
        raise DatabaseUnusable(f"There is no {given}.")
    if here is not None and brought is not None and here != brought:
        raise DatabaseUnusable(f"{given} is another secret key than the one that this place has already.")
    key = here or brought
    if key is None or Vault(key).fingerprint != manifest.key:
        found = "" if key is None else f" and not {Vault(key).fingerprint}"
        raise DatabaseUnusable(
            f"This backup needs the secret key {manifest.key}{found}: give it by --secret-key, or by the variable "
            f"{SECRET_KEY_VARIABLE} beside --config."
        )
    return key


async def _must_be_empty(url: str) -> None:
    from limpet.commands.opened import connected
    from limpet.store.database import DatabaseUnusable
    from limpet.store.held import is_empty

    async with connected(url) as database:
        if not await is_empty(database):
            raise DatabaseUnusable("There is something in this database already: restore into an empty one.")


async def _settle(url: str, clock: Clock, *, hold: bool) -> tuple[list[str], Held | None]:
    """Hold what was on its way, then bring the schema up to date, and let PostgreSQL look at its tables."""
    from limpet.commands.migrate import bring_up_to_date
    from limpet.commands.opened import connected
    from limpet.store import held

    async with connected(url) as database:
        found = await held.hold(database, clock.now()) if hold else None
        applied = await bring_up_to_date(database, clock)
        await held.analyze(database)
    return applied, found
