"""Tables on the terminal: as wide as it is, and wide enough for everything where nobody looks at it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click

PIPED_WIDTH = 240


def show_rows(head: Sequence[str], rows: Sequence[Sequence[object]], nothing: str) -> None:
    """Print rows under their heads, or a sentence where there are none."""
    if rows:
        print_table(head, rows)
    else:
        click.echo(nothing)


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their heads to standard output; nothing in them is taken for markup, and nothing is cut off."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(value)) for value in row))
    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False).print(table)
