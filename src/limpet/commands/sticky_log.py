"""`limpet sticky fetch-log`: the message log of a Twilio account through Twilio's API, as a file for `limpet sticky import`.

Of each message only what the import reads is written: no text leaves Twilio. A fetch that broke carries on with its last page.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request

import click

from limpet.commands.door import opener

TWILIO_URL = "https://api.twilio.com"
PAGE_SIZE = 1000
DAYS_MAX = 400
"""Twilio keeps messages for that long."""
TRIES_MAX = 8
PAUSE_S = 1.0
PAUSE_S_MAX = 60.0
TIMEOUT_S = 60
PAGE_BYTES_MAX = 64 << 20
KEPT = ("from", "to", "direction", "status", "date_sent", "date_created", "messaging_service_sid", "sid")
_AGAIN = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Source:
    """Whose log, and where it is."""

    url: str
    user: str
    secret: str
    account: str


@click.command("fetch-log")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--days", type=click.IntRange(1, DAYS_MAX), default=365, show_default=True, help="How far back.")
@click.option("--url", default=TWILIO_URL, show_default=True, help="Where the API is.")
def fetch_log(file: Path, days: int, url: str) -> None:
    """Write the message log of a Twilio account to FILE, to be imported.

    The account is named by TWILIO_ACCOUNT_SID with TWILIO_AUTH_TOKEN, or with TWILIO_API_KEY and TWILIO_API_SECRET.
    """
    if file.exists() and not _mark(file).exists():
        raise click.ClickException(f"{file} is there already, and whole.")
    count = _fetch(_source(url, os.environ), file, datetime.now(UTC) - timedelta(days=days), time.sleep)
    click.echo(f"{count} messages in {file}. Next: limpet sticky import {file} --service MG… --dry-run", err=True)


def _source(url: str, environment: Mapping[str, str]) -> Source:
    account, key = environment.get("TWILIO_ACCOUNT_SID"), environment.get("TWILIO_API_KEY")
    secret = environment.get("TWILIO_API_SECRET" if key else "TWILIO_AUTH_TOKEN")
    if not (account and secret):
        raise click.ClickException(
            "Credentials are missing: set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or an API key and its secret."
        )
    if urlsplit(url).scheme not in ("http", "https"):
        raise click.ClickException(f"{url} is not a URL such as {TWILIO_URL}.")
    return Source(url.rstrip("/"), key or account, secret, account)


def _mark(file: Path) -> Path:
    """Where it is noted how far a fetch is."""
    return file.with_name(file.name + ".next")


def _fetch(source: Source, file: Path, since: datetime, pause: Callable[[float], None]) -> int:
    """Fetch page by page; how many messages the file has in the end."""
    path, size, count = _begin(source, file, since)
    with file.open("r+b" if file.exists() else "w+b") as opened:
        opened.truncate(size)
        opened.seek(size)
        with click.progressbar(length=0, label="fetching", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
            while path:
                page = _page(source, path, pause)
                for message in page["messages"]:
                    kept = {name: message.get(name) for name in KEPT}
                    opened.write(json.dumps(kept).encode() + b"\n")
                count += len(page["messages"])
                opened.flush()
                path = page.get("next_page_uri") or ""
                _note(_mark(file), {"path": path, "size": opened.tell(), "count": count})
                bar.update(len(page["messages"]))
    _mark(file).unlink()
    return count


def _begin(source: Source, file: Path, since: datetime) -> tuple[str, int, int]:
    """The first page to be fetched, how long the file is that comes before it, and how many messages that has."""
    if file.exists() and _mark(file).exists():
        told = json.loads(_mark(file).read_text())
        return told["path"], told["size"], told["count"]
    query = urlencode({"PageSize": PAGE_SIZE, "DateSent>": since.date().isoformat()})
    path = f"/2010-04-01/Accounts/{source.account}/Messages.json?{query}"
    _note(_mark(file), {"path": path, "size": 0, "count": 0})
    return path, 0, 0


def _note(mark: Path, told: Mapping[str, object]) -> None:
    unfinished = mark.with_name(mark.name + ".part")
    unfinished.write_text(json.dumps(told))
    unfinished.replace(mark)


def _page(source: Source, path: str, pause: Callable[[float], None]) -> dict[str, Any]:
    """One page, asked for again while the API is busy."""
    credentials = base64.b64encode(f"{source.user}:{source.secret}".encode()).decode()
    url = source.url + path
    request = Request(url, headers={"Authorization": f"Basic {credentials}"})  # noqa: S310 - checked where it is read
    for tried in range(1, TRIES_MAX + 1):
        try:
            with opener(url).open(request, timeout=TIMEOUT_S) as response:
                page = json.loads(response.read(PAGE_BYTES_MAX))
            if isinstance(page.get("messages"), list):
                return dict(page)
            raise click.ClickException(f"What answers at {source.url} is not Twilio's API.")
        except HTTPError as error:
            if error.code not in _AGAIN or tried == TRIES_MAX:
                raise click.ClickException(f"{source.url} refuses: HTTP {error.code}. {_KEPT_SO_FAR}") from error
            wait = error.headers.get("Retry-After", "")
            pause(min(float(wait) if wait.isdigit() else PAUSE_S * 2**tried, PAUSE_S_MAX))
        except (URLError, OSError, HTTPException, ValueError, AttributeError) as error:
            if tried == TRIES_MAX:
                raise click.ClickException(f"{source.url} cannot be reached: {error}. {_KEPT_SO_FAR}") from error
            pause(min(PAUSE_S * 2**tried, PAUSE_S_MAX))
    raise AssertionError("unreachable")


_KEPT_SO_FAR = "The same command carries on from here."
