"""The command line: what a person types, checked, and handed to the part that does it.

Whatever goes wrong is one plain sentence on standard error and exit code 1, never a traceback. Heavy parts are imported by the
command that needs them, so that `limpet --help` answers at once.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from limpet.commands.apply import apply
from limpet.commands.carrier_receipts import receipts, relearn
from limpet.commands.carriers import carriers
from limpet.commands.deactivations import deactivations
from limpet.commands.doctor import doctor
from limpet.commands.explain import explain
from limpet.commands.messages import messages
from limpet.commands.number_health import number_health
from limpet.commands.number_share import set_member, what_if
from limpet.commands.number_swap import swap
from limpet.commands.numbers import numbers
from limpet.commands.operator import account_limits
from limpet.commands.operator import service as service_group
from limpet.commands.opt_out import opt_out
from limpet.commands.people import people
from limpet.commands.registrations import registrations
from limpet.commands.simulate import simulate
from limpet.commands.smpp_credentials import smpp_credentials
from limpet.commands.sticky import sticky
from limpet.commands.sticky_export import export as export_mappings
from limpet.commands.sticky_import import bring as bring_mappings
from limpet.commands.sticky_import import undo as undo_import
from limpet.commands.sticky_log import fetch_log
from limpet.commands.text import text as write_text
from limpet.commands.webhook import webhook
from limpet.config import (
    DATA_DIR,
    Config,
    DatabaseConfig,
    DevOptions,
    Ready,
    ServerConfig,
    WebhooksConfig,
    check_listening,
    load_config,
)
from limpet.config_rules import DATABASE_URL, HOST, ConfigError, Rule, text
from limpet.config_smpp_server import SmppServerConfig

if TYPE_CHECKING:
    from limpet.clock import Clock

DEV_PORT = 8080
DEV_SMPP_PORT = 2775
FRIENDLY_NAME_MAX = 64
INTERRUPTED = 130
_CLOCK = re.compile(r"([+-])(\d{1,5})([dhms])")
_CLOCK_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_TRACEBACK_VARIABLE = "LIMPET_TRACEBACK"


def _offset(_context: click.Context, _option: click.Parameter, given: str) -> timedelta:
    """What `+366d`, `-2h`, `+90m` or `+10s` says."""
    match = _CLOCK.fullmatch(given)
    if match is None:
        raise click.BadParameter(f"{given!r} is not an offset such as +366d, -2h, +90m or +10s.")
    size = timedelta(**{_CLOCK_UNITS[match[3]]: int(match[2])})
    return size if match[1] == "+" else -size


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="limpet", message="limpet %(version)s")
def cli() -> None:
    """A messaging server that always answers a person from the same number, on Twilio's wire."""


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEV_PORT, show_default=True, help="Port; 0 takes a free one."
)
@click.option(
    "--data", type=click.Path(path_type=Path), default=DATA_DIR, show_default=True, help="Where everything is kept."
)
@click.option("--ready-json", is_flag=True, help="Print one JSON object, and nothing else, once it can serve.")
@click.option("--clock", "offset", callback=_offset, default="+0s", help="Start with the clock moved, such as +366d.")
@click.option("--realistic-rates", is_flag=True, help="Numbers send as slowly as real ones do.")
@click.option(
    "--smpp-port", type=click.IntRange(0, 65535), help="Port for SMPP clients; 2775, or a free one with --port 0."
)
@click.option(
    "--registration-delay", type=click.FloatRange(0, 86_400), default=1.0, show_default=True,
    help="Seconds that the simulated registrar takes to decide.",
)  # fmt: skip
@click.option("--behind-proxy", is_flag=True, help="Something in front ends TLS: allows a --host beyond this machine.")
def dev(
    host: str, port: int, data: Path, ready_json: bool, offset: timedelta, realistic_rates: bool, smpp_port: int | None,
    registration_delay: float, behind_proxy: bool,
) -> None:  # fmt: skip
    """Run Limpet for development: database, simulated carrier, account, numbers and service included."""
    server = ServerConfig(host=_ruled(HOST, "--host", host), port=port, behind_proxy=behind_proxy)
    check_listening(server)
    config = Config(
        server=server,
        database=DatabaseConfig(data_dir=data.expanduser().absolute()),
        webhooks=WebhooksConfig(allow_loopback=True),
        smpp_server=SmppServerConfig(port=(DEV_SMPP_PORT if port else 0) if smpp_port is None else smpp_port),
    )
    config = replace(config, log=replace(config.log, format="console", level="warning"))
    _serve(
        config,
        offset,
        DevOptions(realistic_rates, registration_delay),
        lambda ready: _dev_ready(ready, config, ready_json),
    )


