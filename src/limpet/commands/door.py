"""How commands speak to a running Limpet: over its HTTP API like any customer, found by data directory or environment."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import click

from limpet.config_rules import DATA_DIR

if TYPE_CHECKING:
    from urllib.error import HTTPError
    from urllib.request import OpenerDirector

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
    account: str | None = None
    service: str | None = None
    """The service that is meant where none is named: the one that `limpet dev` was seeded with."""


def door_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--data` and `--json`."""
    command = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
    return click.option(
        "--data", type=click.Path(path_type=Path), is_eager=True, help="Data directory of a running `limpet dev`."
    )(command)  # fmt: skip


def service_option(command: Callable[..., None]) -> Callable[..., None]:
    """`--service`, which may be left out where a `limpet dev` or LIMPET_SERVICE_SID names one."""
    return click.option(
        "--service", callback=_seeded, help="SID of the service (MG…); of a `limpet dev` its own, if left out."
    )(command)


def _seeded(context: click.Context, option: click.Parameter, value: str | None) -> str:
    data = context.params.get("data")
    if value is None:
        try:
            value = find_door(data, os.environ).service
        except click.ClickException:
            if data is not None:
                raise
    if value is None:
        raise click.MissingParameter(ctx=context, param=option)
    return value


def find_door(data: Path | None, environment: Mapping[str, str]) -> Door:
    """From the data directory when one is named, else from the environment, else from the usual data directory."""
    if data is None and (url := environment.get("LIMPET_URL")):
        user = environment.get("LIMPET_API_KEY_SID") or environment.get("LIMPET_ACCOUNT_SID")
        secret = environment.get(
            "LIMPET_API_KEY_SECRET" if environment.get("LIMPET_API_KEY_SID") else "LIMPET_AUTH_TOKEN"
        )
        if not (user and secret):
            raise click.ClickException(f"Credentials are missing: set {_VARIABLES}.")
        return Door(
            url.rstrip("/"),
            user,
            secret,
            environment.get("LIMPET_ACCOUNT_SID") or None,
            environment.get("LIMPET_SERVICE_SID") or None,
        )
    return _door_of(data or DATA_DIR)


def _door_of(data: Path) -> Door:
    path = data / _DEV_FILE
    try:
        kept = json.loads(path.read_text())
        return Door(kept["url"], kept["account_sid"], kept["auth_token"], kept["account_sid"], kept.get("service_sid"))
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
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import Request

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
    from http.client import HTTPException

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
    from urllib.request import ProxyHandler, build_opener

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
