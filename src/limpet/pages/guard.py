"""What pages are protected by: headers, hosts by which they may be asked for, and the token without which nothing is posted.

Pure but for the chance of a new cookie, which is an argument.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Final

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
COOKIE: Final = "limpet_page"
COOKIE_BYTES: Final = 16
TOKEN_HEADER: Final = b"x-csrf-token"
_COOKIE = re.compile(f"[0-9a-f]{{{2 * COOKIE_BYTES}}}")
_ELSEWHERE: Final = (b"cross-site", b"same-site")


def is_loopback(host: bytes) -> bool:
    """Whether a `Host` header names this machine as only this machine does.

    A page of a stranger can make a name of its own lead to 127.0.0.1 (DNS rebinding); what it cannot do is come by one of these.
    """
    name = host.decode("latin-1").rsplit(":", 1)[0] if not host.endswith(b"]") else host.decode("latin-1")
    name = name.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def is_here(peer: str | None) -> bool:
    """Whether a request comes from this machine itself. `peer` is an address, None for a socket in the file system."""
    try:
        return peer is None or ip_address(peer).is_loopback
    except ValueError:
        return False


def comes_from_elsewhere(headers: Mapping[bytes, bytes], seen: str | None = None) -> bool:
    """Whether a browser says that a page of another origin asked for this. `seen` is the host that browsers know, where something
    in front asks for another one."""
    if headers.get(b"sec-fetch-site") in _ELSEWHERE:
        return True
    origin = headers.get(b"origin")
    asked = None if origin is None else origin.partition(b"://")[2]
    return asked is not None and asked != headers.get(b"host") and (seen is None or asked != seen.encode())


def cookie_of(headers: Mapping[bytes, bytes]) -> str | None:
    """The page's cookie; None when there is none that could be ours."""
    try:
        jar = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
    except CookieError:
        return None
    value = jar[COOKIE].value if COOKIE in jar else ""
    return value if _COOKIE.fullmatch(value) else None


def token_for(cookie: str, key: bytes) -> str:
    """The token that goes with a cookie: a page that cannot read our answers knows neither."""
    return hmac.digest(key, b"page token " + cookie.encode(), "sha256").hex()


def token_matches(given: str | None, cookie: str | None, key: bytes) -> bool:
    """Whether a post brought the token of its cookie."""
    return bool(given and cookie) and hmac.compare_digest((given or "").encode(), token_for(cookie or "", key).encode())
