"""Passwords of operators: hashed slowly (scrypt, RFC 7914), so that a stolen database does not tell them.

128·N·r bytes and about a quarter of a second each, three rounds (OWASP, Password Storage): whoever checks does it in a thread.
"""

from __future__ import annotations

import hmac
import secrets
from functools import cache
from hashlib import scrypt
from typing import Final

LENGTH_MIN: Final = 12
LENGTH_MAX: Final = 200
COST, BLOCK, ROUNDS = 2**15, 8, 3
_SALT_BYTES: Final = 16
_KEY_BYTES: Final = 32
_MEMORY: Final = 2 * 128 * COST * BLOCK
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 4, 5


def new_password() -> str:
    """About 99 random bits in a form that can be read aloud."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))


def hash_password(password: str) -> str:
    """`scrypt$N$r$p$salt$key`, the last two in hexadecimal digits."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"scrypt${COST}${BLOCK}${ROUNDS}${salt.hex()}${_key(password, salt, COST, BLOCK, ROUNDS).hex()}"


def matches(password: str, hashed: str) -> bool:
    """Whether a password is the one that was hashed; one that is too long is never."""
    if len(password) > LENGTH_MAX:
        return False
    _, cost, block, rounds, salt, key = hashed.split("$")
    made = _key(password, bytes.fromhex(salt), int(cost), int(block), int(rounds))
    return hmac.compare_digest(made, bytes.fromhex(key))


def _key(password: str, salt: bytes, cost: int, block: int, rounds: int) -> bytes:
    given = password.encode(errors="surrogatepass")
    return scrypt(given, salt=salt, n=cost, r=block, p=rounds, maxmem=_MEMORY, dklen=_KEY_BYTES)


@cache
def nobodys() -> str:
    """What is compared where there is no such operator: it takes as long."""
    return hash_password(new_password())
