"""The only calls to customers' URLs: one request under every guard, and what came of it.

Whoever may set a URL decides where it leads, so the guard sits where the final address is known: in the function that
makes the socket. Names, literals, odd spellings and a DNS that changes its mind all end there. Nothing here knows what
is posted, signs it or repeats it.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache, partial

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from limpet.core.destination import UrlPolicy, destination_allowed
from limpet.twilio.callback import USUAL, Overrides, RetryOn

CONNECTIONS_MAX = 256
CONNECTIONS_PER_HOST_MAX = 10
IDLE_S = 4.0  # below the five seconds after which common servers close an idle connection
LOOKUPS_MAX = 32
NAMES_REMEMBERED_S = 10
BODY_BYTES_MAX = 64 * 1024
URLS_REMEMBERED = 4096
ADDRESS_REFUSED = 0x4C494D  # an errno that no operating system uses: the guard's own

_POSTABLE = re.compile(r"(?i:https?)://[^\x00-\x20\x7f\ud800-\udfff/?]+[^\x00-\x20\x7f\ud800-\udfff]*")
_NOT_SENT = ("Accept", "Accept-Encoding", "User-Agent")


class Cause(StrEnum):
    """Why a POST failed."""

    URL = "url"
    """It cannot be posted to: not http(s), no host, or characters that no request line may hold."""
    ADDRESS = "address"
    """It leads where webhooks may not go."""
    CONNECT = "connect"
    """No connection: name unknown, refused, timed out, TLS not agreed."""
    READ = "read"
    """No whole answer: timed out, broken off, not HTTP, too long."""
    CLIENT_ERROR = "client error"
    """Status 4xx."""
    GONE = "gone"
    """Status 410: the receiver says that nothing will ever be taken there again."""
    SERVER_ERROR = "server error"
    """Status 5xx, and 3xx, since redirects are not followed."""


RETRY_NAMES = {
    Cause.CONNECT: RetryOn.CONNECT,
    Cause.READ: RetryOn.READ,
    Cause.CLIENT_ERROR: RetryOn.CLIENT_ERROR,
    Cause.SERVER_ERROR: RetryOn.SERVER_ERROR,
}
"""Under which of Twilio's names a failure may be repeated at once. A cause without a name is not worth repeating."""


@dataclass(frozen=True, slots=True)
class Posted:
    """The receiver took it (2xx), and what it said: at most BODY_BYTES_MAX."""

    status: int
    content_type: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class PostFailed:
    """It was not taken. `why` is fit for a log: it names neither path, query nor credentials."""

    cause: Cause
    why: str
    status: int | None = None
    """What was answered; None without an answer."""

    @property
    def retryable(self) -> bool:
        """Whether the same POST may fare better later."""
        return self.cause in RETRY_NAMES


@lru_cache(maxsize=URLS_REMEMBERED)
def target(url: str) -> URL | None:
    """The URL, to be sent as it is written (only what is not ASCII is quoted); None when it cannot be posted to."""
    if not _POSTABLE.fullmatch(url):
        return None
    try:
        parsed = URL(url, encoded=url.isascii())
        return parsed if parsed.raw_host and parsed.port is not None else None
    except ValueError:
        return None


def sent_as(url: str) -> str:
    """A URL as its receiver will see it, and so as it must be signed: as written, but with a path and in ASCII."""
    where = target(url)
    if where is None or (url.isascii() and url.endswith(where.raw_path_qs)):
        return url
    return f"{where.scheme}://{where.raw_authority}{where.raw_path_qs}"


