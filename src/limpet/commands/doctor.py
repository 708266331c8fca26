"""`limpet doctor`: looks at everything that a server will need, says what is wrong and what to do."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from limpet.commands.place import run
from limpet.commands.table import print_table

if TYPE_CHECKING:
    from limpet.commands.finding import Finding
    from limpet.config import Config
    from limpet.store.carriers import LaneView

START_S = 60.0
"""So long may an embedded database take to come up and be looked at."""


@click.command()
@click.option("--config", "path", type=click.Path(path_type=Path), required=True, help="limpet.toml.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0.1, 60.0),
    default=5.0,
    show_default=True,
    help="Seconds for each check.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(path: Path, timeout_s: float, as_json: bool) -> None:
    """Check configuration, database, carriers, certificates and limits.

    URLs too; exit code 1 when something fails.

    Carriers are bound to and unbound from, unless a running Limpet is bound to them; no message is sent. An embedded database
    that does not run is started for the while.
    """
    from limpet.commands.finding import Verdict
    from limpet.config import load_config

    found = run(_examine(load_config(path, os.environ), timeout_s))
    failed = any(one.verdict is Verdict.FAIL for one in found)
    if as_json:
        click.echo(json.dumps({"healthy": not failed, "findings": [asdict(one) for one in found]}))
    else:
        print_table(
            ("where", "what", "", "found", "to do"), [(o.area, o.check, o.verdict, o.detail, o.advice) for o in found]
        )
    if failed:
        sys.exit(1)


async def _examine(config: Config, timeout_s: float) -> list[Finding]:
    """All findings, in the order of the report. Checks that do not need each other run at the same time."""
    from limpet.commands import doctor_server as here
    from limpet.commands.doctor_database import check_disk
    from limpet.commands.finding import guarded

    database, bound = await _database(config, timeout_s)
    carriers = asyncio.gather(*(_carrier(config, place, bound, timeout_s) for place in range(len(config.carriers))))
    rest = asyncio.gather(
        guarded("limpet", "versions", here.check_versions(), timeout_s),
        guarded("limpet", "open files", here.check_files(), timeout_s),
        guarded("server", "TLS", here.check_tls(config.server), timeout_s),
        guarded("server", "public_url", here.check_public_url(config.server, timeout_s), 2 * timeout_s),
        guarded("webhooks", "allow-lists", here.check_webhooks(config.webhooks), timeout_s),
        guarded("database", "disk", check_disk(config.database), timeout_s),
    )
    versions, files, tls, url, webhooks, disk = await rest
    asked = [finding for found in await carriers for finding in found]
    return [*versions, *files, *database, *disk, *asked, *here.routing(config), *tls, *url, *webhooks]


async def _database(config: Config, timeout_s: float) -> tuple[list[Finding], Mapping[str, LaneView]]:
    """What the database says, and which carriers a running server is bound to."""
    from limpet.commands.doctor_carriers import bound_lanes
    from limpet.commands.doctor_database import AREA, check_database, reached
    from limpet.commands.finding import guarded
    from limpet.store.database import migrations

    bound: Mapping[str, LaneView] = {}

    async def look() -> list[Finding]:
        nonlocal bound
        async with reached(config.database) as database:
            found = await check_database(database, config.database)
            if await database.schema_version() == migrations()[-1].number:
                bound = await bound_lanes(database)
            return found

    limit_s = timeout_s if config.database.url is not None else START_S
    return await guarded(AREA, "reachable", look(), limit_s), bound


async def _carrier(config: Config, place: int, bound: Mapping[str, LaneView], timeout_s: float) -> list[Finding]:
    from limpet.commands.doctor_carriers import ADVICE, check_carrier
    from limpet.commands.finding import guarded

    carrier = config.carriers[place]
    steps = len(ADVICE)
    return await guarded(f"carrier {carrier.name}", "bind", check_carrier(carrier, bound, timeout_s), steps * timeout_s)
