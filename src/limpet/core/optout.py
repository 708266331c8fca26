"""Opt-out: what a person's text means for whether they may be written to, and what they are told.

A keyword is a whole text of one word. A service answers with the usual words and replies until its own are set: sets of
keywords and replies, for all people or for those of a language or a country. What is stored of an opt-out, and who is asked
before a message leaves, is not this file's. Source: Twilio, "Advanced Opt-Out" and "Twilio support for opt-out keywords".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from limpet.core.model import SenderKind

OPTED_OUT = 21610
KEYWORD_LENGTH_MAX = 20
KEYWORDS_MAX = 20
REPLY_LENGTH_MAX = 320
SETS_MAX = 100


class OptOutType(StrEnum):
    """What a keyword does; the words of the webhook's `OptOutType`."""

    STOP = "STOP"
    START = "START"
    HELP = "HELP"


DEFAULT_WORDS: Mapping[OptOutType, frozenset[str]] = {
    OptOutType.STOP: frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "END", "QUIT", "CANCEL", "REVOKE", "OPTOUT"}),
    OptOutType.START: frozenset({"START", "YES", "UNSTOP"}),
    OptOutType.HELP: frozenset({"HELP", "INFO"}),
}
RESERVED: Mapping[OptOutType, frozenset[str]] = {
    OptOutType.STOP: frozenset({"STOP"}),
    OptOutType.START: frozenset({"START", "UNSTOP"}),
    OptOutType.HELP: frozenset({"HELP"}),
}
"""Words that no set can give up or turn to another use."""
DEFAULT_REPLIES: Mapping[OptOutType, str] = {
    OptOutType.STOP: "You will get no more messages from this number. Reply START to get them again.",
    OptOutType.START: "You will get messages from this number again. Reply STOP to end them, HELP for help.",
    OptOutType.HELP: "Reply STOP to get no more messages from this number.",
}


@dataclass(frozen=True, slots=True)
class KeywordSet:
    """The keywords and replies for some people: `country` (ISO code) and `language` empty mean all.

    Keywords are upper case; a kind that is absent is as by default. An empty reply means that nothing is answered.
    """

    country: str = ""
    language: str = ""
    keywords: Mapping[OptOutType, frozenset[str]] = field(default_factory=dict)
    replies: Mapping[OptOutType, str] = field(default_factory=dict)

    def words(self, kind: OptOutType) -> frozenset[str]:
        """The keywords of a kind, with those that are always there in the set for everybody."""
        own = self.keywords.get(kind, DEFAULT_WORDS[kind] if self.for_all else frozenset[str]())
        return own | RESERVED[kind] if self.for_all else own

    @property
    def for_all(self) -> bool:
        """Whether it is the standard set."""
        return not self.country and not self.language


@dataclass(frozen=True, slots=True)
class OptOutSettings:
    """How a service hears opt-outs. Without `advanced` its sets do not count."""

    advanced: bool = False
    sets: tuple[KeywordSet, ...] = ()


STANDARD = OptOutSettings()


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword that was heard, and what its person is told ('' for nothing)."""

    kind: OptOutType
    word: str
    reply: str


def keyword(body: str, country: str | None, settings: OptOutSettings = STANDARD) -> Keyword | None:
    """What a text of a person of a country says of their consent; None when it is no keyword.

    The sets of the person's country are asked first, then those for everybody.
    """
    word = body.strip().upper()
    if not word or len(word) > KEYWORD_LENGTH_MAX:
        return None
    sets = _sets(settings)
    for group in (_of_country(sets, country), [one for one in sets if not one.country]):
        if (found := _find(word, group)) is not None:
            return found
    return None


def is_undone_by(word: str, kind: SenderKind) -> bool:
    """Whether a START word ends an opt-out: with toll-free numbers the network has its own, and knows only two of them."""
    return kind is not SenderKind.TOLL_FREE or word in RESERVED[OptOutType.START]


def is_answered_by_network(word: str, kind: SenderKind) -> bool:
    """Whether the network itself answers a keyword: STOP to a toll-free number."""
    return kind is SenderKind.TOLL_FREE and word in RESERVED[OptOutType.STOP]


def conflict(sets: Iterable[KeywordSet]) -> str | None:
    """A keyword that two sets of one country have, or that one set has for two purposes; None when each means one thing."""
    seen: set[tuple[str, str]] = set()
    for one in sets:
        for kind in OptOutType:
            for word in sorted(one.words(kind)):
                if (one.country, word) in seen or any(word in RESERVED[k] for k in OptOutType if k is not kind):
                    return word
                seen.add((one.country, word))
    return None


def _sets(settings: OptOutSettings) -> Sequence[KeywordSet]:
    """The sets that count, always with one for everybody."""
    if not settings.advanced:
        return (KeywordSet(),)
    return settings.sets if any(one.for_all for one in settings.sets) else (*settings.sets, KeywordSet())


def _of_country(sets: Iterable[KeywordSet], country: str | None) -> list[KeywordSet]:
    return [one for one in sets if country and one.country == country]


def _find(word: str, sets: Iterable[KeywordSet]) -> Keyword | None:
    for one in sets:
        for kind in OptOutType:
            if word in one.words(kind):
                return Keyword(kind, word, one.replies.get(kind, DEFAULT_REPLIES[kind]))
    return None
