"""Forms as Twilio's clients send them: bytes to names and values, and one reader for each kind of value.

A reader answers None for what was not given, the value otherwise, or raises the `ApiError` that Twilio would. A name given twice
counts as its last value. Names that nobody asks for are ignored, as Twilio does. It knows no resource.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from limpet.core.address import Address, parse_recipient
from limpet.core.errors import ApiError
from limpet.core.status import parse_callback_events
from limpet.twilio.sid import is_sid

Form = Mapping[str, list[str]]

PARAMETERS_MAX: Final = 1000
URL_LENGTH_MAX: Final = 2048
TEXT_LENGTH_MAX: Final = 1024
"""Characters of a value for which Twilio names no limit of its own."""
FRIENDLY_NAME_LENGTH_MAX: Final = 64
METHODS: Final = ("GET", "POST")

_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_BOOLEANS: Final = {"true": True, "false": False}
_URL_FORBIDDEN = re.compile(r"[^\x21-\x7e]|[\"<>\\^`{|}]")
_HOST = re.compile(r"[A-Za-z0-9.:\-]{1,253}")


def parse_form(body: bytes) -> dict[str, list[str]]:
    """The fields of an `application/x-www-form-urlencoded` body or query, in order. 20001 when they cannot be text.

    UTF-8 without NUL is text: nothing else may reach the database. A field without a name is passed over.
    """
    if not body:
        return {}
    if body.count(b"&") >= PARAMETERS_MAX:
        raise ApiError(20001, parameter="body", why=f"more than {PARAMETERS_MAX} parameters")
    form: dict[str, list[str]] = {}
    try:
        for field in body.decode().split("&"):
            name, _, value = field.partition("=")
            if name:
                form.setdefault(_plain(name), []).append(_plain(value))
    except UnicodeDecodeError:
        raise ApiError(20001, parameter="body", why="not UTF-8") from None
    return form


def _plain(text: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    if "%" in text:
        text = unquote_to_bytes(text).decode()
    if "\0" in text:
        raise ApiError(20001, parameter="body", why="a NUL character")
    return text


def given(form: Form, name: str) -> str | None:
    """The value as it is, the empty one too."""
    values = form.get(name)
    return values[-1] if values else None


def filled(form: Form, name: str) -> str | None:
    """The value; an empty one counts as not given."""
    return given(form, name) or None


def text(form: Form, name: str, length_max: int = TEXT_LENGTH_MAX) -> str | None:
    """A text of at most `length_max` characters; it may be empty."""
    value = given(form, name)
    if value is not None and len(value) > length_max:
        raise invalid(name, f"longer than {length_max} characters")
    return value


def boolean(form: Form, name: str) -> bool | None:
    """`true` or `false` in any case."""
    value = filled(form, name)
    if value is None:
        return None
    if value.lower() not in _BOOLEANS:
        raise invalid(name, "neither true nor false")
    return _BOOLEANS[value.lower()]


def integer(form: Form, name: str, least: int, most: int) -> int | None:
    """A whole number from `least` to `most`."""
    value = filled(form, name)
    number = None if value is None else whole(value)
    if value is not None and (number is None or not least <= number <= most):
        raise invalid(name, f"not a whole number from {least} to {most}")
    return number


def decimal(form: Form, name: str, most: float) -> float | None:
    """A number above 0, at most `most`, in digits with or without a point."""
    value = filled(form, name)
    if value is None:
        return None
    number = float(value) if _DECIMAL.fullmatch(value) else 0.0
    if not 0 < number <= most:
        raise invalid(name, f"not a number above 0 and at most {most:g}")
    return number


def whole(value: str) -> int | None:
    """The whole number that a text is, ASCII digits only."""
    return int(value) if _INTEGER.fullmatch(value) else None


def choice(form: Form, name: str, options: Collection[str]) -> str | None:
    """One of some words, as they are written."""
    value = filled(form, name)
    if value is not None and value not in options:
        raise invalid(name, f"none of {', '.join(options)}")
    return value


def method(form: Form, name: str) -> str | None:
    """An HTTP method that a webhook may have, in any case."""
    value = filled(form, name)
    if value is not None and value.upper() not in METHODS:
        raise invalid(name, "neither GET nor POST")
    return value and value.upper()


def url(form: Form, name: str) -> str | None:
    """A URL of a webhook; it may be empty, which takes an earlier one away. 21609 for `StatusCallback`, else 20001."""
    value = given(form, name)
    if value and not is_web_url(value):
        if name == "StatusCallback":
            raise ApiError(21609, value=value)
        raise invalid(name, "not a valid http or https URL")
    return value


def sid(form: Form, name: str, prefix: str) -> str | None:
    """A SID of one kind; whether anything has it is not asked."""
    value = filled(form, name)
    if value is not None and not is_sid(prefix, value):
        raise invalid(name, f"not a SID of the form {prefix} and 32 hexadecimal digits")
    return value


def callback_events(form: Form) -> str | None:
    """Ours: `StatusCallbackEvents`, which states a customer is called about (`limpet.core.status`), in lower case. 21626."""
    value = filled(form, "StatusCallbackEvents")
    if value is None:
        return None
    if parse_callback_events(value) is None:
        raise ApiError(21626, value=value)
    return value.strip().lower()


@lru_cache(maxsize=4096)
def is_web_url(value: str) -> bool:
    """Whether a URL can be that of a webhook: http or https, ASCII, a host without an underscore (Twilio, error 21609).

    Whether it may be called is another question (`limpet.webhook`).
    """
    if len(value) > URL_LENGTH_MAX or _URL_FORBIDDEN.search(value):
        return False
    try:
        parts = urlsplit(value)
        port, host = parts.port, parts.hostname
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and port != 0 and host is not None and _HOST.fullmatch(host) is not None


def required_person(form: Form) -> Address:
    """`To`, normalised: 20001 without it, 21211 for what is no number."""
    to = filled(form, "To")
    if to is None:
        raise missing("To")
    return person_of(to)


def person_of(to: str) -> Address:
    """A person's number in its normal form; 21211."""
    recipient = parse_recipient(to)
    if recipient is None:
        raise ApiError(21211, value=to)
    return recipient


def invalid(name: str, why: str) -> ApiError:
    """Twilio's general refusal of a parameter."""
    return ApiError(20001, parameter=f"'{name}'", why=why)


def missing(name: str) -> ApiError:
    """Twilio's refusal when a required parameter is not there."""
    return ApiError(20001, parameter=f"'{name}'", why="it is required")
