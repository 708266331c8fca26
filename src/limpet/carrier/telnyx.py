"""Telnyx. Source: developers.telnyx.com (API v2): Send a message, Receiving webhooks,
docs/messaging/messages/error-codes (the codes), docs/development/api-fundamentals/webhooks (signatures).
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

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
    Untrusted,
    at,
    by_code,
    json_of,
    json_request,
    key_of,
    moment,
    number,
    referring,
    taken,
    text,
    text_of,
)
from limpet.carrier.port import ReceiptState, Refused, Retry, Submission, Submitted
from limpet.config_http import TelnyxConfig

STATES: Mapping[str, ReceiptState] = {
    "sent": ReceiptState.ENROUTE,
    "delivered": ReceiptState.DELIVERED,
    "delivery_failed": ReceiptState.UNDELIVERED,
    "sending_failed": ReceiptState.UNDELIVERED,
    "expired": ReceiptState.UNDELIVERED,
    "delivery_unconfirmed": ReceiptState.UNKNOWN,
}
CODES: Mapping[int, int] = {
    10016: 30005, 10039: 21608, 40001: 30006, 40002: 30007, 40003: 30007, 40005: 30036, 40006: 30003, 40010: 30034, 40012: 30005,
    40013: 21606, 40014: 30036, 40015: 30007, 40016: 30023, 40017: 30007, 40100: 21606, 40300: 21610, 40302: 30019,
    40305: 21606, 40306: 21606, 40308: 21621, 40309: 21408, 40310: 30005, 40312: 30037, 40314: 30037, 40315: 30007,
    40317: 30019, 40318: 30001, 40319: 30011, 40322: 30007, 40329: 30032, 40330: 30032, 40331: 30032,
}  # fmt: skip
"""Telnyx's codes and Twilio's for the same. 40004 (rejected for a reason that is not known), 40008 and 40009 have none."""
RETRIES: Mapping[int, Retry] = {
    10011: Retry.SLOWER,
    40011: Retry.SLOWER,
    40016: Retry.LATER,
    40018: Retry.SLOWER,
    40320: Retry.LATER,
    40318: Retry.SLOWER,
    10007: Retry.LATER,
}
_LOCKED_OUT = frozenset({10009, 20002, 20006, 20012, 20013, 20100, 40312, 40314, 40333})
"""The key, the account or its money is at fault, not the message."""


class Telnyx:
    """`limpet.carrier.http_values.Upstream` over `/v2/messages`."""

    def __init__(self, config: TelnyxConfig) -> None:
        self._config = config
        self._key = Ed25519PublicKey.from_public_bytes(b64decode(config.public_key))
        self._headers = {"Authorization": f"Bearer {config.api_key}", "Accept": "application/json"}
        self.mms = config.mms
        self.idempotent = config.idempotency_keys
        self.notice_answer = ("text/plain", b"")

    def request(self, submission: Submission, notices_url: str) -> HttpRequest:
        """POST /v2/messages; the receipts of the message come to a URL that names it."""
        value: dict[str, object] = {"from": submission.sender, "to": submission.recipient, "text": text_of(submission)}
        if submission.as_mms:
            value |= {"type": "MMS", "media_urls": list(submission.media)}
        if self._config.messaging_profile_id:
            value["messaging_profile_id"] = self._config.messaging_profile_id
        value |= {"webhook_url": referring(notices_url, submission), "use_profile_webhooks": False}
        headers = {**self._headers, "Idempotency-Key": key_of(submission)} if self.idempotent else self._headers
        return json_request(f"{self._config.base_url}/v2/messages", headers, value)

    def reply(self, submission: Submission, reply: HttpReply) -> Submitted | Refused | LockedOut:
        """200 with an id; otherwise the first of its errors."""
        value = json_of(reply.body)
        if reply.status in (200, 201, 202):
            return taken(submission, at(value, "data.id"))
        code, why = number(at(value, "errors.0.code")) or 0, text(at(value, "errors.0.title")) or ""
        return by_code(submission, reply, code, why, CODES.get(code, UNKNOWN_ERROR), RETRIES, _LOCKED_OUT)

    def read(self, notice: Notice, now: float) -> Read:
        """`message.received`, `message.sent` or `message.finalized`."""
        if not self._is_theirs(notice, now):
            return Untrusted()
        event = json_of(notice.body)
        kind, payload = at(event, "data.event_type"), at(event, "data.payload")
        if kind == "message.received":
            return _inbound(payload) or Unreadable()
        state = STATES.get(str(at(payload, "to.0.status")))
        if kind not in ("message.sent", "message.finalized") or state is None:
            return [] if kind else Unreadable()
        return receipt(
            ours=at(payload, "from.phone_number"), person=at(payload, "to.0.phone_number"), carrier_message_id=at(payload, "id"),
            state=state, error_code=CODES.get(number(at(payload, "errors.0.code")) or 0), reference=notice.query.get("ref"),
            submitted_at=moment(at(payload, "received_at")), done_at=moment(at(payload, "completed_at")),
        ) or Unreadable()  # fmt: skip

    def media_headers(self, url: str) -> Mapping[str, str] | None:  # noqa: ARG002
        """Media are at a public place."""
        return None

    def _is_theirs(self, notice: Notice, now: float) -> bool:
        """Ed25519 over the time, a bar and the body."""
        stamp = notice.headers.get("telnyx-timestamp", "")
        made = number(stamp)
        if made is None or abs(now - made) > NOTICE_AGE_MAX_S:
            return False
        try:
            signed = b64decode(notice.headers.get("telnyx-signature-ed25519", ""), validate=True)
            self._key.verify(signed, stamp.encode() + b"|" + notice.body)
        except (ValueError, InvalidSignature):
            return False
        return True


def _inbound(payload: object) -> Read:
    media = at(payload, "media")
    return inbound(
        person=at(payload, "from.phone_number"), ours=at(payload, "to.0.phone_number"), body=at(payload, "text"),
        carrier_message_id=at(payload, "id"),
        media=[(at(one, "url"), at(one, "content_type")) for one in media] if isinstance(media, list) else (),
    )  # fmt: skip
