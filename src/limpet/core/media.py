"""Media of messages: what they are by their URL, and the link that stands for them where no carrier takes media.

Source: Twilio, Messaging Services, MMS converter. Nothing is fetched: media stay where the customer keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

LINK_DAYS: Final = 365
CODE_LENGTH: Final = 10
LETTERS: Final = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""Without letters that look like others: people may type a link."""
_TYPES: Final = {
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp",
    "mp4": "video/mp4", "3gp": "video/3gpp", "mp3": "audio/mpeg", "ogg": "audio/ogg", "wav": "audio/wav",
    "pdf": "application/pdf", "vcf": "text/vcard", "ics": "text/calendar", "txt": "text/plain",
}  # fmt: skip
UNKNOWN_TYPE: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Medium:
    """One of a message's media, by its place among them."""

    position: int
    url: str
    content_type: str


def content_type(url: str) -> str:
    """What a URL's ending says that it leads to."""
    return _TYPES.get(urlsplit(url).path.rpartition(".")[2].lower(), UNKNOWN_TYPE)


def link_code(chance: int) -> str:
    """The code of a link from at least 64 bits of chance: nobody guesses another one's."""
    code = ""
    for _ in range(CODE_LENGTH):
        chance, digit = divmod(chance, len(LETTERS))
        code += LETTERS[digit]
    return code


def with_link(body: str, link: str) -> str:
    """The text that is sent in the place of media."""
    return f"{body} {link}" if body else link
