"""An HTTP API as an operator describes it: the request that submits a message, what its answers mean, what its notices say.

Values and their rules; `limpet.carrier.generic` acts on them. Paths such as `data.to.0.number` lead into JSON, or name a field of
a form.
"""

# ruff: noqa: RUF009 - `setting` is `dataclasses.field` with a rule
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from limpet.config_rules import ConfigError, Rule, list_of, one_of, setting, text

PLACEHOLDERS: Final = frozenset(
    {
        "number",
        "person",
        "number_digits",
        "person_digits",
        "text",
        "media",
        "reference",
        "message",
        "secret",
        "notices_url",
    }
)
"""What may stand in braces in a request. `media` stands alone: it is a list, and what it stands for is left out without media."""
SIGNED: Final = frozenset({"body", "url", "timestamp"})
"""What may stand in braces in what a notice's signature is made over."""
_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")
_ENTRIES_MAX, _DEPTH_MAX, _TEXT_MAX = 200, 10, 2000
_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,100}")
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def _require(good: bool) -> None:
    if not good:
        raise ValueError


def _entries(value: object) -> Mapping[str, object]:
    _require(isinstance(value, Mapping) and len(value) <= _ENTRIES_MAX and all(isinstance(name, str) for name in value))
    return value  # type: ignore[return-value]


def _word(value: object) -> str:
    _require(isinstance(value, str | int) and not isinstance(value, bool) and 0 < len(str(value)) <= _TEXT_MAX)
    return str(value)


def _words(value: object) -> Mapping[str, str]:
    return MappingProxyType({name: _word(one) for name, one in _entries(value).items()})


def _headers(value: object) -> Mapping[str, str]:
    found = _words(value)
    _require(all(_HEADER.fullmatch(name) and one.isascii() and one.isprintable() for name, one in found.items()))
    return found


def _states(value: object) -> Mapping[str, str]:
    found = _words(value)
    _require(set(found.values()) <= {"enroute", "delivered", "undelivered"})
    return found


def _codes(value: object) -> Mapping[str, int]:
    found = _entries(value)
    _require(all(isinstance(one, int) and 10_000 <= one <= 99_999 for one in found.values()))
    return MappingProxyType({name: int(one) for name, one in found.items()})  # type: ignore[call-overload]


def _template(value: object, depth: int = 0) -> object:
    """A JSON value with placeholders in its texts."""
    _require(depth < _DEPTH_MAX)
    if isinstance(value, Mapping):
        return MappingProxyType({name: _template(one, depth + 1) for name, one in _entries(value).items()})
    if isinstance(value, list):
        _require(len(value) <= _ENTRIES_MAX)
        return tuple(_template(one, depth + 1) for one in value)
    _require(isinstance(value, str | int | float | bool))
    _require(not isinstance(value, str) or len(value) <= _TEXT_MAX)
    return value


