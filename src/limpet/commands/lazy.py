"""Groups of commands of which only the one that is asked for is imported: a list of them, or help, costs nothing.

What the list says of a command is written where the group is made, and a test holds it to what the command says of itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

LINE_MAX = 1000


class Entry(NamedTuple):
    """A command: its name, where it is made (`.module:attribute` of this package), and what it does in a line."""

    name: str
    where: str
    says: str


class Section(NamedTuple):
    """Commands that are listed together under a title."""

    title: str
    entries: Sequence[Entry]


class LazyGroup(click.Group):
    """A group whose own commands come first, and then `sections`, in their order."""

    def __init__(self, *given: Any, sections: Sequence[Section] = (), **options: Any) -> None:
        super().__init__(*given, **options)
        self.sections = sections
        self._named = {entry.name: entry for entry in self.entries()}

    def entries(self) -> Iterator[Entry]:
        """All commands that are imported when they are asked for."""
        for section in self.sections:
            yield from section.entries

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own signature
        """The names, in the order in which they are shown; other names that a command has are not listed."""
        return [*self.commands, *(entry.name for entry in self.entries())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now; None when there is none."""
        entry = self._named.get(cmd_name)
        if entry is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = entry.where.partition(":")
        found: click.Command = getattr(import_module(module, __package__), attribute)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it; a name that there is not is answered with those that are near it."""
        name = args[0]
        if name.startswith("-") or ctx.resilient_parsing or self.get_command(ctx, name) is not None:
            return super().resolve_command(ctx, args)
        near = get_close_matches(name, self.list_commands(ctx), n=3)
        meant = f"Did you mean {' or '.join(near)}?" if near else f"See `{ctx.command_path} --help`."
        raise click.UsageError(f"There is no command {name!r}. {meant}", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """List the commands by section, importing none; each with its whole line."""
        own = [(name, one.get_short_help_str(LINE_MAX)) for name, one in self.commands.items() if not one.hidden]
        parts = [(each.title, [(entry.name, entry.says) for entry in each.entries]) for each in self.sections]
        if own:
            parts.insert(0, ("Commands", own))
        width = max(len(name) for _, rows in parts for name, _ in rows)
        for title, rows in parts:
            with formatter.section(title):
                formatter.write_dl([(f"{name:{width}}", says) for name, says in rows])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What may follow, importing nothing."""
        known = {entry.name: entry.says for entry in self.entries()}
        known |= {name: one.get_short_help_str() for name, one in self.commands.items() if not one.hidden}
        found = [CompletionItem(name, help=says) for name, says in known.items() if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)
