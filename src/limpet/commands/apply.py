"""`limpet apply FILE`: accounts, numbers, services and pools as a file says, all of it or nothing."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from limpet.commands.place import Place, find_place, place_options, run, vault_of
from limpet.commands.table import print_table

if TYPE_CHECKING:
    from limpet.commands.plan import Plan
    from limpet.commands.wanted import WantedAccount
    from limpet.store.database import Connection, Database
    from limpet.store.secrets import Vault

LEFT_SHOWN_MAX = 20


class _Undone(Exception):
    """Thrown out of a transaction that was only to show what it would do."""

    def __init__(self, plan: Plan) -> None:
        super().__init__("")
        self.plan = plan


@click.command()
@place_options
@click.option("--prune", is_flag=True, help="Also remove what the file does not name: pool members, services, numbers.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.argument("file", type=click.Path(path_type=Path))
def apply(
    file: Path, path: Path | None, data: Path | None, as_json: bool, prune: bool, dry_run: bool, yes: bool
) -> None:
    """Make accounts, numbers, services and pools as FILE (TOML) says.

    What is to be done is shown first. A setting that FILE does not give is as by default; what it does not name at all is left,
    unless --prune is given. Everything happens in one transaction, beside running servers; a second run finds nothing to do.
    """
    from limpet.commands.wanted import load_wanted

    place = find_place(path, data)
    wanted = load_wanted(file, place.carriers, os.environ)
    plan = run(_converge(place, wanted, prune, expected=None))
    if plan.changes and not dry_run:
        if not yes:
            _ask(plan, as_json)
        plan = run(_converge(place, wanted, prune, expected=plan))
    _show(plan, applied=bool(plan.changes) and not dry_run, as_json=as_json, shown=not yes and not dry_run)


def _ask(plan: Plan, as_json: bool) -> None:
    if as_json or not sys.stdin.isatty():
        raise click.ClickException("Nobody can be asked here: give --yes, or --dry-run to see what would be done.")
    _print(plan)
    if not click.confirm("Do this?"):
        raise click.ClickException("Nothing was done.")


def _show(plan: Plan, *, applied: bool, as_json: bool, shown: bool) -> None:
    if as_json:
        changes = [asdict(change) for change in plan.changes]
        click.echo(json.dumps({"applied": applied, "changes": changes, "left": plan.left}))
        return
    if not plan.changes:
        click.echo("There is nothing to do.")
    elif not shown or applied:
        _print(plan)
        click.echo("Done." if applied else "Nothing was done.")
    if plan.left:
        more = f" and {len(plan.left) - LEFT_SHOWN_MAX} more" if len(plan.left) > LEFT_SHOWN_MAX else ""
        named = ", ".join(plan.left[:LEFT_SHOWN_MAX])
        click.echo(f"Not in the file, and left as they are (--prune removes them): {named}{more}.")


def _print(plan: Plan) -> None:
    rows = [(change.verb, change.what, change.name, change.sid, change.detail) for change in plan.changes]
    print_table(("", "what", "name", "SID", "detail"), rows)


async def _converge(place: Place, wanted: tuple[WantedAccount, ...], prune: bool, expected: Plan | None) -> Plan:
    """Without `expected`, what would be done; with it, the same done for good."""
    from limpet.commands.opened import opened_beside
    from limpet.commands.plan import CannotApply

    async with opened_beside(place.database) as database:
        try:
            return await _run(database, vault_of(place), wanted, prune, expected)
        except CannotApply as error:
            raise click.ClickException(str(error)) from error


async def _run(
    database: Database, vault: Vault, wanted: tuple[WantedAccount, ...], prune: bool, expected: Plan | None
) -> Plan:
    from limpet.commands.converge import Converge
    from limpet.commands.number_steps import telling_book
    from limpet.commands.plan import CannotApply
    from limpet.store.within import Within

    now: datetime = await database.now()
    book = await telling_book(database, now)

    async def work(connection: Connection) -> Plan:
        plan = await Converge(Within(connection), vault, now, book, prune=prune).run(wanted)
        if expected is None:
            raise _Undone(plan)
        if plan.changes != expected.changes:
            raise CannotApply("Something else has changed the database meanwhile, and nothing was done: run it again.")
        return plan

    try:
        return await database.transaction(work)
    except _Undone as undone:
        return _without_new_sids(undone.plan)


def _without_new_sids(plan: Plan) -> Plan:
    """SIDs of what was made and undone again are nobody's."""
    from dataclasses import replace

    made = {change.sid for change in plan.changes if change.verb == "create"}
    changes = [replace(change, sid="") if change.sid in made else change for change in plan.changes]
    return replace(plan, changes=changes)
