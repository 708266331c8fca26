"""Vonage, its Messages API. Source: developer.vonage.com: Messages API v1, api-errors/messages (the codes),
messages/concepts/signed-webhooks.

Numbers are spelled without their plus. `client_ref` comes back in the statuses of a message.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from hashlib import sha256

from limpet.carrier.http_receipts import inbound, receipt
from limpet.carrier.http_values import (
    NOTICE_AGE_MAX_S,
    UNKNOWN_ERROR,
    HttpReply,
    HttpRequest,
    LockedOut,
    Notice,
    Read,
    Unreadable,
    Unsigned,
    Untrusted,
    at,
    basic,
    by_code,
    json_of,
    json_request,
    moment,
    number,
    referring,
    taken,
    text,
    text_of,
    without_plus,
)
from limpet.carrier.port import ReceiptState, Refused, Retry, Submission, Submitted
from limpet.config_http import VonageConfig
from limpet.core.media import content_type

STATES: Mapping[str, ReceiptState] = {
    "submitted": ReceiptState.ENROUTE,
    "delivered": ReceiptState.DELIVERED,
    "read": ReceiptState.DELIVERED,
    "undeliverable": ReceiptState.UNDELIVERED,
    "rejected": ReceiptState.UNDELIVERED,
}
CODES: Mapping[int, int] = {
    1040: 30005, 1050: 30004, 1070: 30002, 1120: 21606, 1160: 21608, 1170: 30005, 1180: 30003, 1190: 30005, 1210: 30007,
    1220: 30003, 1230: 30003, 1240: 21610, 1250: 30006, 1260: 30003, 1270: 30007, 1280: 30004, 1290: 30004, 1300: 30005,
    1360: 30036,
}  # fmt: skip
"""Vonage's codes and Twilio's for the same. 1240 is of people who have sent STOP, 1160 of accounts on trial, 1120 of a sender
that the destination does not allow."""
RETRIES: Mapping[int, Retry] = {1000: Retry.SLOWER, 1030: Retry.LATER, 1100: Retry.LATER, 1241: Retry.LATER}
_LOCKED_OUT = frozenset({1060, 1070, 1080})
_KINDS = {"image": "image", "audio": "audio", "video": "video"}
_MEDIA_KEYS = ("image", "audio", "video", "file", "vcard")


class Vonage:
    """`limpet.carrier.http_values.Upstream` over `/v1/messages`."""

    def __init__(self, config: VonageConfig) -> None:
        self._config = config
        self._headers = {"Authorization": basic(config.api_key, config.api_secret), "Accept": "application/json"}
        self.mms = config.mms
        self.idempotent = False
        self.notice_answer = ("text/plain", b"")

    def request(self, submission: Submission, notices_url: str) -> HttpRequest:
        """POST a text, or media with the text as their caption."""
        value = {
            "from": without_plus(submission.sender),
            "to": without_plus(submission.recipient),
            "client_ref": str(submission.reference),
            "webhook_url": referring(notices_url, submission),
            "webhook_version": "v1",
            **_content(submission),
        }
        return json_request(f"{self._config.base_url}/v1/messages", self._headers, value)

    def reply(self, submission: Submission, reply: HttpReply) -> Submitted | Refused | LockedOut:
        """202 with an id; errors name their code at the end of a URL."""
        value = json_of(reply.body)
        if reply.status in (200, 201, 202):
            return taken(submission, at(value, "message_uuid"))
        code, why = _code(at(value, "type")), text(at(value, "title")) or ""
        return by_code(submission, reply, code, why, CODES.get(code, UNKNOWN_ERROR), RETRIES, _LOCKED_OUT)

    def read(self, notice: Notice, now: float) -> Read:
        """A status, or an inbound message. Vonage's own failures may leave a signature out, and an answer of 503 brings it."""
        if not notice.headers.get("authorization"):
            return Unsigned()
        if not self._is_theirs(notice, now):
            return Untrusted()
        value = json_of(notice.body)
        status = text(at(value, "status"))
        if status is None:
            return _inbound(value) or Unreadable()
        if status not in STATES:
            return []
        return receipt(
            ours=at(value, "from"), person=at(value, "to"), carrier_message_id=at(value, "message_uuid"), state=STATES[status],
            error_code=CODES.get(_code(at(value, "error.type")) or number(at(value, "error.title")) or 0),
            reference=at(value, "client_ref"), done_at=moment(at(value, "timestamp")),
        ) or Unreadable()  # fmt: skip

    def media_headers(self, url: str) -> Mapping[str, str] | None:  # noqa: ARG002
        """Media are at a public place."""
        return None

    def _is_theirs(self, notice: Notice, now: float) -> bool:
        """A JWT (RFC 7519) by HS256 under the signature secret, of these minutes, with the hash of this body."""
        scheme, _, token = notice.headers.get("authorization", "").partition(" ")
        signed, _, given = token.rpartition(".")
        expected = hmac.digest(self._config.signature_secret.encode(), signed.encode(), "sha256")
        header, claims = (_part(signed, place) for place in (0, 1))
        if scheme.lower() != "bearer" or at(header, "alg") != "HS256":
            return False
        if not hmac.compare_digest(expected, _decoded(given)):
            return False
        made, hashed = number(at(claims, "iat")), text(at(claims, "payload_hash")) or ""
        fresh = made is not None and abs(now - made) <= NOTICE_AGE_MAX_S
        return fresh and hmac.compare_digest(sha256(notice.body).hexdigest().encode(), hashed.lower().encode())


def _content(submission: Submission) -> dict[str, object]:
    words = text_of(submission)
    if not submission.as_mms:
        return {"channel": "sms", "message_type": "text", "text": words}
    if not submission.media:
        return {"channel": "mms", "message_type": "text", "text": words}
    parts = [(_kind(url), {"url": url}) for url in submission.media]
    if words:
        parts[0][1]["caption"] = words
    if len(parts) == 1:
        (kind, medium), *_ = parts
        return {"channel": "mms", "message_type": kind, kind: medium}
    return {"channel": "mms", "message_type": "content", "content": [{"type": kind, **one} for kind, one in parts]}


def _kind(url: str) -> str:
    """Vonage's word for a medium, by what its URL says that it is."""
    known = content_type(url)
    return "vcard" if known == "text/vcard" else _KINDS.get(known.partition("/")[0], "file")


def _code(value: object) -> int:
    """The code at the end of `https://developer.vonage.com/api-errors/messages#1120`."""
    return number((text(value) or "").rpartition("#")[2]) or 0


def _decoded(part: str) -> bytes:
    try:
        return urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        return b""


def _part(signed: str, place: int) -> object:
    parts = signed.split(".")
    return json_of(_decoded(parts[place])) if len(parts) == 2 else None


def _inbound(value: object) -> Read:
    content = at(value, "content")
    several = content if isinstance(content, list) else ()
    alone = [at(value, key) for key in _MEDIA_KEYS]
    media = [one for one in (*alone, *several) if one is not None]
    words = at(value, "text") or next((said for one in media if (said := at(one, "caption") or at(one, "text"))), "")
    return inbound(
        person=at(value, "from"), ours=at(value, "to"), body=words, carrier_message_id=at(value, "message_uuid"),
        media=[(at(one, "url"), "") for one in media],
    )  # fmt: skip
