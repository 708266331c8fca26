"""Where the client thinks it is talking to: what absolute URLs in answers begin with.

Official clients fetch such URLs as they are, with credentials, so they must lead back by the way the request came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address

from starlette.types import Scope

from limpet.web.deps import Network

_HOST = re.compile(rb"[A-Za-z0-9._\-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_SCHEMES = (b"http", b"https")


def origin_of(
    scope: Scope, headers: Mapping[bytes, bytes], public_url: str | None, trusted_proxies: Sequence[Network]
) -> str:
    """Scheme and host without a slash at the end: `public_url`, or what a trusted proxy forwards, or the request's own."""
    if public_url is not None:
        return public_url.rstrip("/")
    scheme, host = str(scope.get("scheme", "http")).encode(), headers.get(b"host", b"")
    client = scope.get("client")
    if client is not None and _is_within(client[0], tuple(trusted_proxies)):
        scheme = _first(headers.get(b"x-forwarded-proto")) or scheme
        host = _first(headers.get(b"x-forwarded-host")) or host
    if not _HOST.fullmatch(host):
        host = _server(scope)
    return f"{(scheme if scheme in _SCHEMES else b'http').decode()}://{host.decode()}"


def client_of(peer: str | None, headers: Mapping[bytes, bytes], trusted_proxies: Sequence[Network]) -> str:
    """The address that a request comes from: what the last of the trusted proxies has seen, or else who is at the other end."""
    networks, client = tuple(trusted_proxies), peer or ""
    for told in reversed(headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",")):
        if not _is_within(client, networks):
            return client
        client = told.strip() or client
    return client


def _first(header: bytes | None) -> bytes | None:
    return header.split(b",")[0].strip() if header else None


def _server(scope: Scope) -> bytes:
    name, port = scope.get("server") or ("localhost", None)
    shown = f"[{name}]" if ":" in name else name
    return (f"{shown}:{port}" if port else shown).encode()


@lru_cache(maxsize=4096)
def _is_within(client: str, networks: tuple[Network, ...]) -> bool:
    try:
        address = ip_address(client)
    except ValueError:
        return False
    return any(address in network for network in networks)
