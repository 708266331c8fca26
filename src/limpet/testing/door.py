"""How tests speak to the server: JSON and forms over HTTP on this machine, by no proxy, and what is refused as one sentence."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

TIMEOUT_S = 40.0
"""Longer than a long poll."""
Fields = Mapping[str, str | Sequence[str]]


class LimpetError(Exception):
    """What a test asked of Limpet could not be; in one sentence."""


class Door:
    """A server at a URL, and the account as which the API is asked."""

    def __init__(self, url: str, account_sid: str, auth_token: str) -> None:
        self._url = url
        secret = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        self._authorization = f"Basic {secret}"
        self._opener = build_opener(ProxyHandler({}))

    def get(self, path: str, query: Fields) -> Any:
        """What is at a path of the pages."""
        return self._ask(Request(f"{self._url}{path}?{urlencode(query, doseq=True)}"))  # noqa: S310 - our own server

    def post(self, path: str, value: object) -> Any:
        """Post JSON to a path of the pages."""
        return self._ask(Request(self._url + path, json.dumps(value).encode(), {"Content-Type": "application/json"}))  # noqa: S310

    def api(self, method: str, path: str, form: Fields | None = None) -> Any:
        """Ask the API, as the account."""
        body = None if form is None else urlencode(form, doseq=True).encode()
        headers = {"Authorization": self._authorization}
        return self._ask(Request(self._url + path, body, headers, method=method))  # noqa: S310

    def _ask(self, request: Request) -> Any:
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                return json.load(answer)
        except HTTPError as error:
            raise LimpetError(_sentence(error)) from None
        except (URLError, HTTPException, OSError) as error:
            raise LimpetError(f"Limpet at {self._url} does not answer: {error}.") from error


def _sentence(error: HTTPError) -> str:
    try:
        said = json.load(error)["message"]
    except (ValueError, KeyError, TypeError, OSError):
        said = error.reason
    return f"Limpet refused that ({error.code}): {said}"
