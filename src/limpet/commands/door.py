"""How commands speak to a running Limpet: over its HTTP API like any customer, found by data directory or environment."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

import click

from limpet.config import DATA_DIR

TIMEOUT_S = 10
ANSWER_BYTES_MAX = 10_000_000
PART_BYTES = 1 << 16
NOT_FOUND = 404
_DEV_FILE = "dev.json"
_VARIABLES = (
    "LIMPET_URL and LIMPET_ACCOUNT_SID with LIMPET_AUTH_TOKEN, "
    "or LIMPET_URL and LIMPET_API_KEY_SID with LIMPET_API_KEY_SECRET"
)


@dataclass(frozen=True, slots=True)
class Door:
    """Where a Limpet is and as whom to speak to it."""

    url: str
    user: str
    secret: str


def door_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--data` and `--json`."""
    command = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
    return click.option(
        "--data", type=click.Path(path_type=Path), help="Data directory of a running `limpet dev`."
    )(command)  # fmt: skip


def find_door(data: Path | None, environment: Mapping[str, str]) -> Door:
    """From the data directory when one is named, else from the environment, else from the usual data directory."""
    if data is None and (url := environment.get("LIMPET_URL")):
        user = environment.get("LIMPET_API_KEY_SID") or environment.get("LIMPET_ACCOUNT_SID")
        secret = environment.get(
            "LIMPET_API_KEY_SECRET" if environment.get("LIMPET_API_KEY_SID") else "LIMPET_AUTH_TOKEN"
        )
        if not (user and secret):
            raise click.ClickException(f"Credentials are missing: set {_VARIABLES}.")
        return Door(url.rstrip("/"), user, secret)
    return _door_of(data or DATA_DIR)


def _door_of(data: Path) -> Door:
    path = data / _DEV_FILE
    try:
        kept = json.loads(path.read_text())
        return Door(kept["url"], kept["account_sid"], kept["auth_token"])
    except FileNotFoundError as error:
        raise click.ClickException(
            f"There is no {path}: give --data of a running `limpet dev`, or set {_VARIABLES}."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise click.ClickException(
            f"{path} does not say where a Limpet is: start `limpet dev` on that directory."
        ) from error


Fields = Mapping[str, str | Sequence[str]]


def call(
    door: Door,
    method: str,
    path: str,
    query: Fields | None = None,
    form: Fields | None = None,
    *,
    file: Iterable[bytes] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Any:
    """The answer's JSON to a request for `path`, an empty object for an empty answer; None for 404. A `file` is sent as it is.

    ClickException, in one sentence, for anything else that is no success.
    """
    body = file if form is None else urlencode(form, doseq=True).encode()
    parts = _answered(door, method, path, query, body, timeout_s)
    if parts is None:
        return None
    answer = b"".join(parts)
    try:
        return json.loads(answer) if answer else {}
    except ValueError as error:
        raise click.ClickException(f"What answers at {door.url} is not a Limpet.") from error


def download(
    door: Door, path: str, query: Fields | None = None, timeout_s: float = TIMEOUT_S
) -> Iterator[bytes] | None:
    """What is answered to GET, of any length, as it comes; None for 404. ClickException as in `call`."""
    return _answered(door, "GET", path, query, None, timeout_s)


def stream(door: Door, path: str, query: Fields) -> Iterator[bytes]:
    """The lines of an answer, as they come, each with its end; what cannot be had is a ClickException as with `call`."""
    parts = download(door, path, query)
    if parts is None:
        raise click.ClickException(f"{door.url} has no {path}.")
    begun = b""
    for part in parts:
        *lines, begun = (begun + part).splitlines(keepends=True) or [b""]
        if begun.endswith(b"\n"):
            lines, begun = [*lines, begun], b""
        yield from lines
    if begun:
        yield begun


def _answered(
    door: Door, method: str, path: str, query: Fields | None, body: bytes | Iterable[bytes] | None, timeout_s: float
) -> Iterator[bytes] | None:
    url = door.url + path + (f"?{urlencode(query, doseq=True)}" if query else "")
    credentials = base64.b64encode(f"{door.user}:{door.secret}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}"}
    if body is not None and not isinstance(body, bytes):
        headers["Content-Type"] = "application/octet-stream"
    request = Request(url, body, headers, method=method)  # noqa: S310 - checked below
    if urlsplit(url).scheme not in ("http", "https"):
        raise click.ClickException(f"{door.url} is not a URL such as http://127.0.0.1:8080.")
    try:
        return _parts(opener(url).open(request, timeout=timeout_s), door)
    except HTTPError as error:
        if (refused := _refusal(error, door)) is None:
            return None
        raise refused from error
    except (URLError, OSError, HTTPException) as error:
        raise click.ClickException(f"No Limpet answers at {door.url}: {getattr(error, 'reason', error)}.") from error


def _parts(response: Any, door: Door) -> Iterator[bytes]:
    with response:
        while True:
            try:
                part = response.read(PART_BYTES)
            except (OSError, HTTPException) as error:
                raise click.ClickException(f"The answer of {door.url} broke off: {error}.") from error
            if not part:
                return
            yield part


def opener(url: str) -> OpenerDirector:
    """Without a proxy to this machine: none could reach it."""
    local = urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")
    return build_opener(ProxyHandler({})) if local else build_opener()


def _refusal(error: HTTPError, door: Door) -> click.ClickException | None:
    """What to say to the person; None when the API says that there is no such thing."""
    try:
        answer = json.loads(error.read(ANSWER_BYTES_MAX))
        code, message = int(answer["code"]), str(answer["message"])
    except (ValueError, KeyError, TypeError):
        return click.ClickException(f"What answers at {door.url} is not a Limpet (HTTP {error.code}).")
    return None if error.code == NOT_FOUND else click.ClickException(f"{message.rstrip('.')} (error {code}).")
