"""What passes between a lane over HTTP and the description of one upstream: requests, replies and notices, as values.

A *notice* is a request by which a carrier tells of receipts and inbound texts. Each upstream's file turns submissions into
requests, replies into results and notices into deliveries; none of them does I/O.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import parse_qsl, urlencode

from limpet.carrier.port import Delivery, Refused, Retry, Submission, Submitted
from limpet.core.errors import ERRORS

UNKNOWN_ERROR = 30008
NOTICE_AGE_MAX_S = 300.0
"""A signed notice with a time of its own is believed for so long, so that nobody can bring an old one again."""
MEDIA_MAX = 10
ID_LENGTH_MAX = 255
_JSON_TYPE = "application/json"
_FORM_TYPE = "application/x-www-form-urlencoded"
_SHORT_DIGITS_MAX = 6
_PATH_PARTS_MAX = 20
_DIGITS_MAX = 12


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request that submits one message. Its headers hold credentials."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What came back. `retry_after_s` is what the carrier asked for in Retry-After, None where it did not."""

    status: int
    body: bytes
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A request of a carrier as it arrived. `url` is whole and as the carrier was told it; names of headers are in lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the URL, of each the last."""
        return dict(parse_qsl(self.url.partition("?")[2], keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The body as a form, of each name the last value; it is empty where the body is none."""
        return dict(self.fields)

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The pairs of the body as a form, in order."""
        try:
            return parse_qsl(self.body.decode(), keep_blank_values=True, max_num_fields=1000)
        except ValueError:
            return []


@dataclass(frozen=True, slots=True)
class LockedOut:
    """The carrier lets nobody in under these credentials: not the message is at fault, and no other one would fare better."""

    why: str


class Untrusted:
    """A notice that is not the carrier's, or not of now."""


class Unsigned:
    """A notice that may be the carrier's and lacks its signature: asked for again, it comes with one."""


class Unreadable:
    """A notice of the carrier's of which nothing can be made."""


Read = Sequence[Delivery] | Untrusted | Unsigned | Unreadable
"""What a notice says; the tokens of its deliveries are for the lane to give."""


class Upstream(Protocol):
    """The description of one upstream's API. All of it is functions of their arguments."""

    @property
    def mms(self) -> bool:
        """Whether it takes media."""

    @property
    def idempotent(self) -> bool:
        """Whether a request repeated under its message's key is one message: then a lost answer may be asked for again."""

    @property
    def notice_answer(self) -> tuple[str, bytes]:
        """The content type and the body with which a notice that was taken is answered."""

    def request(self, submission: Submission, notices_url: str) -> HttpRequest:
        """The request that submits a message; ValueError, in words, where the upstream has none for it."""

    def reply(self, submission: Submission, reply: HttpReply) -> Submitted | Refused | LockedOut:
        """What the answer to it means."""

    def read(self, notice: Notice, now: float) -> Read:
        """What a notice says, if it is the carrier's. `now` is in seconds since 1970."""

    def media_headers(self, url: str) -> Mapping[str, str] | None:
        """The credentials that a medium of an inbound message wants; None where anybody may fetch it."""


# ── requests ──


def basic(user: str, password: str) -> str:
    """The value of `Authorization`."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def json_request(url: str, headers: Mapping[str, str], value: object, method: str = "POST") -> HttpRequest:
    """A request with JSON in it."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return HttpRequest(method, url, {**headers, "Content-Type": _JSON_TYPE}, body)


def form_request(url: str, headers: Mapping[str, str], pairs: Sequence[tuple[str, str]]) -> HttpRequest:
    """A request with a form in it."""
    return HttpRequest("POST", url, {**headers, "Content-Type": _FORM_TYPE}, urlencode(pairs).encode())


def text_of(submission: Submission) -> str:
    """The whole text: upstreams over HTTP cut it themselves."""
    return "".join(submission.content.segments)


def key_of(submission: Submission) -> str:
    """The message's own key, the same at each attempt."""
    return f"{submission.key.bucket:04x}-{submission.key.id:016x}"


def referring(notices_url: str, submission: Submission) -> str:
    """The URL for a message's receipts, which names the message as `user_message_reference` does over SMPP."""
    return f"{notices_url}?ref={submission.reference}"


def without_plus(address: str) -> str:
    """How carriers spell numbers that spell them without their plus."""
    return address.removeprefix("+")


# ── replies ──


def taken(submission: Submission, carrier_message_id: object) -> Submitted:
    """The carrier took it. Without an id, which no carrier should leave out, no receipt will ever be told from another's."""
    known = text(carrier_message_id)
    return Submitted(submission.key, submission.attempt, () if known is None else (known,))


def refused(submission: Submission, error_code: int, retry: Retry, detail: str) -> Refused:
    """A refusal under one of Twilio's codes; one that is not known here becomes UNKNOWN_ERROR."""
    code = error_code if error_code in ERRORS else UNKNOWN_ERROR
    return Refused(submission.key, submission.attempt, code, retry, detail[:200])


def by_status(submission: Submission, reply: HttpReply, error_code: int, detail: str) -> Refused | LockedOut:
    """A refusal judged by its HTTP status alone: too much, not now, nobody, or never."""
    detail = f"{reply.status} {detail}".strip()
    if reply.status in (401, 402, 407):
        return LockedOut(detail)
    if reply.status == 429:
        return refused(submission, error_code, Retry.SLOWER, detail)
    if reply.status in (408, 425) or reply.status >= 500:
        return refused(submission, error_code, Retry.LATER, detail)
    return refused(submission, error_code, Retry.NEVER, detail)


def by_code(
    submission: Submission, reply: HttpReply, code: int, why: str, shown: int, retries: Mapping[int, Retry],
    locked_out: frozenset[int],
) -> Refused | LockedOut:  # fmt: skip
    """A refusal judged by the upstream's own code (0 for none) where that says more than its HTTP status; `shown` is Twilio's."""
    if code in locked_out:
        return LockedOut(f"{code} {why}")
    if code in retries:
        return refused(submission, shown, retries[code], f"{code} {why}")
    return by_status(submission, reply, shown, f"{code or ''} {why}")


def json_of(body: bytes) -> object:
    """The JSON value of a body; None for anything else."""
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value


# ── what is found in JSON ──


def at(value: object, path: str) -> object:
    """What is at `data.to.0.phone_number` within a JSON value; None where there is nothing."""
    for part in path.split(".")[:_PATH_PARTS_MAX]:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def text(value: object) -> str | None:
    """An id, an address or a word, of a bounded length; numbers are read as their digits. None for what is neither."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    said = str(value).strip()
    return said if 0 < len(said) <= ID_LENGTH_MAX and said.isprintable() else None


def number(value: object) -> int | None:
    """A whole number, or one in digits."""
    said = text(value)
    return int(said) if said is not None and said.isascii() and said.isdecimal() and len(said) <= _DIGITS_MAX else None


def address(value: object) -> str | None:
    """An address as messages have it: with the plus that many carriers leave out of phone numbers."""
    said = text(value)
    if said is None:
        return None
    bare = said.removeprefix("+")
    if not (bare.isascii() and bare.isdecimal()):
        return said
    return f"+{bare}" if len(bare) > _SHORT_DIGITS_MAX else bare


def moment(value: object) -> datetime | None:
    """A time of ISO 8601 in UTC; one without an offset is taken to be."""
    try:
        at_ = datetime.fromisoformat(text(value) or "")
    except ValueError:
        return None
    return at_.replace(tzinfo=UTC) if at_.tzinfo is None else at_.astimezone(UTC)
