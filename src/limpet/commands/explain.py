"""`limpet explain`: who a message to a person would come from, and why not from the others. Nothing is sent and nothing written.

It speaks to the API like any customer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from limpet.commands.door import call, door_options, find_door, service_option
from limpet.commands.table import print_table


@click.command()
@service_option
@click.option("--to", required=True, help="The person's number.")
@click.option("--media", help="URL of a medium that would go along.")
@click.option("--from", "sender", help="A number of the pool that would be named.")
@click.option("--at", help="When it would be sent, such as 2027-01-31T09:00:00Z; now, if not given.")
@door_options
def explain(
    service: str, to: str, media: str | None, sender: str | None, at: str | None, data: Path | None, as_json: bool
) -> None:
    """Show which number a message to a person would come from, and why.

    It names the rule, and for each other number what keeps it from being chosen.
    """
    given = {"To": to, "MediaUrl": media, "From": sender, "At": at}
    form = {name: value for name, value in given.items() if value is not None}
    path = f"/v1/Services/{quote(service, safe='')}/SenderSelection"
    found = call(find_door(data, os.environ), "POST", path, form=form)
    if found is None:
        raise click.ClickException(f"The account has no service {service}.")
    if as_json:
        click.echo(json.dumps(found))
        return
    click.echo(_sentence(found))
    rows = [
        (
            one["from"],
            "chosen" if one["chosen"] else _words(one["why_not"]),
            _words(one["rung"]),
        )
        for one in found["candidates"]
    ]
    if rows:
        print_table(("number", "why", "rung"), rows)


def _sentence(found: Mapping[str, Any]) -> str:
    """The decision in a line."""
    to, sticky = found["to"], found["sticky"]
    if found["from"] is None:
        return f"A message to {to} has no sender: error {found['error_code']}."
    link = ", with a link in the place of its media" if found["as_link"] else ""
    cause = f" ({_words(found['cause'])})" if found["cause"] else ""
    mapping = {
        "created": "The mapping would be made",
        "used": "It is the number that the person hears from",
        "replaced": "The mapping would be replaced",
        "bypassed": "The mapping would be passed by",
        "off": "No mapping is concerned",
    }[sticky]
    return f"A message to {to} comes from {found['from']}{link}: {_words(found['reason'])}. {mapping}{cause}."


def _words(name: str | None) -> str:
    return "-" if name is None else name.replace("_", " ")
