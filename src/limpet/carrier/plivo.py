"""Plivo. Source: plivo.com/docs/messaging: send a message, handling incoming messages, troubleshooting/error-codes; signatures as
Plivo's own Python SDK checks them (plivo/utils/signature_v3.py).

Numbers are spelled without their plus. The parts of a long message are reported one by one under the id of the whole.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

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
    by_status,
    json_of,
    json_request,
    number,
    referring,
    taken,
    text,
    text_of,
    without_plus,
)
from limpet.carrier.port import ReceiptState, Refused, Submission, Submitted
from limpet.config_http import PlivoConfig

STATES: Mapping[str, ReceiptState] = {
    "sent": ReceiptState.ENROUTE,
    "delivered": ReceiptState.DELIVERED,
    "undelivered": ReceiptState.UNDELIVERED,
    "failed": ReceiptState.UNDELIVERED,
    "rejected": ReceiptState.UNDELIVERED,
}
CODES: Mapping[int, int] = {
    10: 30008, 20: 30003, 30: 30007, 40: 21606, 50: 30005, 60: 30008, 70: 30005, 80: 30003, 90: 30006, 100: 30006,
    110: 30019, 200: 21610, 201: 21612, 300: 30008, 420: 30036, 450: 21408, 451: 30004, 900: 30002, 910: 30002, 950: 30034,
    1000: 30008,
}  # fmt: skip
"""Plivo's codes and Twilio's for the same. 201: US toll-free numbers do not reach Canada. 451 and 950 are not on the page as
it was read; the others are."""
_SIGNATURES = ("x-plivo-signature-v3", "x-plivo-signature-ma-v3")
Pairs = Sequence[tuple[str, str]]


class Plivo:
    """`limpet.carrier.http_values.Upstream` over `/v1/Account/{auth id}/Message/`."""

    def __init__(self, config: PlivoConfig) -> None:
        self._config = config
        self._url = f"{config.base_url}/v1/Account/{config.auth_id}/Message/"
        self._headers = {"Authorization": basic(config.auth_id, config.auth_token), "Accept": "application/json"}
        self.mms = config.mms
        self.idempotent = False
        self.notice_answer = ("text/xml", b"<Response/>")

    def request(self, submission: Submission, notices_url: str) -> HttpRequest:
        """POST the message, with the URL for its receipts."""
        value: dict[str, object] = {
            "src": without_plus(submission.sender),
            "dst": without_plus(submission.recipient),
            "text": text_of(submission),
            "type": "mms" if submission.as_mms else "sms",
            "url": referring(notices_url, submission),
            "method": "POST",
        }
        if submission.as_mms:
            value["media_urls"] = list(submission.media)
        return json_request(self._url, self._headers, value)

    def reply(self, submission: Submission, reply: HttpReply) -> Submitted | Refused | LockedOut:
        """202 with a list of one id; errors are a sentence."""
        value = json_of(reply.body)
        if reply.status in (200, 201, 202):
            return taken(submission, at(value, "message_uuid.0"))
        return by_status(submission, reply, UNKNOWN_ERROR, text(at(value, "error")) or "")

    def read(self, notice: Notice, now: float) -> Read:  # noqa: ARG002 - the nonce is no time
        """A status, or an inbound message."""
        if not self._is_theirs(notice):
            return Untrusted()
        form = notice.form if notice.method == "POST" else notice.query
        if "Status" not in form:
            return _inbound(form) or Unreadable()
        if form["Status"] not in STATES:
            return []
        return receipt(
            ours=form.get("From"), person=form.get("To"), state=STATES[form["Status"]],
            carrier_message_id=form.get("ParentMessageUUID") or form.get("MessageUUID"),
            error_code=CODES.get(number(form.get("ErrorCode")) or 0), reference=notice.query.get("ref"),
        ) or Unreadable()  # fmt: skip

    def media_headers(self, url: str) -> Mapping[str, str] | None:  # noqa: ARG002
        """Media are at a public place."""
        return None

    def _is_theirs(self, notice: Notice) -> bool:
        """Any of the signatures that came; there are several while a token is being changed."""
        nonce = notice.headers.get("x-plivo-signature-v3-nonce", "")
        expected = signature_v3(self._config.auth_token, notice.method, notice.url, nonce, notice.fields).encode()
        given = ",".join(notice.headers.get(name, "") for name in _SIGNATURES).split(",")
        return any(hmac.compare_digest(expected, one.strip().encode()) for one in given)


def signature_v3(auth_token: str, method: str, url: str, nonce: str, fields: Pairs) -> str:
    """`X-Plivo-Signature-V3`: HMAC-SHA256 over the URL, its query sorted, the form's names and values sorted, and the nonce."""
    base, _, query = url.partition("?")
    ordered = "&".join(f"{name}={value}" for name, value in sorted(parse_qsl(query, keep_blank_values=True)))
    if method == "POST" and fields:
        base += f"?{ordered}." if ordered else "?"
        base += "".join(name + value for name, value in sorted(fields))
    elif ordered:
        base += f"?{ordered}"
    return b64encode(hmac.digest(auth_token.encode(), f"{base}.{nonce}".encode(), "sha256")).decode()


def _inbound(form: Mapping[str, str]) -> Read:
    return inbound(
        person=form.get("From"), ours=form.get("To"), body=form.get("Text") or form.get("Body"),
        carrier_message_id=form.get("MessageUUID"),
        media=[(form.get(f"Media{n}"), "") for n in range(MEDIA_MAX + 1)],
    )  # fmt: skip
