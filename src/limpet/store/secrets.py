"""What must not be read from a stolen database: auth tokens sealed, API key secrets hashed, under one key kept outside of it.

Tokens are sealed and not hashed because they sign webhooks. API key secrets are 128 random bits, so a keyed hash needs no
slowness (OWASP ASVS 5.0 V6.5.2, V11.4.2). It does not know whose secrets they are.
"""

from __future__ import annotations

import hmac
import os
import secrets
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from limpet.store.database import DatabaseUnusable

KEY_BYTES = 32
SECRET_BYTES = 16
_NONCE_BYTES = 12
_OPEN_TO_OTHERS = 0o077


class Vault:
    """Seals and hashes under subkeys of one master key (HKDF, RFC 5869)."""

    def __init__(self, master_key: bytes) -> None:
        if len(master_key) != KEY_BYTES:
            raise ValueError(f"a master key has {KEY_BYTES} bytes")
        self._cipher = AESGCM(_subkey(master_key, b"limpet: auth tokens"))
        self._fingerprint = _subkey(master_key, b"limpet: fingerprint")[:4].hex()
        self._pepper = _subkey(master_key, b"limpet: API key secrets")
        self.pseudonym_key = _subkey(master_key, b"limpet: pseudonyms")
        """Of the keyed hash in the place of recipients whose numbers are not kept."""

    @property
    def fingerprint(self) -> str:
        """What tells this key from others, and nothing of it: eight hexadecimal digits."""
        return self._fingerprint

    def new_secret(self) -> str:
        """128 random bits as 32 hexadecimal digits, the form of Twilio's auth tokens."""
        return secrets.token_hex(SECRET_BYTES)

    def seal(self, secret: str) -> bytes:
        """Encrypt; no two answers for one secret are alike (AES-256-GCM, random nonce first)."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), None)

    def open(self, sealed: bytes) -> str:
        """What was sealed; DatabaseUnusable when it was sealed under another key or has been changed."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None).decode()
        except (InvalidTag, ValueError) as error:
            raise DatabaseUnusable(
                "The secret key is not the one under which this database was written: give Limpet that key again."
            ) from error

    def hash_secret(self, secret: str) -> bytes:
        """The keyed hash of an API key's secret (HMAC-SHA256), to be compared with `hmac.compare_digest`."""
        return hmac.digest(self._pepper, secret.encode(errors="surrogatepass"), sha256)


def _subkey(master_key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose).derive(master_key)


def parse_key(text: str) -> bytes | None:
    """A master key written as 64 hexadecimal digits; None when it is not."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None


def read_key(path: Path) -> bytes | None:
    """The master key kept in `path`, None when there is no such file; DatabaseUnusable when it holds none."""
    return load_or_create_key(path) if path.exists() else None


def keep_key(path: Path, key: bytes) -> None:
    """Keep a master key in `path`, where none is kept yet."""
    if not path.exists():
        _write_once(path, key.hex())


def load_or_create_key(path: Path) -> bytes:
    """The master key kept in `path`, made there (0600) when there is none.

    DatabaseUnusable when the file cannot be read or written, can be read by others, or holds no key.
    """
    try:
        if not path.exists():
            _write_once(path, secrets.token_hex(KEY_BYTES))
        if os.name == "posix" and path.stat().st_mode & _OPEN_TO_OTHERS:
            raise DatabaseUnusable(f"The secret key file {path} can be read by others: run `chmod 600 {path}`.")
        key = parse_key(path.read_text())
    except OSError as error:
        raise DatabaseUnusable(f"The secret key file {path} cannot be used: {error.strerror}.") from error
    if key is None:
        raise DatabaseUnusable(f"The secret key file {path} must hold {KEY_BYTES * 2} hexadecimal digits.")
    return key


def _write_once(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all; of two writers the first one wins."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(file, f"{text}\n".encode())
        os.fsync(file)
    finally:
        os.close(file)
    try:
        os.link(unfinished, path)
    except FileExistsError:
        return  # the other writer's key is the key
    finally:
        unfinished.unlink()
