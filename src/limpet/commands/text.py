"""`limpet text`: a person of the simulated carrier writes to one of the account's numbers, through the API of a `limpet dev`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from limpet.commands.door import call, door_options, find_door


@click.command()
@click.option("--from", "person", required=True, help="Who writes: any phone number.")
@click.option("--to", "number", required=True, help="The account's number that they write to.")
@door_options
@click.option("--media", multiple=True, help="URL of something that comes with it; may be given several times.")
@click.argument("body")
def text(person: str, number: str, data: Path | None, as_json: bool, media: tuple[str, ...], body: str) -> None:
    """Let a person send BODY to a number, as a phone would."""
    form = {"From": person, "To": number, "Body": body, "MediaUrl": media}
    answer = call(find_door(data, os.environ), "POST", "/v1/Simulator/Texts", form=form)
    if answer is None:
        raise click.ClickException("This Limpet has no simulated carrier: only `limpet dev` has one.")
    click.echo(json.dumps(answer) if as_json else f"{answer['from']} has written to {answer['to']}.")
