"""`limpet sticky import|undo`: people and their numbers from a file, through the HTTP API of a running Limpet, and back.

The exit code is 3 when lines of the file were not taken. It speaks to the API like any customer and knows nothing of the store.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from secrets import token_hex
from typing import IO, Any
from urllib.parse import quote

import click

from limpet.commands.door import Door, call, door_options, download, find_door, service_option
from limpet.core.sticky_dialects import DIALECT_NAMES
from limpet.core.sticky_import import SID_PREFIX, Mode, State

PIECE_BYTES = 1 << 18
WAIT_S = 3600.0
"""How long a step of the server may take."""
TOLD_MAX = 20
SOME_NOT_TAKEN = 3
_WHY: Mapping[str, str] = {
    "unreadable": "cannot be read",
    "no_person": "names no person",
    "no_sender": "names no number that they hear from",
    "unknown_sender": "names a number that is not in the pool",
    "unreachable": "names a number that cannot write to that person",
    "number_not_kept": "is about a person whose number is not kept",
    "bad_date": "has a date that is none, or that is still to come",
    "bad_flag": "has neither true nor false where one of them belongs",
    "several_people": "is a message to several people",
}
_COUNTED = (
    ("made", "got their number"),
    ("replaced", "got another number"),
    ("refreshed", "keep their number, with newer days"),
    ("unchanged", "had it already"),
    ("kept", "keep the number that they had"),
    ("superseded", "lines are older than another about the same person"),
    ("staged", "could be taken (nothing was changed)"),
)


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@service_option
@click.option(
    "--mode", type=click.Choice([each.value for each in Mode]), default=Mode.SKIP.value, show_default=True,
    help="Of people who have another number already: leave them, take the newer one, or take the file's.",
)  # fmt: skip
@click.option("--source", type=click.Choice(DIALECT_NAMES), help="Whose file it is; recognised without.")
@click.option("--log-service", help="Of a message log, only the messages of this service.")
@click.option("--dry-run", is_flag=True, help="Say what would become of the lines, and change nothing.")
@click.option("--resume", "sid", help="Carry on with this import (LI…), of the same file.")
@click.option("--report", type=click.Path(path_type=Path), help="Write every line that was not taken to this file.")
@door_options
@click.pass_context
def bring(
    context: click.Context, file: Path, service: str, mode: str, source: str | None, log_service: str | None,
    dry_run: bool, sid: str | None, report: Path | None, data: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Map people to the numbers that FILE says they hear from.

    FILE is an export of Limpet, or a message log of Twilio, Telnyx or Plivo.

    CSV or JSON, also gzipped; - is standard input. Of a log the newest message to each person counts.
    """
    door, named = find_door(data, os.environ), sid or SID_PREFIX + token_hex(16)
    query = {
        "ImportSid": named, "Mode": mode, "DryRun": "true" if dry_run else "false",
        **({"Source": source} if source else {}), **({"LogService": log_service} if log_service else {}),
    }  # fmt: skip
    try:
        told = call(door, "POST", _place(service), query, file=_read(file), timeout_s=WAIT_S)
    except click.ClickException as error:
        begun = _found(door, service, named)
        if begun is not None and begun["state"] in (State.LOADING, State.MERGING):
            more = (
                f"Carry on with --resume {named}, or take it back with: limpet sticky undo {named} --service {service}."
            )
            raise click.ClickException(f"{error.message} {more}") from error
        raise
    if told is None:
        raise click.ClickException(f"The account has no service {service}.")
    if report is not None:
        _write_report(door, service, named, report)
    _tell(told, report, as_json)
    if told["state"] == State.FAILED:
        raise click.ClickException(f"Nothing was changed: {told['why']}.")
    if told["lines"]["reported"]:
        context.exit(SOME_NOT_TAKEN)


@click.command()
@click.argument("sid")
@service_option
@door_options
def undo(sid: str, service: str, data: Path | None, as_json: bool) -> None:
    """Take an import (LI…) back.

    Whoever has had no other change since is as before it.
    """
    door = find_door(data, os.environ)
    if call(door, "DELETE", f"{_place(service)}/{quote(sid, safe='')}", timeout_s=WAIT_S) is None:
        raise click.ClickException(f"{service} has no import {sid}, or the account has no such service.")
    told = _found(door, service, sid)
    assert told is not None
    count = told["lines"]["undone"]
    click.echo(json.dumps(told) if as_json else f"{sid} is taken back: {count} people are as before.")


def _read(file: Path) -> Iterator[bytes]:
    """The octets of a file, with a bar on a terminal."""
    if str(file) == "-":
        yield from _pieces(sys.stdin.buffer)
        return
    try:
        with file.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            size = os.fstat(raw.fileno()).st_size
            with click.progressbar(
                length=size, label="importing", file=sys.stderr, hidden=not sys.stderr.isatty()
            ) as bar:
                at = 0
                for piece in _pieces(gzip.GzipFile(fileobj=raw) if packed else raw):
                    bar.update(raw.tell() - at)
                    at = raw.tell()
                    yield piece
    except (FileNotFoundError, IsADirectoryError, PermissionError, EOFError, gzip.BadGzipFile) as error:
        raise click.ClickException(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}.") from error


def _pieces(file: Any) -> Iterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece


def _tell(told: Mapping[str, Any], report: Path | None, as_json: bool) -> None:
    """What became of the lines; those that were not taken go to standard error."""
    for each in told["problems"][:TOLD_MAX]:
        what = f": {each['what'][:60]}" if each["what"] else ""
        click.echo(f"line {each['line']} {_WHY.get(each['why'], each['why'])}{what}", err=True)
    count = told["lines"]["reported"]
    if count > TOLD_MAX:
        more = f"all are in {report}" if report else "--report FILE writes all of them"
        click.echo(f"… and {count - TOLD_MAX} more lines; {more}", err=True)
    if as_json:
        click.echo(json.dumps(told))
        return
    lines = told["lines"]
    click.echo(f"{told['sid']}: {lines['lines']} lines.")
    said = [(lines[name], words) for name, words in _COUNTED if lines[name]]
    said += [(number, f"lines do not count: {why.replace('_', ' ')}") for why, number in lines["passed"].items()]
    said += [(count, "lines were not taken")] if count else []
    for number, words in said:
        click.echo(f"{number:>12}  {words}")


def _write_report(door: Door, service: str, sid: str, path: Path) -> None:
    parts = download(door, f"{_place(service)}/{sid}/Problems", timeout_s=WAIT_S)
    with path.open("wb") as file:
        _copy(parts or iter(()), file)


def _copy(parts: Iterator[bytes], file: IO[bytes]) -> int:
    return sum(file.write(part) for part in parts)


def _found(door: Door, service: str, sid: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] | None = call(door, "GET", f"{_place(service)}/{sid}")
    except click.ClickException:
        return None
    return found


def _place(service: str) -> str:
    return f"/v1/Services/{quote(service, safe='')}/StickyMappings/Import"
