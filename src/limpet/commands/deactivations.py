"""`limpet deactivations import`: the operator brings the list of numbers that carriers took out of service on a day.

It writes to the database itself, beside a server that runs on it: the lists are nobody's tenant's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from secrets import token_bytes
from typing import IO, Any

import click

BATCH = 10_000
LINE_LENGTH_MAX = 1000
BAR_STEP = 32 * 1024
"""Octets after which the bar moves: drawing it costs more than reading a line."""
TOLD_MAX = 20
"""Bad lines that are named one by one; of more only the number is told."""


@dataclass(slots=True)
class Brought:
    """What became of a file. `bad` names at most TOLD_MAX lines of the `rejected` ones."""

    imported: int = 0
    known: int = 0
    rejected: int = 0
    bad: list[str] = field(default_factory=list)

    def reject(self, line: int, text: str) -> None:
        """A line that names nobody."""
        self.rejected += 1
        if len(self.bad) < TOLD_MAX:
            self.bad.append(f"line {line}: {text.strip()[:40]!r} is no number")


@click.group()
def deactivations() -> None:
    """Lists of numbers that carriers took out of service."""


def _day(_context: click.Context, _option: click.Parameter, given: str) -> date:
    try:
        day = datetime.strptime(given, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise click.BadParameter(f"{given!r} is not a date such as 2026-11-23.") from None
    if day > datetime.now(UTC).date():
        raise click.BadParameter(f"{given} is still to come.")
    return day


@deactivations.command("import")
@click.argument("file", type=click.File("r", encoding="utf-8-sig", errors="replace"))
@click.option("--date", "day", callback=_day, required=True, help="The day, such as 2026-11-23.")
@click.option("--config", "path", type=click.Path(path_type=Path), help="limpet.toml, whose database is meant.")
@click.option("--data", type=click.Path(path_type=Path), help="Data directory of a `limpet dev` that does not run.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def bring(file: IO[str], day: date, path: Path | None, data: Path | None, as_json: bool) -> None:
    """Put the numbers in FILE, one a line, on the list of a day. Those that are on it stay.

    A line that is no number is told and passed over.
    """
    if (path is None) == (data is None):
        raise click.UsageError("Give either --config or --data.")
    import asyncio
    import json

    from limpet.config import DatabaseConfig, load_config

    config = load_config(path, os.environ).database if path else DatabaseConfig(data_dir=(data or Path()).absolute())
    brought = Brought()
    with _progress(file) as bar:
        asyncio.run(_bring(config, day, _numbers(file, brought, bar), brought))
    for line in brought.bad:
        click.echo(line, err=True)
    if brought.rejected > TOLD_MAX:
        click.echo(f"… and {brought.rejected - len(brought.bad)} more lines", err=True)
    told = {"date": day.isoformat(), "imported": brought.imported, "known": brought.known, "rejected": brought.rejected}
    said = f"List of {day}: {brought.imported} new, {brought.known} known."
    click.echo(json.dumps(told) if as_json else said)


async def _bring(config: Any, day: date, numbers: Iterator[str], brought: Brought) -> None:
    from limpet.clock import SystemClock
    from limpet.commands.migrate import bring_up_to_date
    from limpet.commands.opened import opened
    from limpet.store.deactivations import Deactivations

    clock = SystemClock()
    async with opened(config) as database:
        await bring_up_to_date(database, clock)
        installation = await database.installation(clock.now(), token_bytes(64))
        store = Deactivations(database, installation.bucket_key)
        await store.begin(day, clock.now())
        while batch := list(islice(numbers, BATCH)):
            new = await store.add(day, batch)
            brought.imported += new
            brought.known += len(batch) - new


def _numbers(file: IO[str], brought: Brought, bar: Any) -> Iterator[str]:
    """The numbers of a file in their one spelling, as they are read; the bar is moved on by octets."""
    from limpet.core.address import AddressKind, parse_recipient

    read = 0
    for number, line in enumerate(_lines(file), 1):
        read += len(line.encode())
        if read >= BAR_STEP:
            bar.update(read)
            read = 0
        if not line.strip():
            continue
        address = parse_recipient(line.strip())
        if address is None or address.kind is not AddressKind.PHONE:
            brought.reject(number, line)
        else:
            yield address.value
    bar.update(read)


def _lines(file: IO[str]) -> Iterator[str]:
    """The lines, each at most LINE_LENGTH_MAX long: what is longer is no number, and its rest is passed over."""
    while line := file.readline(LINE_LENGTH_MAX):
        rest = line
        while rest and not rest.endswith("\n"):
            rest = file.readline(LINE_LENGTH_MAX)
        yield line


def _progress(file: IO[str]) -> Any:
    """How far the file is read, on a terminal; of a pipe only that it goes on."""
    try:
        length = os.fstat(file.fileno()).st_size or 1
    except (OSError, AttributeError, ValueError):
        length = 1
    return click.progressbar(length=length, label="importing", file=sys.stderr, hidden=not sys.stderr.isatty())
