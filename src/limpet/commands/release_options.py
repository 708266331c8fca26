"""The options of `limpet dev` that let single messages really go: to which carrier, and to whom at most."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import click

from limpet.config import ReleaseOptions, load_config
from limpet.config_rules import ConfigError
from limpet.core.address import parse_recipient, parse_sender

ALLOWED_MAX = 1000


def release_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets them as `release_to`, `release_config`, `release_from` and `allow`."""
    for option in (
        click.option("--allow", multiple=True, help="A person to whom messages may be released; repeat it for more."),
        click.option("--release-from", help="The number that released messages come from; otherwise the one they have."),
        click.option(
            "--release-config", type=click.Path(path_type=Path), help="limpet.toml that has the carrier.",
        ),
        click.option("--release-to", help="A real carrier to which single messages can be released on the page of phones."),
    ):  # fmt: skip
        command = option(command)
    return command


def read_release(
    to: str | None, path: Path | None, sender: str | None, allow: tuple[str, ...]
) -> ReleaseOptions | None:
    """What the options say; None when nothing may be released. ConfigError when they do not belong together."""
    if to is None:
        if path or sender or allow:
            raise ConfigError("--allow, --release-config and --release-from need --release-to.")
        return None
    if path is None or not allow:
        raise ConfigError("--release-to needs --release-config, where the carrier is, and --allow for each person.")
    if len(allow) > ALLOWED_MAX:
        raise ConfigError(f"--allow can be given {ALLOWED_MAX} times at most.")
    carrier = next((each for each in load_config(path, os.environ).carriers if each.name == to), None)
    if carrier is None:
        raise ConfigError(f'{path} has no carrier "{to}".')
    allowed = set()
    for person in allow:
        address = parse_recipient(person)
        if address is None:
            raise ConfigError(f"--allow must be a phone number with its country code, and {person!r} is none.")
        allowed.add(address.value)
    number = None if sender is None else parse_sender(sender)
    if sender is not None and number is None:
        raise ConfigError("--release-from must be a number or a name that messages can come from.")
    return ReleaseOptions(carrier, frozenset(allowed), None if number is None else number.value)
