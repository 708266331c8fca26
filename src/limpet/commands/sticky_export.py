"""`limpet sticky export`: every person of a service with their number, as a file that `limpet sticky import` takes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import click

from limpet.commands.door import download, find_door, service_option

WAIT_S = 600.0
_CSV_HEAD_LINES = 1


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), default=Path("-"))
@service_option
@click.option("--csv", "as_csv", is_flag=True, help="CSV instead of a JSON object a line.")
@click.option("--data", type=click.Path(path_type=Path), help="Data directory of a running `limpet dev`.")
def export(file: Path, service: str, as_csv: bool, data: Path | None) -> None:
    """Write every mapping that counts to FILE, or to standard output.

    A file is there under its name only once it is whole.
    """
    path = f"/v1/Services/{quote(service, safe='')}/StickyMappings/Export"
    parts = download(find_door(data, os.environ), path, {"Format": "csv" if as_csv else "ndjson"}, WAIT_S)
    if parts is None:
        raise click.ClickException(f"The account has no service {service}.")
    if str(file) == "-":
        count = _write(parts, sys.stdout.buffer.write)
    else:
        unfinished = file.with_name(file.name + ".part")
        with unfinished.open("wb") as opened:
            count = _write(parts, opened.write)
        unfinished.replace(file)
    click.echo(f"{count - (_CSV_HEAD_LINES if as_csv else 0)} mappings written.", err=True)


def _write(parts: Iterator[bytes], write: object) -> int:
    """Write all of it; how many lines there were."""
    count = 0
    with click.progressbar(
        parts, label="writing", file=sys.stderr, show_pos=True, hidden=not sys.stderr.isatty()
    ) as bar:
        for part in bar:
            count += part.count(b"\n")
            write(part)  # type: ignore[operator]
    return count
