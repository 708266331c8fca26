"""Which parts of a text are links, what they are replaced by, and which requests for the replacement a person made.

Source: twilio.com/docs/messaging/features/link-shortening. A link is an `http` or `https` URL as RFC 3986 spells it: ASCII,
everything else percent-encoded, as Twilio asks it to be. It knows neither who made a short link nor where it leads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple
from unicodedata import category
from urllib.parse import urlsplit

from limpet.core.media import CODE_LENGTH, LETTERS

LINK_DAYS: Final = 90
"""For so long a short link leads on after its message has left."""
_SCHEMES: Final = ("http", "https")
_SCHEME_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-")
_REST = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")
_NEXT = re.compile(r"[,;](?=https?://)", re.IGNORECASE)
"""Where one URL ends and another begins without a space between them."""
_TRAILING: Final = ".,;:!?'"
_CLOSING: Final = {")": "(", "]": "["}
_JOINERS: Final = "\u200c\u200d"
_CODE = re.compile(f"/([{LETTERS}]{{{CODE_LENGTH}}})")
_PREVIEWERS = re.compile(
    r"[Bb]ot\b|(?i:crawl|spider|preview|facebookexternalhit|whatsapp|pagerenderer|embedly|iframely|slack-imgproxy|vkshare)"
)
"""What programs call themselves that look at links before people do: messengers, search engines, scanners."""


class Shortened(NamedTuple):
    """A text with short links in it, and the URL that each code stands for."""

    text: str
    urls: dict[str, str]


def links(text: str) -> Iterator[tuple[int, int]]:
    """Where links begin and end in a text, in order.

    Punctuation behind a URL is not part of it, nor is a closing bracket that has no opening one in it. A URL that runs into a
    letter, digit or mark beyond ASCII is left alone: nobody can tell where it ends.
    """
    behind = 0
    while (at := text.find("://", behind)) >= 0:
        start = at
        while start > behind and text[start - 1] in _SCHEME_CHARACTERS:
            start -= 1
        while start < at and not text[start].isalpha():
            start += 1  # a scheme begins with a letter
        end = behind = at + len("://")
        if text[start:at].lower() in _SCHEMES:
            end, behind = _end_of(text, start, end)
        if end > at + len("://"):
            yield start, end


def shortened(text: str, prefix: str, own: str, code_of: Callable[[], str]) -> Shortened:
    """A text with `prefix` and a code in the place of each link; the same URL has the same code. Links to `own` (scheme and host)
    are short already and stay."""
    codes: dict[str, str] = {}
    parts, done = [], 0
    for start, end in links(text):
        url = text[start:end]
        if _origin(url) == own.lower():
            continue
        if url not in codes:
            codes[url] = code_of()
        parts += [text[done:start], prefix, codes[url]]
        done = end
    return Shortened("".join([*parts, text[done:]]), {code: url for url, code in codes.items()})


def code_in(path: str) -> str | None:
    """The code of the short link at a path; None when none can be there."""
    match = _CODE.fullmatch(path)
    return match[1] if match else None


def is_click(method: str, user_agent: str, purpose: str) -> bool:
    """Whether a person has opened a link, as far as can be told: not a HEAD, not a program that calls itself one, and not a
    browser that fetches ahead (`Sec-Purpose`, `Purpose`)."""
    ahead = any(word in purpose.lower() for word in ("prefetch", "preview", "prerender"))
    return method == "GET" and not ahead and _PREVIEWERS.search(user_agent) is None


def _end_of(text: str, start: int, rest: int) -> tuple[int, int]:
    """Where the URL that begins at `start` ends, and from where to look for the next; the first is `rest` when it is none."""
    match = _REST.match(text, rest)
    stop = match.end() if match else rest
    if (following := _NEXT.search(text, rest, stop + len("https://"))) is not None and following.start() < stop:
        stop = following.start()
    elif stop < len(text) and _runs_on(text[stop]):
        return rest, stop
    end = stop
    while end > rest and (text[end - 1] in _TRAILING or _is_unopened(text, rest, end)):
        end -= 1
    return (end if _has_host(text[start:end]) else rest), stop


def _runs_on(character: str) -> bool:
    return not character.isascii() and (category(character)[0] in "LNM" or character in _JOINERS)


def _is_unopened(text: str, start: int, end: int) -> bool:
    closing = text[end - 1]
    opening = _CLOSING.get(closing)
    return opening is not None and text.count(closing, start, end) > text.count(opening, start, end)


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
