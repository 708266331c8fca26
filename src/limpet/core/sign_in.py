"""Signing in, without its store: the second factor (RFC 6238), and how long somebody waits who has failed.

Source: RFC 6238 with the parameters that authenticator apps understand: SHA-1, six digits, steps of 30 seconds.
"""

from __future__ import annotations

import hmac
from base64 import b32encode
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import quote, urlencode

STEP_S: Final = 30
DIGITS: Final = 6
DRIFT_STEPS: Final = 1
"""A code counts also in the step before and the one after its own."""
SECRET_BYTES: Final = 20
NAME_FAILURES_FREE: Final = 3
ADDRESS_FAILURES_FREE: Final = 10
"""So many failures cost nothing; several people may come from one address."""
WAIT_FIRST: Final = timedelta(seconds=2)
WAIT_MAX: Final = timedelta(minutes=15)
FAILURES_FORGOTTEN_AFTER: Final = timedelta(days=1)
SESSION_IDLE: Final = timedelta(minutes=30)
SESSION_MAX: Final = timedelta(hours=12)
_DOUBLINGS_MAX: Final = 20


def code_at(secret: bytes, step: int) -> str:
    """The code of a step: HOTP of its number (RFC 4226 §5.3)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_of(secret: bytes, given: str, at_s: float, last_step: int) -> int | None:
    """The step of which this is the code at a time (seconds of the epoch); None when it is of none, or of one that is used up."""
    now = int(at_s) // STEP_S
    digits = given.replace(" ", "")
    fits = [
        step
        for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1)
        if step > last_step and hmac.compare_digest(code_at(secret, step).encode(), digits.encode())
    ]
    return fits[0] if fits else None


def otpauth_uri(name: str, secret: bytes) -> str:
    """What authenticator apps take, as a link or as a QR code."""
    told = {"secret": b32encode(secret).decode().rstrip("="), "issuer": "Limpet", "digits": DIGITS, "period": STEP_S}
    return f"otpauth://totp/{quote(f'Limpet:{name}')}?{urlencode(told)}"


def neighbourhood(address: str) -> str:
    """What is one address as far as guessing goes: of IPv6 the network of 64 bits, since whoever has one address has them all."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


def wait_after(failures: int, free: int) -> timedelta:
    """How long nothing more is tried after so many failures: nothing at first, then twice as long each time."""
    over = failures - free
    return timedelta() if over <= 0 else min(WAIT_FIRST * 2 ** min(over - 1, _DOUBLINGS_MAX), WAIT_MAX)
