"""Lists of a running Limpet, page by page, in both of Twilio's styles; and how they and single things are shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any
from urllib.parse import quote, urlsplit

import click

from limpet.commands.door import Door, call
from limpet.commands.table import print_table

PAGE_SIZE = 1000
DASH = "-"
Thing = Mapping[str, Any]


def limit_option(default: int = 100) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """`--limit`: how much of a list is shown."""
    return click.option(
        "--limit", type=click.IntRange(min=1), default=default, show_default=True, help="At most so many."
    )


def pages(door: Door, path: str, query: Mapping[str, str], key: str | None = None, *, missing: str) -> Iterator[Thing]:
    """What a list has, in its order; a page may be short and have a next one. `key` names the list in pages of the 2010 style.

    ClickException with `missing` when there is no such list.
    """
    asked: Mapping[str, str] = query
    place = path
    while True:
        page = call(door, "GET", place, asked)
        if page is None:
            raise click.ClickException(missing)
        yield from page[key or page["meta"]["key"]]
        following = page["next_page_uri"] if key else page["meta"]["next_page_url"]
        if following is None:
            return
        place, asked = f"{path}?{urlsplit(following).query}", {}


def first(
    door: Door, path: str, query: Mapping[str, str | None], limit: int, key: str | None = None, *, missing: str
) -> list[Thing]:
    """The first so many of a list; what a query leaves None is not asked."""
    asked = {**given(query), "PageSize": str(min(limit, PAGE_SIZE))}
    return list(islice(pages(door, path, asked, key, missing=missing), limit))


def given(values: Mapping[str, str | None]) -> dict[str, str]:
    """Without what was left out."""
    return {name: value for name, value in values.items() if value is not None}


def show_list(
    found: Sequence[Thing], columns: Sequence[str], as_json: bool, nothing: str,
    cell: Callable[[str, Any], str] = lambda _, value: plain(value),
) -> None:  # fmt: skip
    """Print a table of some fields of things, or all of each as JSON; a sentence where there are none."""
    if as_json:
        click.echo(json.dumps(found))
    elif found:
        print_table([name.replace("_", " ") for name in columns], ([cell(c, one[c]) for c in columns] for one in found))
    else:
        click.echo(nothing)


def show_one(one: Thing | None, as_json: bool, missing: str) -> None:
    """Print each field of a thing on a line, or all as JSON; ClickException with `missing` when there is none."""
    if one is None:
        raise click.ClickException(missing)
    if as_json:
        click.echo(json.dumps(one))
        return
    flat = {name: value for name, value in one.items() if not isinstance(value, Mapping)}
    width = max(map(len, flat))
    click.echo("\n".join(f"{name:{width}}  {plain(value)}" for name, value in flat.items()))


def plain(value: object) -> str:
    """A value of JSON for a person to read."""
    if value is None or value == "":
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(plain, value)) if isinstance(value, list | tuple) else str(value)


def account_path(door: Door, *parts: str) -> str:
    """A path of the 2010 API below the account; ClickException when nothing says which account that is."""
    if door.account is None:
        raise click.ClickException("Say whose it is: set LIMPET_ACCOUNT_SID beside the API key.")
    return "/".join(("/2010-04-01/Accounts", quoted(door.account), *parts)) + ".json"


def quoted(part: str) -> str:
    """A part of a path that may hold anything."""
    return quote(part, safe="")
