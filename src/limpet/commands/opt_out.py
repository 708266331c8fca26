"""`limpet optouts …`: who must not be written to by a service, through the HTTP API of a running Limpet.

It speaks to the API like any customer and knows nothing of the store. Files are CSV with a column `to`, or a JSON object a line.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import click

from limpet.commands.door import Door, call, door_options, find_door, service_option
from limpet.commands.paging import PAGE_SIZE, Thing, pages
from limpet.commands.table import show_rows

BATCH = 500
LINE_LENGTH_MAX = 10_000
TOLD_MAX = 20
"""Bad lines that are named one by one; of more only the number is told."""
COLUMNS = ("to", "date_created", "keyword", "origin")


@click.group("optouts")
def optouts() -> None:
    """See and change who must not be written to by a service."""


def _options(command: Callable[..., None]) -> Callable[..., None]:
    return service_option(door_options(command))


@optouts.command("list")
@_options
@click.option(
    "--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many, newest first."
)
def show(service: str, data: Path | None, as_json: bool, limit: int) -> None:
    """List who opted out, newest first."""
    found = []
    for one in _all(find_door(data, os.environ), service):
        found.append(one)
        if len(found) == limit:
            break
    if as_json:
        click.echo(json.dumps(found))
        return
    rows = [(one["to"], one["date_created"], one["keyword"] or "-", one["origin"]) for one in found]
    show_rows(("to", "since", "keyword", "origin"), rows, f"Nobody opted out of {service}.")


@optouts.command()
@_options
@click.option("--to", required=True, help="The person's number.")
def add(service: str, data: Path | None, as_json: bool, to: str) -> None:
    """Opt a person out: nothing of the service reaches them."""
    made = _found(call(find_door(data, os.environ), "POST", _place(service), form={"To": to}), service)
    click.echo(json.dumps(made) if as_json else f"{made['to']} gets nothing from {service} any more.")


@optouts.command()
@_options
@click.option("--to", required=True, help="The person's number.")
def remove(service: str, data: Path | None, as_json: bool, to: str) -> None:
    """Let a person be written to again."""
    if call(find_door(data, os.environ), "DELETE", f"{_place(service)}/{quote(to, safe='')}") is None:
        raise click.ClickException(f"{to} has not opted out of {service}, or the account has no such service.")
    answer = {"service_sid": service, "to": to, "removed": True}
    click.echo(json.dumps(answer) if as_json else f"{to} may be written to by {service} again.")


@optouts.command("import")
@_options
@click.argument("file", type=click.File("r", encoding="utf-8-sig"))
def bring(service: str, data: Path | None, as_json: bool, file: IO[str]) -> None:
    """Opt out everybody in FILE: CSV with a column `to`, or a JSON object a line.

    A line that names nobody is told and passed over.
    """
    door, answer = find_door(data, os.environ), {"imported": 0, "known": 0, "rejected": 0}
    bad: list[str] = []
    with _progress(_people(file, bad), "opting out") as people:
        everybody = iter(people)
        while numbers := {to: line for line, to in islice(everybody, BATCH)}:
            said = _found(call(door, "POST", f"{_place(service)}/Import", form={"To": list(numbers)}), service)
            answer["imported"] += said["imported"]
            answer["known"] += said["known"]
            bad += [f"line {numbers.get(to, '?')}: {to[:40]} is no number" for to in said["rejected"]]
    answer["rejected"] = len(bad)
    for line in bad[:TOLD_MAX]:
        click.echo(line, err=True)
    if len(bad) > TOLD_MAX:
        click.echo(f"… and {len(bad) - TOLD_MAX} more lines", err=True)
    told = f"{answer['imported']} opted out, {answer['known']} had before, {answer['rejected']} lines name nobody."
    click.echo(json.dumps(answer) if as_json else told)


@optouts.command()
@_options
@click.argument("file", type=click.File("w", encoding="utf-8"), default="-")
def export(service: str, data: Path | None, as_json: bool, file: IO[str]) -> None:
    """Write everybody who opted out to FILE (or standard output) as CSV, with --json as a JSON object a line."""
    writer = None if as_json else csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
    if writer is not None:
        writer.writeheader()
    count = 0
    with _progress(_all(find_door(data, os.environ), service), "writing") as found:
        for one in found:
            count += 1
            kept = {name: one[name] for name in COLUMNS}
            if writer is None:
                file.write(json.dumps(kept) + "\n")
            else:
                writer.writerow(kept)
    click.echo(f"{count} written.", err=True)


def _all(door: Door, service: str) -> Iterator[Thing]:
    """Everybody who opted out, page by page."""
    return pages(door, _place(service), {"PageSize": str(PAGE_SIZE)}, missing=f"The account has no service {service}.")


def _people(file: IO[str], bad: list[str]) -> Iterator[tuple[int, str]]:
    """The numbers in a file, each with its line; lines that hold none go to `bad`."""
    first = file.readline(LINE_LENGTH_MAX)
    of_line = _of_json if first.lstrip().startswith("{") else _of_csv(first)
    lines = enumerate(_lines(file), 2)
    for number, line in _chain((1, first) if of_line is _of_json else None, lines):
        if not line.strip():
            continue
        to = of_line(line)
        if to:
            yield number, to
        else:
            bad.append(f"line {number}: there is no number in it")


def _lines(file: IO[str]) -> Iterator[str]:
    while line := file.readline(LINE_LENGTH_MAX):
        yield line


def _chain(first: tuple[int, str] | None, rest: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    if first is not None:
        yield first
    yield from rest


def _of_json(line: str) -> str | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return str(found["to"]) if isinstance(found, dict) and found.get("to") else None


def _of_csv(head: str) -> Callable[[str], str | None]:
    """How to read a line below this head; a file of which the head names no column `to` is refused."""
    names = [name.strip().lower() for name in next(csv.reader([head]), [])]
    if "to" not in names:
        raise click.ClickException(
            "The file has no column 'to' in its first line, and is not a JSON object a line either."
        )
    place = names.index("to")

    def read(line: str) -> str | None:
        values = next(csv.reader([line]), [])
        return values[place].strip() if len(values) > place else None

    return read


def _progress(found: Iterable[Any], doing: str) -> Any:
    """A count on a terminal; on standard error, so that what is written stays whole."""
    return click.progressbar(found, label=doing, file=sys.stderr, show_pos=True, hidden=not sys.stderr.isatty())


def _place(service: str) -> str:
    return f"/v1/Services/{quote(service, safe='')}/OptOuts"


def _found(answer: Any, service: str) -> Any:
    if answer is None:
        raise click.ClickException(f"The account has no service {service}.")
    return answer
