"""What is not kept of a message once it is over, and how a person is known whose number is not kept.

Source: twilio.com/docs/messaging/guides/privacy-message-redaction. A pseudonym shows what Twilio shows, all but the last four
digits, and holds a keyed hash: whoever knows the number finds what is under it, and nobody reads the number out of it.
"""

from __future__ import annotations

from enum import IntEnum
from hashlib import blake2b
from typing import Final

MASK: Final = "XXXX"
"""Twilio's, in the place of the last four digits."""
MARK: Final = "~"
"""Between what a pseudonym shows and its hash: no address that can be written to has it."""
HASH_BYTES: Final = 16
KEY_BYTES_MIN: Final = 16


class Mark(IntEnum):
    """What a message may be marked with, each one bit; most have no mark at all."""

    DISCARD = 1
    """Its text goes as soon as the carrier has it, or when nothing will be sent."""
    OBFUSCATE = 2
    """Its recipient's number goes when it has come to its end."""
    LINKED = 4
    """Links in its text lead on through us."""
    OBFUSCATED = 8
    """The number is gone."""


FORGOTTEN: Final = Mark.DISCARD | Mark.OBFUSCATE


def masked(address: str) -> str:
    """`+14155550123` as `+1415555XXXX`; with `whatsapp:` before it likewise."""
    return address[: -len(MASK)] + MASK


def shown(address: str) -> str:
    """A recipient as it may be shown: of a pseudonym what it shows, any other address as it is."""
    known, mark, digest = address.rpartition(MARK)
    return known if mark and known.endswith(MASK) and len(digest) == 2 * HASH_BYTES else address


def as_kept(recipient: str, body: str, marks: int) -> tuple[str, str]:
    """Recipient and text of a message as its customer may see them, at any time: what will not be kept is never shown."""
    if marks & Mark.OBFUSCATE:
        recipient = shown(recipient) if marks & Mark.OBFUSCATED else masked(recipient)
    return recipient, "" if marks & Mark.DISCARD else body


class Pseudonyms:
    """Makes pseudonyms. The key must not lie where they lie: numbers are few enough to try them all."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, address: str) -> str:
        """The one pseudonym of an address. ValueError without a key of KEY_BYTES_MIN at least."""
        return f"{masked(address)}{MARK}{self._digest(address)}"

    def nameless(self, address: str) -> str:
        """What is left of an address once its person is forgotten: it shows nothing, and is found by who knows the number."""
        return f"{MASK}{MARK}{self._digest(address)}"

    def _digest(self, address: str) -> str:
        if len(self._key) < KEY_BYTES_MIN:
            raise ValueError(f"a key of pseudonyms has {KEY_BYTES_MIN} bytes at least")
        return blake2b(address.encode(), digest_size=HASH_BYTES, key=self._key, person=b"recipient").hexdigest()
