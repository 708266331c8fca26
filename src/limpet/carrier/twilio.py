"""Twilio as an upstream: an account there keeps working while Limpet owns the stickiness.

Source: twilio.com/docs/messaging/api/message-resource, messaging/guides/webhook-request, usage/webhooks/webhooks-security.
Its error codes are the ones that customers are shown.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from limpet.carrier.http_receipts import inbound, receipt
from limpet.carrier.http_values import (
    MEDIA_MAX,
    UNKNOWN_ERROR,
    HttpReply,
    HttpRequest,
    LockedOut,
    Notice,
    Read,
    Unreadable,
    Untrusted,
    at,
    basic,
    by_code,
    form_request,
    json_of,
    number,
    referring,
    taken,
    text,
    text_of,
)
from limpet.carrier.port import ReceiptState, Refused, Retry, Submission, Submitted
from limpet.config_http import TwilioConfig
from limpet.twilio.callback import API_VERSION, signature

STATES: Mapping[str, ReceiptState] = {
    "sent": ReceiptState.ENROUTE,
    "delivered": ReceiptState.DELIVERED,
    "read": ReceiptState.DELIVERED,
    "undelivered": ReceiptState.UNDELIVERED,
    "failed": ReceiptState.UNDELIVERED,
}
"""What comes before `sent` says no more than the answer to the request did."""
RETRIES: Mapping[int, Retry] = {
    14107: Retry.SLOWER,
    20429: Retry.SLOWER,
    63017: Retry.SLOWER,
    21611: Retry.LATER,
    20500: Retry.LATER,
    20503: Retry.LATER,
}
"""Codes after which the same message may fare better; 21611 is a full queue of ten hours."""
_LOCKED_OUT = frozenset({20003, 20005, 20006, 30002})


class Twilio:
    """`limpet.carrier.http_values.Upstream` over the Messages resource."""

    def __init__(self, config: TwilioConfig) -> None:
        self._config = config
        self._url = f"{config.base_url}/{API_VERSION}/Accounts/{config.account_sid}/Messages.json"
        self._headers = {"Authorization": basic(*_credentials(config)), "Accept": "application/json"}
        self.mms = config.mms
        self.idempotent = False
        self.notice_answer = ("text/xml", b"<Response/>")

    def request(self, submission: Submission, notices_url: str) -> HttpRequest:
        """POST …/Messages.json, with the status callback that names the message."""
        pairs = [("To", submission.recipient), ("From", submission.sender), ("Body", text_of(submission))]
        pairs += [("MediaUrl", url) for url in submission.media] if submission.as_mms else []
        pairs += [("SendAsMms", "true")] if submission.as_mms and not submission.media else []
        pairs += [("SmartEncoded", "false"), ("StatusCallback", referring(notices_url, submission))]
        return form_request(self._url, self._headers, pairs)

    def reply(self, submission: Submission, reply: HttpReply) -> Submitted | Refused | LockedOut:
        """201 with a SID; otherwise Twilio's code, which is shown as it is."""
        value = json_of(reply.body)
        if reply.status in (200, 201):
            return taken(submission, at(value, "sid"))
        code, why = number(at(value, "code")) or 0, text(at(value, "message")) or ""
        return by_code(submission, reply, code, why, code or UNKNOWN_ERROR, RETRIES, _LOCKED_OUT)

    def read(self, notice: Notice, now: float) -> Read:  # noqa: ARG002 - its signature has no time
        """A status callback, or an inbound message."""
        signed = signature(self._config.auth_token, notice.url, notice.fields)
        if not hmac.compare_digest(signed.encode(), notice.headers.get("x-twilio-signature", "").encode()):
            return Untrusted()
        form = notice.form
        status = form.get("MessageStatus") or form.get("SmsStatus", "")
        if status == "received":
            return _inbound(form) or Unreadable()
        if status not in STATES:
            return []
        return receipt(
            ours=form.get("From"), person=form.get("To"), carrier_message_id=form.get("MessageSid"), state=STATES[status],
            error_code=number(form.get("ErrorCode")), reference=notice.query.get("ref"),
            done_at=_done_at(form.get("RawDlrDoneDate", "")),
        ) or Unreadable()  # fmt: skip

    def media_headers(self, url: str) -> Mapping[str, str] | None:
        """Media are at the API, and want credentials where the account asks for them."""
        ours = urlsplit(url).netloc == urlsplit(self._config.base_url).netloc
        return {"Authorization": self._headers["Authorization"]} if ours else None


def _credentials(config: TwilioConfig) -> tuple[str, str]:
    if config.api_key_sid:
        return config.api_key_sid, config.api_key_secret
    return config.account_sid, config.auth_token


def _inbound(form: Mapping[str, str]) -> Read:
    media = [(form.get(f"MediaUrl{n}"), form.get(f"MediaContentType{n}")) for n in range(MEDIA_MAX)]
    return inbound(
        person=form.get("From"), ours=form.get("To"), body=form.get("Body"), carrier_message_id=form.get("MessageSid"),
        media=media,
    )  # fmt: skip


def _done_at(value: str) -> datetime | None:
    """`RawDlrDoneDate`, YYMMDDhhmm in UTC."""
    try:
        return datetime.strptime(value, "%y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError:
        return None
