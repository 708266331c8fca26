"""Who may bind: a name and its password, from an address that is allowed to, and not too often in vain.

What is wrong is never told, only that something is. It knows no PDUs.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

import structlog

from limpet.clock import Clock
from limpet.core.model import AccountStatus
from limpet.store.database import DATABASE_AWAY
from limpet.store.smpp_credentials import Esme, SmppCredentials

FAILURES_WINDOW_S = 60.0
FAILING_MAX = 10_000
GOOD_MAX = 10_000
IPV6_PREFIX = 64
"""What one customer of an Internet provider gets: addresses within it are one stranger's."""
_log = structlog.get_logger()


@dataclass(slots=True)
class _Failures:
    until: float
    count: int = 0


class Admission:
    """Checks binds, and slows down who guesses: after `failures_max` failures of a name, or from an address, within a minute
    nothing new is looked up for it. What was good before goes on being checked: strangers cannot lock a customer out."""

    def __init__(self, credentials: SmppCredentials, clock: Clock, failures_max: int) -> None:
        self._credentials = credentials
        self._clock = clock
        self._failures_max = failures_max
        self._failures: dict[tuple[str, str], _Failures] = {}
        self._good: dict[bytes, None] = {}

    async def admit(self, system_id: str, password: str, peer: str) -> Esme | None:
        """Who this is; None when it may not bind, for whatever reason."""
        digest = sha256(f"{system_id}\0{password}".encode()).digest()
        suspects = (("name", system_id), ("peer", _household(peer)))
        if digest not in self._good and any(map(self._is_blocked, suspects)):
            return None
        try:
            esme = (await self._credentials.esmes([system_id])).get(system_id)
        except DATABASE_AWAY as error:
            _log.warning("a bind could not be checked", why=error)
            return None
        if esme is None:
            self._credentials.pretend(password)
        elif esme.secret_matches(password) and may_be_bound(esme, peer):
            self._remember(digest)
            return esme
        self._good.pop(digest, None)
        for suspect in suspects:
            self._note(suspect)
        return None

    def _remember(self, digest: bytes) -> None:
        if len(self._good) >= GOOD_MAX:
            del self._good[next(iter(self._good))]
        self._good[digest] = None

    def _is_blocked(self, suspect: tuple[str, str]) -> bool:
        failures = self._failures.get(suspect)
        return (
            failures is not None and failures.count >= self._failures_max and failures.until > self._clock.monotonic()
        )

    def _note(self, suspect: tuple[str, str]) -> None:
        now = self._clock.monotonic()
        failures = self._failures.get(suspect)
        if failures is None or failures.until <= now:
            self._failures.pop(suspect, None)
            if len(self._failures) >= FAILING_MAX:
                del self._failures[next(iter(self._failures))]
            failures = self._failures[suspect] = _Failures(now + FAILURES_WINDOW_S)
        failures.count += 1


def may_be_bound(esme: Esme, peer: str) -> bool:
    """Whether a customer, whose password is right, may be bound from this address."""
    if esme.standing is AccountStatus.CLOSED:
        return False
    if not esme.networks:
        return True
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in esme.networks)


def _household(peer: str) -> str:
    """The address whose failures count together: itself, or for IPv6 its network."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    return str(ip_network((address, IPV6_PREFIX), strict=False)) if isinstance(address, IPv6Address) else peer