_TABLE = Rule("a table of texts", _words)
_CODES = Rule("a table from the carrier's words to Twilio's error codes", _codes)
_PATH = text(200, r"[^\x00-\x20\x7f]+", "a path such as data.id")
_WORD_LIST = list_of(Rule("a status or a word", _word))


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTemplate:
    """`[carriers.request]`: what is sent, with PLACEHOLDERS in URL, headers and body; either `json` or `form`, or neither."""

    method: str = setting(one_of("POST", "PUT", "GET"), "POST")
    url: str = setting(text(_TEXT_MAX, r"https?://[^\x00-\x20\x7f]+", "a URL such as https://api.example.com/messages"))
    headers: Mapping[str, str] = setting(Rule("a table of headers, names and ASCII texts", _headers), _NOTHING)
    json: Any = setting(Rule("a table for JSON", _template), None)
    form: Mapping[str, str] | None = setting(_TABLE, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRules:
    """`[carriers.reply]`: a status of 2xx means taken where `when` (paths to values) fits as well. Otherwise the word at `error`,
    or the status, is looked for in `throttled`, `temporary` and `permanent`; `codes` are what the customer is shown."""

    id: str = setting(_PATH)
    when: Mapping[str, str] = setting(_TABLE, _NOTHING)
    error: str = setting(_PATH, "")
    throttled: tuple[str, ...] = setting(_WORD_LIST, ("429",))
    temporary: tuple[str, ...] = setting(_WORD_LIST, ())
    permanent: tuple[str, ...] = setting(_WORD_LIST, ())
    codes: Mapping[str, int] = setting(_CODES, MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRules:
    """`[carriers.receipt]`: notices that fit `when` are receipts. `each` leads to a list of them within one notice. `number` is
    ours, `person` whom it went to; `states` turns the word at `state` into enroute, delivered or undelivered."""

    when: Mapping[str, str] = setting(_TABLE, _NOTHING)
    each: str = setting(_PATH, "")
    id: str = setting(_PATH)
    number: str = setting(_PATH)
    person: str = setting(_PATH)
    state: str = setting(_PATH)
    states: Mapping[str, str] = setting(
        Rule("a table from the carrier's words to enroute, delivered or undelivered", _states)
    )
    error: str = setting(_PATH, "")
    codes: Mapping[str, int] = setting(_CODES, MappingProxyType({}))
    reference: str = setting(_PATH, "")
    done_at: str = setting(_PATH, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundRules:
    """`[carriers.inbound]`: notices that fit `when` are texts from a `person` to a `number` of ours. `media` leads to a list of
    URLs, or of tables with the URL at `media_url` and the content type at `media_type`."""

    when: Mapping[str, str] = setting(_TABLE, _NOTHING)
    each: str = setting(_PATH, "")
    id: str = setting(_PATH)
    number: str = setting(_PATH)
    person: str = setting(_PATH)
    text: str = setting(_PATH)
    media: str = setting(_PATH, "")
    media_url: str = setting(_PATH, "")
    media_type: str = setting(_PATH, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """`[carriers.verify]`: how a notice shows that it is the carrier's. With `hmac` "none" the header is `notice_secret` itself
    behind `prefix`; otherwise its HMAC over `over`, in which SIGNED stand in braces. A time there is held to five minutes."""

    header: str = setting(text(100, _HEADER.pattern, "the name of a header"))
    hmac: str = setting(one_of("none", "sha1", "sha256", "sha512"), "sha256")
    encoding: str = setting(one_of("hex", "base64"), "hex")
    prefix: str = setting(text(100, r"[\x20-\x7e]*"), "")
    over: str = setting(text(200), "{body}")
    timestamp_header: str = setting(text(100, _HEADER.pattern, "the name of a header"), "")


def check_description(request: RequestTemplate, verify: Verification | None, secrets: set[str], path: str) -> None:
    """ConfigError where a description cannot be acted on. `secrets` are those that were given."""
    if request.json is not None and request.form is not None:
        raise ConfigError(f"{path}.request has both json and form: give one of them.")
    used = {name for one in _texts(request) for name in _PLACEHOLDER.findall(one)}
    if unknown := sorted(used - PLACEHOLDERS):
        raise ConfigError(f"{path}.request uses {{{unknown[0]}}}; known are {', '.join(sorted(PLACEHOLDERS))}.")
    if "secret" in used and "secret" not in secrets:
        raise ConfigError(f"{path}.request uses {{secret}}: give secret, secret_env or secret_file.")
    if verify is None:
        return
    if "notice_secret" not in secrets:
        raise ConfigError(f"{path}.verify needs a secret: give notice_secret, notice_secret_env or notice_secret_file.")
    if unknown := sorted(set(_PLACEHOLDER.findall(verify.over)) - SIGNED):
        raise ConfigError(f"{path}.verify.over uses {{{unknown[0]}}}; known are {', '.join(sorted(SIGNED))}.")
    if ("{timestamp}" in verify.over) != bool(verify.timestamp_header):
        raise ConfigError(f"{path}.verify.timestamp_header and {{timestamp}} in over belong together.")


def _texts(value: object) -> Iterator[str]:
    """All the texts of a template."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, RequestTemplate):
        for part in (value.url, value.headers, value.json, value.form):
            yield from _texts(part)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, tuple):
        for one in value:
            yield from _texts(one)
