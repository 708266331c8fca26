"""Bandwidth. Source: dev.bandwidth.com, Messaging API v2: createMessage, webhooks, error codes.

Its callbacks come in lists, to the one URL of the messaging application, with the Basic credentials that were set there. A
message's `tag` comes back in all of them.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from itertools import chain
from urllib.parse import urlsplit

from limpet.carrier.http_receipts import inbound, receipt
from limpet.carrier.http_values import (
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
    moment,
    number,
    taken,
    text,
    text_of,
)
from limpet.carrier.port import Delivery, ReceiptState, Refused, Submission, Submitted
from limpet.config_http import BandwidthConfig

STATES: Mapping[str, ReceiptState] = {
    "message-sending": ReceiptState.ENROUTE,
    "message-sent": ReceiptState.ENROUTE,
    "message-delivered": ReceiptState.DELIVERED,
    "message-failed": ReceiptState.UNDELIVERED,
}
CODES: Mapping[int, int] = {
    4302: 21606, 4303: 30005, 4360: 30036, 4403: 21606, 4404: 30004, 4405: 21606, 4406: 30005, 4410: 30019, 4411: 30019,
    4432: 21408, 4434: 30005, 4470: 30007, 4475: 21610, 4476: 30034, 4481: 30004, 4482: 30004, 4700: 30006, 4701: 30003,
    4702: 30003, 4711: 30019, 4720: 30005, 4721: 30005, 4730: 30005, 4740: 21606, 4750: 30003, 4751: 30019, 4753: 30003,
    4754: 30011, 4770: 30007, 4771: 30007, 4772: 30004, 4773: 30034, 4774: 30034, 4775: 21610, 4780: 30007, 4781: 30007,
    4785: 30007, 4795: 30032, 5600: 30003, 9902: 30003,
}  # fmt: skip
"""Bandwidth's codes and Twilio's for the same."""
_INBOUND = "message-received"


class Bandwidth:
    """`limpet.carrier.http_values.Upstream` over `/api/v2/users/{account}/messages`."""

    def __init__(self, config: BandwidthConfig) -> None:
        self._config = config
        self._url = f"{config.base_url}/api/v2/users/{config.account_id}/messages"
        self._headers = {"Authorization": basic(config.username, config.password), "Accept": "application/json"}
        self._known = basic(config.notice_username, config.notice_password).encode()
        self.mms = config.mms
        self.idempotent = False
        self.notice_answer = ("text/plain", b"")

    def request(self, submission: Submission, notices_url: str) -> HttpRequest:  # noqa: ARG002 - the application has it
        """POST the message, its reference as the tag."""
        value: dict[str, object] = {
            "applicationId": self._config.application_id,
            "from": submission.sender,
            "to": [submission.recipient],
            "text": text_of(submission),
            "tag": str(submission.reference),
        }
        if submission.as_mms:
            value["media"] = list(submission.media)
        return json_request(self._url, self._headers, value)

    def reply(self, submission: Submission, reply: HttpReply) -> Submitted | Refused | LockedOut:
        """202 with an id; errors have a type and a description. 403 is the account's, not the message's."""
        value = json_of(reply.body)
        if reply.status in (200, 201, 202):
            return taken(submission, at(value, "id"))
        why = f"{text(at(value, 'type')) or ''} {text(at(value, 'description')) or ''}".strip()
        if reply.status == 403:
            return LockedOut(f"403 {why}")
        return by_status(submission, reply, UNKNOWN_ERROR, why)

    def read(self, notice: Notice, now: float) -> Read:  # noqa: ARG002 - credentials have no time
        """A list of events."""
        if not hmac.compare_digest(notice.headers.get("authorization", "").encode(), self._known):
            return Untrusted()
        events = json_of(notice.body)
        if not isinstance(events, list):
            return Unreadable()
        return list(chain.from_iterable(_deliveries(event) for event in events))

    def media_headers(self, url: str) -> Mapping[str, str] | None:
        """Media are at the API and want its credentials."""
        ours = urlsplit(url).netloc == urlsplit(self._config.base_url).netloc
        return {"Authorization": self._headers["Authorization"]} if ours else None


def _deliveries(event: object) -> list[Delivery]:
    kind, message = text(at(event, "type")) or "", at(event, "message")
    if kind == _INBOUND:
        media = at(message, "media")
        return list(
            inbound(
                person=at(message, "from"), ours=at(event, "to") or at(message, "owner"), body=at(message, "text"),
                carrier_message_id=at(message, "id"),
                media=[(url, "") for url in media if not str(url).endswith(".smil")] if isinstance(media, list) else (),
            )
        )  # fmt: skip
    if kind not in STATES:
        return []
    return list(
        receipt(
            ours=at(message, "from"), person=at(event, "to") or at(message, "to.0"), carrier_message_id=at(message, "id"),
            state=STATES[kind], error_code=CODES.get(number(at(event, "errorCode")) or 0), reference=at(message, "tag"),
            submitted_at=moment(at(message, "time")), done_at=moment(at(event, "time")),
        )
    )  # fmt: skip