@cli.command()
@click.option("--config", "path", type=click.Path(path_type=Path), required=True, help="limpet.toml.")
def serve(path: Path) -> None:
    """Run Limpet on your own PostgreSQL and carriers; nothing is seeded."""
    config = load_config(path, os.environ)
    _serve(
        config,
        timedelta(),
        None,
        lambda ready: click.echo(f"Limpet serves at {ready.url} (process {ready.pid}).", err=True),
    )


@cli.command()
@click.option("--config", "path", type=click.Path(path_type=Path), help="limpet.toml, whose database is meant.")
@click.option("--database", "url", help="URL of a PostgreSQL: postgresql://user@host/name.")
def migrate(path: Path | None, url: str | None) -> None:
    """Bring the database's schema up to date."""
    if (path is None) == (url is None):
        raise click.UsageError("Give either --config or --database.")
    from limpet.clock import SystemClock
    from limpet.commands import migrate as command

    database = (
        load_config(path, os.environ).database if path else DatabaseConfig(url=_ruled(DATABASE_URL, "--database", url))
    )
    applied = _run(command.migrate(database, SystemClock()))
    for step in applied:
        click.echo(f"applied {step}")
    if not applied:
        click.echo("The schema is up to date.")


@cli.group()
def account() -> None:
    """Accounts: who may send."""


@account.command()
@click.option("--config", "path", type=click.Path(path_type=Path), required=True, help="limpet.toml.")
@click.option("--name", default="Limpet", show_default=True, help="What the account is called.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def create(path: Path, name: str, as_json: bool) -> None:
    """Make an account and show its credentials."""
    from limpet.clock import SystemClock
    from limpet.commands import account as command

    config = load_config(path, os.environ)
    name = _ruled(text(FRIENDLY_NAME_MAX), "--name", name)
    made = asdict(_run(command.create_account(config, name, SystemClock())))
    click.echo(json.dumps(made) if as_json else "\n".join(f"{each:13}  {value}" for each, value in made.items()))


account.add_command(account_limits)
for extension in (swap, number_health, set_member, what_if):
    numbers.add_command(extension)
for extension in (receipts, relearn):
    carriers.add_command(extension)
for transfer in (bring_mappings, undo_import, export_mappings, fetch_log):
    sticky.add_command(transfer)
for command in (apply, carriers, deactivations, doctor, explain, messages, numbers, people, service_group, sticky):
    cli.add_command(command)
cli.add_command(opt_out)
cli.add_command(simulate)
cli.add_command(smpp_credentials)
cli.add_command(registrations)
cli.add_command(webhook)
cli.add_command(write_text)


def _ruled(rule: Rule, name: str, value: object) -> Any:
    """An option held to the rule of the setting that it stands for."""
    try:
        return rule.read(value)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{name} must be {rule.what}.") from error


def _serve(config: Config, offset: timedelta, options: DevOptions | None, on_ready: Callable[[Ready], None]) -> None:
    from limpet import server, telemetry
    from limpet.clock import SystemClock

    telemetry.configure(
        as_json=config.log.format == "json",
        level=config.log.level,
        tracebacks=config.log.format == "json" or bool(os.environ.get(_TRACEBACK_VARIABLE)),
    )
    clock: Clock = SystemClock(offset)
    _run(server.serve(config, clock, dev=options, on_ready=on_ready))


def _dev_ready(ready: Ready, config: Config, as_json: bool) -> None:
    """Tell where it serves: other programs by a file in the data directory, whoever started it on standard output."""
    from limpet.commands.welcome import welcome
    from limpet.devtools.seed import DEV_FILE, read_dev_file, write_dev_file

    path = config.database.data_dir / DEV_FILE
    write_dev_file(path, {**read_dev_file(path), "url": ready.url, "pid": ready.pid})
    if as_json:
        click.echo(json.dumps(asdict(ready)))
        sys.stdout.flush()
    else:
        welcome(ready, config.database.data_dir)


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end, on the faster loop where there is one."""
    import asyncio

    if sys.platform == "win32":
        return asyncio.run(work)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def main() -> None:
    """The entry point: every failure a sentence."""
    if os.environ.get(_TRACEBACK_VARIABLE):
        sys.exit(cli.main(standalone_mode=False))
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.exceptions.Abort:
        sys.exit(INTERRUPTED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
    except click.ClickException as error:
        _fail(error.format_message())
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a person gets a sentence
        _fail(_sentence(error))


def _sentence(error: Exception) -> str:
    from limpet.store.database import DatabaseUnusable

    if isinstance(error, DatabaseUnusable | ConfigError | OSError):
        return " ".join(str(error).split())
    return (
        f"Something went wrong that should not ({type(error).__name__}: {error}); {_TRACEBACK_VARIABLE}=1 shows where."
    )


def _fail(sentence: str) -> None:
    click.echo(f"limpet: {sentence}", err=True)
    sys.exit(1)
