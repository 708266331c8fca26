"""`limpet simulate …`: how the simulated carrier of a running `limpet dev` behaves, through its HTTP API."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from limpet.commands.door import call, find_door

PLACE = "/v1/Simulator/Behaviour"
RECEIPTS = ("on-time", "early", "twice", "never")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)(%?)")


def _share(_context: click.Context, _parameter: click.Parameter, given: str) -> str:
    """What `10%` or `0.1` says, as the API wants it."""
    match = _SHARE.fullmatch(given)
    share = -1.0 if match is None else float(match[1]) / (100 if match[2] else 1)
    if not 0 <= share <= 1:
        raise click.BadParameter(f"{given!r} is not a share such as 10% or 0.1.")
    return str(share)


@click.group()
def simulate() -> None:
    """Let it be slow, throttle, lose, refuse or be gone."""


def _options(*, passing: bool = True) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def added(command: Callable[..., None]) -> Callable[..., None]:
        options = [
            click.option("--data", type=click.Path(path_type=Path), help="Data directory of the `limpet dev`."),
            click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        ]
        if passing:
            options.append(click.option("--for", "for_s", type=float, help="For so many seconds, then as before."))
        for option in reversed(options):
            command = option(command)
        return command

    return added


@simulate.command()
@_options(passing=False)
def show(data: Path | None, as_json: bool) -> None:
    """Show how it behaves."""
    _say(_ask(data, "GET"), as_json)


@simulate.command()
@_options(passing=False)
def reset(data: Path | None, as_json: bool) -> None:
    """Let it behave as at the start."""
    _say(_ask(data, "DELETE"), as_json)


@simulate.command()
@_options()
@click.argument("share", callback=_share, default="100%")
def throttle(share: str, data: Path | None, as_json: bool, for_s: float | None) -> None:
    """Refuse SHARE of all submits as too many for the moment."""
    _change(data, as_json, for_s, Throttle=share)


@simulate.command()
@_options()
@click.argument("share", callback=_share)
def lose(share: str, data: Path | None, as_json: bool, for_s: float | None) -> None:
    """Take SHARE of all submits and never tell what became of them."""
    _change(data, as_json, for_s, Lose=share)


@simulate.command()
@_options()
@click.argument("seconds", type=float)
def delay(seconds: float, data: Path | None, as_json: bool, for_s: float | None) -> None:
    """Answer each submit after SECONDS."""
    _change(data, as_json, for_s, SubmitDelay=str(seconds))


@simulate.command()
@_options()
@click.argument("when", type=click.Choice(RECEIPTS), default="on-time")
@click.option("--late", type=float, help="So many seconds after the answer.")
@click.option("--state", help="What they say, such as undeliverable or expired.")
def receipts(
    when: str, late: float | None, state: str | None, data: Path | None, as_json: bool, for_s: float | None
) -> None:
    """Say WHEN receipts come: on time, before the answer, twice or never; and what they say."""
    _change(data, as_json, for_s, Receipts=when, ReceiptDelay="" if late is None else str(late), State=state or "")


@simulate.command()
@_options()
@click.argument("number")
@click.argument("status", default="RINVDSTADR")
def refuse(number: str, status: str, data: Path | None, as_json: bool, for_s: float | None) -> None:
    """Refuse every message to or from NUMBER with a STATUS of SMPP's; `none` takes them again."""
    _change(data, as_json, for_s, Refuse=f"{number}={'' if status == 'none' else status}")


@simulate.command()
@_options()
@click.argument("whose")
@click.argument("fate")
def fate(whose: str, fate: str, data: Path | None, as_json: bool, for_s: float | None) -> None:
    """Let the messages of WHOSE, a number or a share such as 10%, end as FATE: lost, undelivered-30003, failed-30034 and so on;
    `none` lets a number's fare as all others."""
    if (share := _SHARE.fullmatch(whose)) and share[2]:
        ended = fate == "none"
        said = "0" if ended else str(float(share[1]) / 100)
        _change(data, as_json, for_s, FateShare=said, Fate="" if ended else fate)
    else:
        _change(data, as_json, for_s, Fates=f"{whose}={'' if fate == 'none' else fate}")


@simulate.command()
@_options(passing=False)
@click.option("--down", type=float, help="Take no connection for so many seconds.")
def disconnect(down: float | None, data: Path | None, as_json: bool) -> None:
    """Cut every connection."""
    _change(data, as_json, None, Disconnect="true", Down="" if down is None else str(down))


@simulate.command()
@_options(passing=False)
@click.argument("number", type=int)
def seed(number: int, data: Path | None, as_json: bool) -> None:
    """Let chance begin anew: after the same NUMBER the same submits fare the same."""
    _change(data, as_json, None, Seed=str(number))


def _change(data: Path | None, as_json: bool, for_s: float | None, **form: str) -> None:
    asked = {**form, "For": "" if for_s is None else str(for_s)}
    _say(_ask(data, "POST", {name: value for name, value in asked.items() if value}), as_json)


def _ask(data: Path | None, method: str, form: dict[str, str] | None = None) -> Any:
    answer = call(find_door(data, os.environ), method, PLACE, form=form)
    if answer is None:
        raise click.ClickException("This Limpet has no simulated carrier: only `limpet dev` has one.")
    return answer


def _say(now: Any, as_json: bool) -> None:
    width = max(map(len, now))
    click.echo(json.dumps(now) if as_json else "\n".join(f"{name:{width}}  {value}" for name, value in now.items()))
