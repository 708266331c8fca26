"""`limpet dev`, `limpet serve` and `limpet migrate`: the server itself, and its schema."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from limpet.commands.place import run
from limpet.commands.release_options import read_release, release_options
from limpet.config import (
    Config,
    DatabaseConfig,
    DevOptions,
    Ready,
    ServerConfig,
    WebhooksConfig,
    check_listening,
    load_config,
)
from limpet.config_rules import DATA_DIR, DATABASE_URL, HOST, ruled
from limpet.config_smpp_server import SmppServerConfig

if TYPE_CHECKING:
    from limpet.clock import Clock

DEV_PORT = 8080
DEV_SMPP_PORT = 2775
DEV_PROXY_PORT = 8081
_USUAL_PORT = "usual"
_PORT_MAX = 65535
EOF_BYTES = 4096
_TOLD = ("url", "pid", "proxy", "proxy_environment")
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


def _proxy_port(given: str | None, port: int) -> int | None:
    """What `--proxy` says beside `--port`: none, the usual port or a free one, or this port."""
    if given is None:
        return None
    if given == _USUAL_PORT:
        return DEV_PROXY_PORT if port else 0
    if not (given.isascii() and given.isdigit() and int(given) <= _PORT_MAX):
        raise click.UsageError(f"--proxy takes a port from 0 to {_PORT_MAX}, not {given!r}.")
    return int(given)


@click.command()
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
@click.option(
    "--proxy", is_flag=False, flag_value=_USUAL_PORT, metavar="[PORT]",
    help="Stand in for *.twilio.com by a proxy on this port; 8081, or a free one with --port 0.",
)  # fmt: skip
@click.option("--throwaway", is_flag=True, help="Wait for no disk: for tests, whose data nobody misses.")
@click.option("--until-eof", is_flag=True, help="Stop when standard input ends, as it does with whoever started this.")
@click.option("--behind-proxy", is_flag=True, help="Something in front ends TLS: allows a --host beyond this machine.")
@release_options
def dev(
    host: str, port: int, data: Path, ready_json: bool, offset: timedelta, realistic_rates: bool, smpp_port: int | None,
    registration_delay: float, proxy: str | None, throwaway: bool, until_eof: bool, behind_proxy: bool, release_to: str | None,
    release_config: Path | None, release_from: str | None, allow: tuple[str, ...],
) -> None:  # fmt: skip
    """Run Limpet for development: everything included, nothing to set up."""
    server = ServerConfig(host=ruled(HOST, "--host", host), port=port, behind_proxy=behind_proxy)
    check_listening(server)
    config = Config(
        server=server,
        database=DatabaseConfig(data_dir=data.expanduser().absolute()),
        webhooks=WebhooksConfig(allow_loopback=True),
        smpp_server=SmppServerConfig(port=(DEV_SMPP_PORT if port else 0) if smpp_port is None else smpp_port),
    )
    config = replace(config, log=replace(config.log, format="console", level="warning"))
    if until_eof:
        threading.Thread(target=_stop_at_eof, daemon=True).start()
    _serve(
        config,
        offset,
        DevOptions(
            realistic_rates,
            registration_delay,
            read_release(release_to, release_config, release_from, allow),
            throwaway,
            _proxy_port(proxy, port),
        ),
        lambda ready: _dev_ready(ready, config, ready_json),
    )


@click.command()
@click.option("--config", "path", type=click.Path(path_type=Path), required=True, help="limpet.toml.")
def serve(path: Path) -> None:
    """Run Limpet on your own PostgreSQL and carriers."""
    config = load_config(path, os.environ)
    _serve(
        config,
        timedelta(),
        None,
        lambda ready: click.echo(f"Limpet serves at {ready.url} (process {ready.pid}).", err=True),
    )


@click.command()
@click.option("--config", "path", type=click.Path(path_type=Path), help="limpet.toml, whose database is meant.")
@click.option("--database", "url", help="URL of a PostgreSQL: postgresql://user@host/name.")
def migrate(path: Path | None, url: str | None) -> None:
    """Bring the database's schema up to date."""
    if (path is None) == (url is None):
        raise click.UsageError("Give either --config or --database.")
    from limpet.clock import SystemClock
    from limpet.commands import migrate as command

    database = (
        load_config(path, os.environ).database if path else DatabaseConfig(url=ruled(DATABASE_URL, "--database", url))
    )
    applied = run(command.migrate(database, SystemClock()))
    for step in applied:
        click.echo(f"applied {step}")
    if not applied:
        click.echo("The schema is up to date.")


def _serve(config: Config, offset: timedelta, options: DevOptions | None, on_ready: Callable[[Ready], None]) -> None:
    from limpet import server, telemetry
    from limpet.clock import SteppableClock, SystemClock

    telemetry.configure(
        as_json=config.log.format == "json",
        level=config.log.level,
        tracebacks=config.log.format == "json" or bool(os.environ.get(_TRACEBACK_VARIABLE)),
    )
    clock: Clock = SystemClock(offset) if options is None else SteppableClock(offset)
    run(server.serve(config, clock, dev=options, on_ready=on_ready))


def _stop_at_eof() -> None:
    while os.read(0, EOF_BYTES):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _dev_ready(ready: Ready, config: Config, as_json: bool) -> None:
    """Tell where it serves: other programs by a file in the data directory, whoever started it on standard output."""
    from limpet.commands.welcome import welcome
    from limpet.devtools.seed import DEV_FILE, read_dev_file, write_dev_file

    path = config.database.data_dir / DEV_FILE
    write_dev_file(path, {**read_dev_file(path), **{name: getattr(ready, name) for name in _TOLD}})
    if as_json:
        click.echo(json.dumps(asdict(ready)))
        sys.stdout.flush()
    else:
        welcome(ready, config.database.data_dir)
