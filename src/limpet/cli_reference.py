"""`docs/reference/cli.md`, written from the commands themselves: what each does, how it is called, and all its options."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from limpet.cli import SECTIONS, cli
from limpet.commands.lazy import LINE_MAX

PAGE = "cli.md"
HEAD = """\
# Commands

Commands speak to the `limpet dev` whose data directory is `.limpet` here or is named by `--data`; or, with `LIMPET_URL` and
`LIMPET_ACCOUNT_SID` with `LIMPET_AUTH_TOKEN` (or `LIMPET_API_KEY_SID` with `LIMPET_API_KEY_SECRET`), to any other Limpet.
`LIMPET_SERVICE_SID` names the service that is meant where `--service` is left out. An operator's commands work on the database
of `--config limpet.toml`, or of a `limpet dev`'s `--data`.

Exit codes: 0 done, 1 could not be done, 2 not understood, 130 interrupted. What goes wrong is one sentence on standard error.
`--json` prints what a script can read. `limpet completion` makes a shell complete all of it.

This page is written from the commands: `make reference`."""


def reference() -> str:
    """The whole page."""
    return "\n".join((HEAD, *_sections())) + "\n"


def _sections() -> Iterator[str]:
    root = click.Context(cli, info_name="limpet")
    for section in SECTIONS:
        yield from ("", f"## {section.title}")
        for entry in section.entries:
            yield from _command(root, entry.name)


def _command(parent: click.Context, name: str) -> Iterator[str]:
    group = parent.command
    assert isinstance(group, click.Group)
    one = group.get_command(parent, name)
    assert one is not None
    context = click.Context(one, info_name=name, parent=parent)
    if isinstance(one, click.Group):
        yield from ("", f"### {context.command_path}", "", one.get_short_help_str(LINE_MAX))
        for each in one.list_commands(context):
            yield from _command(context, each)
        return
    level = "###" if parent.parent is None else "####"
    usage = " ".join(one.collect_usage_pieces(context))
    yield from ("", f"{level} {context.command_path}", "", *_help(one), "", f"    {context.command_path} {usage}")
    rows = [each.get_help_record(context) for each in one.get_params(context) if isinstance(each, click.Option)]
    told = [(names, says) for row in rows if row for names, says in [row] if "--help" not in names]
    if told:
        yield from ("", "| Option | |", "|---|---|")
        yield from (f"| `{_cell(names)}` | {_cell(says)} |" for names, says in told)


def _help(command: click.Command) -> Iterator[str]:
    """The help as Markdown: what is not to be wrapped is code."""
    for n, paragraph in enumerate(cleandoc(command.help or "").split("\n\n")):
        if n:
            yield ""
        kept = paragraph.removeprefix("\b\n")
        yield from kept.splitlines() if kept == paragraph else (f"    {line}" for line in kept.splitlines())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    (Path(sys.argv[1]) / PAGE).write_text(reference())
