"""Opt-outs on the wire, ours (Twilio publishes no operations for them): their forms in, their resources out.

It knows no services and no store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from limpet.core.address import parse_recipient
from limpet.core.optout import (
    DEFAULT_REPLIES,
    KEYWORD_LENGTH_MAX,
    KEYWORDS_MAX,
    REPLY_LENGTH_MAX,
    SETS_MAX,
    KeywordSet,
    OptOutSettings,
    OptOutType,
    conflict,
)
from limpet.core.retention import MASK
from limpet.twilio.dates import iso8601
from limpet.twilio.forms import Form, boolean, filled, invalid, missing, person_of, text

Json = dict[str, object]

COUNTRY_LENGTH = 2
LANGUAGE_LENGTH_MAX = 35
"""Of a language tag as RFC 5646 recommends to expect."""
_KEYWORDS = {kind: f"{kind.capitalize()}Keywords" for kind in OptOutType}
_MESSAGES = {kind: f"{kind.capitalize()}Message" for kind in OptOutType}
SET_PARAMETERS = ("Country", "Language", *_KEYWORDS.values(), *_MESSAGES.values())
"""All that a set of keywords can be told."""


def parse_opted_out(form: Form) -> str:
    """Read `POST …/OptOuts`: who does not want to be written to, normalised."""
    to = filled(form, "To")
    if to is None:
        raise missing("To")
    return person_of(to).value


def parse_import(form: Form, most: int) -> tuple[list[str], list[str]]:
    """Read `POST …/OptOuts/Import`: the people among at most `most` values of `To`, and the values that name nobody."""
    given = form.get("To", [])
    if not given:
        raise missing("To")
    if len(given) > most:
        raise invalid("To", f"given more than {most} times")
    parsed = [(value, parse_recipient(value)) for value in given]
    return [found.value for _, found in parsed if found], [value for value, found in parsed if not found]


def parse_settings(form: Form, now: OptOutSettings) -> OptOutSettings:
    """Read `POST …/OptOutSettings`: the settings as they become. Keywords and messages are those of `Country` and `Language`.

    20001 for what cannot be, as a word that would mean two things in one country.
    """
    advanced = boolean(form, "Advanced")
    country, language = _place(form)
    before = next((one for one in now.sets if (one.country, one.language) == (country, language)), None)
    changed = _changed(form, before or KeywordSet(country, language))
    sets = [one for one in now.sets if one is not before]
    if changed != before and (changed.keywords or changed.replies):
        sets.append(changed)
    elif before is not None:
        sets.append(before)
    if len(sets) > SETS_MAX:
        raise invalid("Country", f"a service has at most {SETS_MAX} sets of keywords")
    if (word := conflict([*sets, *([] if any(one.for_all for one in sets) else [KeywordSet()])])) is not None:
        raise invalid("Keywords", f"{word} would mean two things")
    return OptOutSettings(now.advanced if advanced is None else advanced, tuple(sets))


def parse_removed_set(query: Form, now: OptOutSettings) -> OptOutSettings | None:
    """Read `DELETE …/OptOutSettings?Country=&Language=`: the settings without that set; None when there is none."""
    place = _place(query)
    left = tuple(one for one in now.sets if (one.country, one.language) != place)
    return None if len(left) == len(now.sets) else OptOutSettings(now.advanced, left)


def opt_out_resource(
    recipient: str, keyword: str, origin: str, since: datetime, account_sid: str, service_sid: str, root: str
) -> Json:
    """Who opted out of a service: since when, by which word (null: not by a text) and how it came about (text, api, import). Who
    was forgotten has no place by a name."""
    place = f"{root}/Services/{service_sid}/OptOuts/{recipient.replace('+', '%2B')}"
    return {
        "account_sid": account_sid,
        "date_created": iso8601(since),
        "keyword": keyword or None,
        "origin": origin,
        "service_sid": service_sid,
        "to": recipient,
        "url": None if recipient == MASK else place,
    }


def settings_resource(settings: OptOutSettings, account_sid: str, service_sid: str, root: str) -> Json:
    """By which words a service hears opt-outs, and what it answers; the set for everybody is always shown."""
    sets: Sequence[KeywordSet] = settings.sets
    if not any(one.for_all for one in sets):
        sets = (KeywordSet(), *sets)
    return {
        "account_sid": account_sid,
        "advanced": settings.advanced,
        "service_sid": service_sid,
        "sets": [_set_resource(one) for one in sets],
        "url": f"{root}/Services/{service_sid}/OptOutSettings",
    }


def _set_resource(one: KeywordSet) -> Json:
    words: Mapping[str, object] = {f"{kind.lower()}_keywords": sorted(one.words(kind)) for kind in OptOutType}
    said = {f"{kind.lower()}_message": one.replies.get(kind, DEFAULT_REPLIES[kind]) for kind in OptOutType}
    return {"country": one.country, "language": one.language, **words, **said}


def _place(form: Form) -> tuple[str, str]:
    country, language = (text(form, "Country") or "").upper(), text(form, "Language", LANGUAGE_LENGTH_MAX) or ""
    if country and not (len(country) == COUNTRY_LENGTH and country.isascii() and country.isalpha()):
        raise invalid("Country", "not a country code of two letters")
    return country, language.lower()


def _changed(form: Form, before: KeywordSet) -> KeywordSet:
    words = {kind: _keywords(form, name) for kind, name in _KEYWORDS.items() if name in form}
    replies = {kind: text(form, name, REPLY_LENGTH_MAX) or "" for kind, name in _MESSAGES.items() if name in form}
    return KeywordSet(before.country, before.language, {**before.keywords, **words}, {**before.replies, **replies})


def _keywords(form: Form, name: str) -> frozenset[str]:
    """Words given by repetition or with commas between them."""
    words = {word.strip().upper() for value in form[name] for word in value.split(",") if word.strip()}
    if len(words) > KEYWORDS_MAX:
        raise invalid(name, f"more than {KEYWORDS_MAX} keywords")
    if bad := next((word for word in sorted(words) if len(word) > KEYWORD_LENGTH_MAX or len(word.split()) != 1), None):
        raise invalid(name, f"{bad[:KEYWORD_LENGTH_MAX]} is not one word of at most {KEYWORD_LENGTH_MAX} characters")
    return frozenset(words)
