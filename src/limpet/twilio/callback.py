"""A status callback on Twilio's wire: its form, its signature, and what its URL's fragment asks of the connection.

Values in, strings out. It knows neither when a callback is owed nor how it is sent: `limpet.flow.callback` and
`limpet.webhook` do.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import parse_qsl, quote_plus, unquote_plus

from limpet.core.status import Status

API_VERSION = "2010-04-01"
CONNECT_TIMEOUT_MS = (100, 5_000, 10_000)  # least, usual, most
READ_TIMEOUT_MS = (100, 15_000, 15_000)
TOTAL_TIMEOUT_MS = (100, 15_000, 15_000)
RETRIES = (0, 1, 5)
_NUMBER = re.compile(r"[0-9]{1,9}")

_WITH_ERROR_CODE = frozenset({Status.FAILED, Status.UNDELIVERED})
_WITH_DONE_DATE = frozenset({Status.DELIVERED, Status.UNDELIVERED})


class RetryOn(StrEnum):
    """Twilio's names for the kinds of failure after which a webhook may be repeated at once (`#rp=`)."""

    CONNECT = "ct"
    READ = "rt"
    CLIENT_ERROR = "4xx"
    SERVER_ERROR = "5xx"


@dataclass(frozen=True, slots=True)
class Overrides:
    """How a webhook's connection behaves. `total_timeout_s` covers the first request and its `retries` together."""

    connect_timeout_s: float = CONNECT_TIMEOUT_MS[1] / 1000
    read_timeout_s: float = READ_TIMEOUT_MS[1] / 1000
    total_timeout_s: float = TOTAL_TIMEOUT_MS[1] / 1000
    retries: int = RETRIES[1]
    retry_on: frozenset[RetryOn] = frozenset(RetryOn)


USUAL = Overrides()


def status_callback_form(
    *,
    message_sid: str,
    account_sid: str,
    status: Status,
    to: str,
    from_: str | None,
    messaging_service_sid: str | None = None,
    error_code: int | None = None,
    done_at: datetime | None = None,
) -> str:
    """The form posted when a message's status changes. Source: Twilio, Message resource, status callback.

    `from_` None (failed before a sender was chosen) is sent as an empty `From`, so that a reader of the field finds it.
    `error_code` goes out on failed and undelivered only, `done_at` (to the minute, UTC) on delivered and undelivered.
    """
    form = (
        f"MessageSid={message_sid}&SmsSid={message_sid}&MessageStatus={status}&SmsStatus={status}&AccountSid={account_sid}"
        f"&From={_quoted(from_ or '')}&To={_quoted(to)}&ApiVersion={API_VERSION}"
    )
    if messaging_service_sid:
        form += f"&MessagingServiceSid={messaging_service_sid}"
    if error_code is not None and status in _WITH_ERROR_CODE:
        form += f"&ErrorCode={error_code}"
    if done_at is not None and status in _WITH_DONE_DATE:
        form += f"&RawDlrDoneDate={done_at.astimezone(UTC):%y%m%d%H%M}"
    return form


def signature(auth_token: str, url: str, form: str | Iterable[tuple[str, str]]) -> str:
    """The value of `X-Twilio-Signature` for a POST of `form` to `url`.

    Base64 of HMAC-SHA1 over the URL exactly as it is sent (with its query, without its fragment) and the form's names
    and values, sorted; a pair that occurs twice counts once. Source: Twilio, Webhooks security.
    """
    pairs = _pairs(form) if isinstance(form, str) else form
    signed = url + "".join(name + value for name, value in sorted(set(pairs)))
    return b64encode(hmac.digest(auth_token.encode(), signed.encode(), "sha1")).decode()


def idempotency_token(bucket: int, callback_id: int) -> str:
    """The value of `I-Twilio-Idempotency-Token`: the same each time that one callback is posted."""
    return f"{bucket:04x}-{callback_id:016x}"


def split_fragment(url: str) -> tuple[str, Overrides]:
    """The URL to post to and to sign, and what its fragment asks: `#ct=2000&rt=5000&tt=9000&rc=3&rp=5xx,ct`.

    Times are milliseconds. A value out of bounds becomes the bound, one that is no number is as if it were not there.
    Source: Twilio, Webhooks connection overrides. Twilio repeats after a failed connection only unless told otherwise,
    Limpet after any failure: a callback lost is worse than one repeated under the same idempotency token.
    """
    address, hash_sign, fragment = url.partition("#")
    return (address, _overrides(dict(parse_qsl(fragment)))) if hash_sign else (url, USUAL)


def _overrides(asked: dict[str, str]) -> Overrides:
    return Overrides(
        connect_timeout_s=_bounded(asked.get("ct"), CONNECT_TIMEOUT_MS) / 1000,
        read_timeout_s=_bounded(asked.get("rt"), READ_TIMEOUT_MS) / 1000,
        total_timeout_s=_bounded(asked.get("tt"), TOTAL_TIMEOUT_MS) / 1000,
        retries=_bounded(asked.get("rc"), RETRIES),
        retry_on=_retry_on(asked.get("rp", "all")),
    )


def _bounded(text: str | None, bounds: tuple[int, int, int]) -> int:
    least, usual, most = bounds
    if text is None or not _NUMBER.fullmatch(text):
        return usual
    return max(least, min(int(text), most))


def _retry_on(policy: str) -> frozenset[RetryOn]:
    named = {word.strip().lower() for word in policy.split(",")}
    known = frozenset(kind for kind in RetryOn if kind in named)
    return frozenset(RetryOn) if "all" in named or not known else known


def _quoted(value: str) -> str:
    """A form value; an E.164 number takes the short way, since every callback has one or two."""
    digits = value[1:]
    return f"%2B{digits}" if value[:1] == "+" and digits.isascii() and digits.isdigit() else quote_plus(value)


def _pairs(form: str) -> list[tuple[str, str]]:
    return [_pair(field) for field in form.split("&") if field]


def _pair(field: str) -> tuple[str, str]:
    """A field's name and value; most need no decoding, or are numbers, and this runs for every field of every callback."""
    name, _, value = field.partition("=")
    if "%" not in field and "+" not in field:
        return name, value
    if value[:3] == "%2B" and (digits := value[3:]).isascii() and digits.isdigit() and name.isalpha():
        return name, "+" + digits
    return unquote_plus(name), unquote_plus(value)
