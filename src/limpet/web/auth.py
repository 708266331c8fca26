"""Who is calling: HTTP Basic with an account's SID and token, or with an API key's SID and secret.

Source: twilio.com/docs/usage/requests-to-twilio. What a caller may do is for the handlers to say.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from dataclasses import dataclass
from hashlib import sha256
from math import inf
from typing import TypeVar

from limpet.clock import Clock
from limpet.core.errors import ApiError
from limpet.core.model import Account, AccountStatus
from limpet.core.tenancy import may_act
from limpet.store.accounts import Accounts
from limpet.twilio.sid import is_sid

K = TypeVar("K")
V = TypeVar("V")

REMEMBERED_S = 60.0
"""For so long a credential that was good is good: what another process takes back counts here this late."""
REMEMBERED_MAX = 10_000
FAILURES_MAX = 20
"""Failures of one SID within FAILURES_WINDOW_S, after which nothing new is looked up for it."""
FAILURES_WINDOW_S = 60.0
FAILING_SIDS_MAX = 10_000
HEADER_LENGTH_MAX = 512


@dataclass(frozen=True, slots=True)
class Caller:
    """An account, and the credential by which it came: its own SID or that of a key.

    `secret` is the account's token when that was the credential, None for a key.
    """

    account: Account
    credential_sid: str
    secret: str | None
    standing: AccountStatus = AccountStatus.ACTIVE
    """The account's status, or its main account's where that is worse."""
    is_test: bool = False
    """It came by test credentials: nothing that it asks for is done."""

    @property
    def is_key(self) -> bool:
        """Whether the caller holds an API key and not the account's own token."""
        return self.secret is None


@dataclass(slots=True)
class _Known:
    caller: Caller
    until: float


@dataclass(frozen=True, slots=True)
class _KnownAccount:
    account: Account
    until: float


@dataclass(slots=True)
class _Failures:
    until: float
    count: int = 0


class Authenticator:
    """Checks credentials, remembers good ones for a minute and slows down who guesses.

    What is remembered is a hash of the whole header, so that a lookup compares nothing secret. A credential that was good goes on
    being checked while its SID is blocked: strangers cannot lock a customer out by guessing.
    """

    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock
        self._known: dict[bytes, _Known] = {}
        self._failures: dict[str, _Failures] = {}
        self._subaccounts: dict[str, _KnownAccount] = {}

    async def caller(self, header: bytes | None) -> Caller:
        """Who sent this `Authorization`; ApiError 20003 (401) or, after too many failures, 20429 (429)."""
        if header is None or len(header) > HEADER_LENGTH_MAX:
            raise ApiError(20003)
        digest = sha256(header).digest()
        known = self._known.get(digest)
        if known is not None and known.until > self._clock.monotonic():
            return known.caller
        return await self._checked(header, digest)

    async def subaccount(self, caller: Caller, sid: str) -> Account | None:
        """The account with this SID when the caller may act for it (`limpet.core.tenancy`); remembered as long as a caller."""
        if caller.is_key or caller.is_test or caller.account.owner_sid is not None or not is_sid("AC", sid):
            return None
        known = self._subaccounts.get(sid)
        if known is None or known.until <= self._clock.monotonic():
            account = await self._accounts.by_sid(sid)
            if account is None or not may_act(caller.account, by_key=caller.is_key, target=account):
                return None
            known = _KnownAccount(account, self._clock.monotonic() + REMEMBERED_S)
            _bounded(self._subaccounts, REMEMBERED_MAX)[sid] = known
        return known.account if may_act(caller.account, by_key=caller.is_key, target=known.account) else None

    def invalidate(self, sid: str) -> None:
        """Look anew at an account or a key when it comes next; for an account also at its keys and its sub-accounts. That their
        credentials were good stays known: they are checked even while their SID is blocked."""
        self._subaccounts.pop(sid, None)
        for known in self._known.values():
            if sid in (known.caller.credential_sid, known.caller.account.sid, known.caller.account.owner_sid):
                known.until = -inf

    async def _checked(self, header: bytes, digest: bytes) -> Caller:
        sid, secret = _credentials(header)
        if digest not in self._known and self._is_blocked(sid):
            raise ApiError(20429)
        found = await self._accounts.credentials(sid)
        if found is None or not found.secret_matches(secret) or found.standing is AccountStatus.CLOSED:
            self._known.pop(digest, None)
            self._note_failure(sid)
            raise ApiError(20003)
        caller = Caller(found.account, sid, None if found.is_key else secret, found.standing, found.is_test)
        _bounded(self._known, REMEMBERED_MAX)[digest] = _Known(caller, self._clock.monotonic() + REMEMBERED_S)
        return caller

    def _is_blocked(self, sid: str) -> bool:
        failures = self._failures.get(sid)
        return failures is not None and failures.count >= FAILURES_MAX and failures.until > self._clock.monotonic()

    def _note_failure(self, sid: str) -> None:
        now = self._clock.monotonic()
        failures = self._failures.get(sid)
        if failures is None or failures.until <= now:
            failures = _bounded(self._failures, FAILING_SIDS_MAX)[sid] = _Failures(now + FAILURES_WINDOW_S)
        failures.count += 1


def _credentials(header: bytes) -> tuple[str, str]:
    scheme, _, encoded = header.partition(b" ")
    try:
        sid, _, secret = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise ApiError(20003) from None
    if scheme.lower() != b"basic" or not (is_sid("AC", sid) or is_sid("SK", sid)):
        raise ApiError(20003)
    return sid, secret


def _bounded(cache: dict[K, V], most: int) -> dict[K, V]:
    """The cache with room for one more: the oldest goes."""
    if len(cache) >= most:
        cache.pop(next(iter(cache)))
    return cache