class Webhooks:
    """Posts forms to customers' URLs. To be made inside a running event loop, and closed."""

    def __init__(
        self,
        policy: UrlPolicy,
        *,
        connections_per_host_max: int = CONNECTIONS_PER_HOST_MAX,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """`resolver` turns names into addresses; the machine's own when None."""
        self._policy = policy
        connector = aiohttp.TCPConnector(
            limit=CONNECTIONS_MAX,
            limit_per_host=connections_per_host_max,
            keepalive_timeout=IDLE_S,
            ttl_dns_cache=NAMES_REMEMBERED_S,
            resolver=resolver or _Resolver(),
            socket_factory=self._guarded_socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=_NOT_SENT,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def post(
        self, url: str, form: str, headers: Mapping[str, str], overrides: Overrides = USUAL
    ) -> Posted | PostFailed:
        """POST a form once: no redirect is followed, no proxy of the environment used.

        `url` is sent as it is written; `user:password@` in it becomes Basic auth. Of `overrides` the time limits count.
        """
        return await self._request(url, form, headers, overrides)

    async def get(self, url: str, headers: Mapping[str, str], overrides: Overrides = USUAL) -> Posted | PostFailed:
        """GET a URL once, in the same way."""
        return await self._request(url, None, headers, overrides)

    async def _request(
        self, url: str, form: str | None, headers: Mapping[str, str], overrides: Overrides
    ) -> Posted | PostFailed:
        where = target(url)
        if where is None:
            return PostFailed(Cause.URL, "the URL cannot be posted to")
        try:
            return await self._exchange(where, form, headers, overrides)
        except aiohttp.InvalidURL:
            return PostFailed(Cause.URL, "the URL cannot be posted to")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, UnicodeError) as error:
            return _not_connected(error, where)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return PostFailed(Cause.READ, f"no answer from {where.host}: {type(error).__name__}")

    async def _exchange(
        self, where: URL, form: str | None, headers: Mapping[str, str], overrides: Overrides
    ) -> Posted | PostFailed:
        method, data = ("GET", None) if form is None else ("POST", form.encode())
        async with self._session.request(
            method, where, data=data, headers=headers, allow_redirects=False, timeout=_timeout(overrides)
        ) as answer:
            body = await _read_to_end(answer)
            if body is None:
                return PostFailed(Cause.READ, f"the answer of {where.host} is longer than {BODY_BYTES_MAX} bytes")
            return _judged(answer, body, where)

    def _guarded_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """The one place where webhooks make a socket; `info` tells which address is about to be connected to."""
        family, kind, protocol, _, address = info
        if not destination_allowed(str(address[0]), int(address[1]), self._policy):
            raise OSError(ADDRESS_REFUSED, "webhooks may not go to this address or port")
        return socket.socket(family, kind, protocol)


class _Resolver(AbstractResolver):
    """The machine's resolver in its own threads: the loop's are few, and one slow name server would take them all."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS_MAX, "webhook-name")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        look_up = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(
                hostname=host, host=str(address[0]), port=port, family=kind, proto=protocol, flags=numeric
            )
            for kind, _, protocol, _, address in found
        ]  # fmt: skip

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


@lru_cache(maxsize=256)
def _timeout(overrides: Overrides) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=overrides.total_timeout_s,
        sock_connect=overrides.connect_timeout_s,
        sock_read=overrides.read_timeout_s,
    )


async def _read_to_end(answer: aiohttp.ClientResponse) -> bytes | None:
    """Take the body off the connection, so that it can serve again; None when there is too much of it."""
    body = bytearray()
    while chunk := await answer.content.readany():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            answer.close()
            return None
    return bytes(body)


def _not_connected(error: Exception, where: URL) -> PostFailed:
    refused = isinstance(error, aiohttp.ClientConnectorError) and _refused_by_guard(error)
    if refused:
        return PostFailed(Cause.ADDRESS, f"{where.host} leads to an address or port that webhooks may not use")
    return PostFailed(Cause.CONNECT, f"no connection to {where.host}: {type(error).__name__}")


def _refused_by_guard(error: aiohttp.ClientConnectorError) -> bool:
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno == ADDRESS_REFUSED


def _judged(answer: aiohttp.ClientResponse, body: bytes, where: URL) -> Posted | PostFailed:
    if 200 <= answer.status < 300:
        return Posted(answer.status, answer.headers.get("Content-Type", ""), body)
    return PostFailed(_cause_of(answer.status), f"{where.host} answered {answer.status}", answer.status)


def _cause_of(status: int) -> Cause:
    if status == 410:
        return Cause.GONE
    return Cause.CLIENT_ERROR if 400 <= status < 500 else Cause.SERVER_ERROR
