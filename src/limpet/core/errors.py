"""Twilio's error codes: what each says, and with which HTTP status the API answers it.

One table. The numbers and what they mean are Twilio's (twilio.com/docs/api/errors), the words are ours. Only the API's
door raises `ApiError`; below it a refusal is a value that carries a code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

VALUE_LENGTH_MAX: Final = 100
"""Characters of a caller's own value that an error repeats; the rest is left out."""


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One code. `http_status` is None where only a message carries it, as its `error_code` and `error_message`.

    `message` may hold names in braces, which `ApiError` fills in; a message-level text holds none.
    """

    code: int
    http_status: int | None
    message: str


_REFUSALS: Final = (
    (20001, 400, "Invalid parameter {parameter}: {why}"),
    (20003, 401, "Authentication failed: the SID and the secret do not belong together, or not to this account"),
    (20004, 405, "Method {method} is not allowed on this resource"),
    (20005, 403, "The account is not active: it may look, but not change or send anything"),
    (20008, 403, "Test credentials cannot do this: they rehearse messages with a 'From', and bringing numbers"),
    (20009, 409, "The message cannot be changed or deleted before its status is final; it is {status_now}"),
    (20404, 404, "The requested resource {resource} was not found"),
    (20429, 429, "Too many requests: wait a moment and repeat"),
    (20500, 500, "Internal failure: the log tells more under this answer's Twilio-Request-Id"),
    (20503, 503, "Service unavailable"),
    (21211, 400, "The 'To' number {value} is not a valid phone number"),
    (21212, 400, "The 'From' {value} is not a valid phone number, short code or alphanumeric sender"),
    (21408, 400, "Sending to the region of the 'To' number is not enabled for this account"),
    (21421, 400, "{parameter} {value} is not a phone number, or not one of this account"),
    (21422, 400, "The number {value} is not available: another account has it, or it is not on offer"),
    (21452, 400, "No phone number with the area code {value} is available"),
    (21481, 400, "The page token {value} is not one that a page of this list gives"),
    (21601, 400, "{value} is not a phone number of this account that can send messages"),
    (21602, 400, "A message body is required"),
    (21603, 400, "A 'From' or a 'MessagingServiceSid' is required to send a message"),
    (21604, 400, "A 'To' number is required to send a message"),
    (21606, 400, "The 'From' number {value} is not a number of this account that can send to this destination"),
    (21608, 400, "The 'To' number {value} is not verified, and a trial account sends to verified numbers only"),
    (21609, 400, "The 'StatusCallback' {value} is not a valid URL"),
    (21610, 400, "The recipient has opted out of messages from this sender"),
    (21611, 400, "The 'From' number {value} has as many messages queued as it may have"),
    (21612, 400, "The 'To' number cannot be reached from this sender"),
    (21614, 400, "The 'To' number is not a mobile number"),
    (21617, 400, "The message body is longer than 1600 characters"),
    (21619, 400, "A message needs a body, media or content"),
    (21620, 400, "A media URL is not valid: {value}"),
    (21621, 400, "The 'From' number {value} cannot send media"),
    (21622, 400, "Sending media is not enabled for this account"),
    (21623, 400, "A message holds at most 10 media files"),
    (21624, 400, "The validity period {value} is not a whole number of seconds from 1 to 36000"),
    (21626, 400, "'StatusCallbackEvents' {value} is not all, final, or a list of states"),
    (21654, 400, "'ContentVariables' need a 'ContentSid'"),
    (21655, 400, "The 'ContentSid' {value} is not the SID of a content template of this account"),
    (21656, 400, "'ContentVariables' do not fit the template, or are not a JSON object of texts"),
    (21627, 400, "'MaxPrice' {value} is not a number"),
    (
        21659,
        400,
        "{value} is not a phone number of this account, or a short code of another country than the recipient's",
    ),
    (21669, 400, "The sender {value} belongs to another region"),
    (21701, 400, "The Messaging Service {value} does not exist in this account"),
    (21702, 400, "The Messaging Service is not available for sending"),
    (21704, 400, "The Messaging Service has no senders"),
    (21705, 400, "{value} is not the SID of a Messaging Service"),
    (21709, 400, "The alphanumeric sender {value} is not valid, or not allowed for this Messaging Service"),
    (21710, 409, "The sender {value} is already in this Messaging Service"),
    (21711, 400, "The 'From' number {value} is not in the pool of the Messaging Service"),
    (21712, 409, "The sender {value} is in another Messaging Service"),
    (21714, 412, "The Messaging Service holds as many senders as it may"),
    (21715, 400, "The number {value} can send neither SMS nor MMS"),
    (21717, 400, "The brand registration {value} is not registered, or not valid for the campaign"),
    (21719, 400, "The use case of the Messaging Service does not fit that of the campaign"),
    (21720, 400, "The campaign use case {value} is not valid"),
    (21725, 400, "A brand registration can be updated only when it has failed"),
    (21727, 400, "The campaign lacks a required parameter: {parameter}"),
    (21728, 400, "A parameter of the campaign is too short or too long: {parameter}"),
    (30029, 400, "The 'ContentRetention' {value} is neither retain nor discard"),
    (30030, 400, "The 'AddressRetention' {value} is neither retain nor obfuscate"),
    (30100, 400, "{value} is not the SID of the domain for short links"),
    (30109, 400, "The 'CallbackUrl' {value} is not a valid URL"),
    (30122, 400, "The 'FallbackUrl' {value} is not a valid URL"),
    (30124, 400, "A 'MessagingServiceSid' is required to shorten links"),
    (30409, 400, "The message cannot be canceled: only a scheduled one can, and it is {status_now}"),
    (35111, 400, "'SendAt' is required to schedule a message"),
    (35114, 400, "'SendAt' is no time of ISO 8601, or less than 300 seconds ahead: {value}"),
    (35115, 400, "'SendAt' is more than 35 days ahead: {value}"),
    (35117, 400, "'SendAt' is over already: {value}"),
    (35118, 400, "A 'MessagingServiceSid' is required to schedule a message"),
    (35119, 400, "'SendAt' needs 'ScheduleType=fixed'"),
    (35125, 400, "The account has as many messages scheduled as it may have"),
    (35126, 400, "The schedule type {value} is not offered for this channel"),
    (91007, 400, "The sink {value} is still in use: delete its subscription first"),
)
"""Answers of the API. 21610, 21612 and 21614 are also told of a message that was already taken."""

_FAILURES: Final = (
    (21703, "The Messaging Service has no sender that can send this message"),
    (23003, "Message redaction does not go together with Sticky Sender"),
    (23004, "Message redaction does not go together with Advanced Opt-Out"),
    (23006, "Message redaction does not go together with inbound webhooks by GET"),
    (30001, "The sender's queue is full"),
    (30002, "The account is suspended"),
    (30003, "The recipient's handset cannot be reached"),
    (30004, "The message was blocked"),
    (30005, "The recipient's number is unknown"),
    (30006, "The recipient's number is a landline, or its carrier cannot be reached"),
    (30007, "The message was filtered"),
    (30008, "The message failed for an unknown reason"),
    (30011, "The recipient's number does not take MMS in this region"),
    (30019, "The content is larger than the carrier takes"),
    (30020, "The message could not be scheduled: internal failure"),
    (30021, "The Messaging Service failed internally"),
    (30022, "The campaign sends faster to the United States than it may"),
    (30023, "The Messaging Service or its campaign has sent as many segments today as it may"),
    (30027, "The campaign's brand has sent as many segments to T-Mobile today as it may"),
    (30032, "The toll-free sender is not verified"),
    (30034, "The sender is not registered with a campaign, which this destination demands"),
    (30036, "The validity period was over before the message could be sent"),
    (30037, "Messaging is disabled for this sender"),
    (30038, "The message was filtered as a one-time password"),
    (30041, "The sender is not registered for the United Kingdom"),
)
"""What a message carries that the API had already taken, and warnings about settings (23003 to 23006)."""

ERRORS: Final[Mapping[int, ErrorKind]] = MappingProxyType(
    {code: ErrorKind(code, status, message) for code, status, message in _REFUSALS}
    | {code: ErrorKind(code, None, message) for code, message in _FAILURES}
)
"""Every code that Limpet sends."""


def more_info(code: int) -> str:
    """Twilio's page on a code, as every error names it."""
    return f"https://www.twilio.com/docs/errors/{code}"


_NO_VALUE: Final = "(none)"


class ApiError(Exception):
    """A request that is refused: code, HTTP status, message and details of Twilio's error body.

    `values` fill the names in the code's message; one that is missing or empty reads `(none)`, a long one is cut short.
    `status` replaces the code's own HTTP status (21701 is a 404 under /v1/Services; 20001 a 413 for a large body).
    Raised at the API's door only, so that a handler can leave from anywhere. An unknown code is a KeyError.
    """

    def __init__(
        self, code: int, *, status: int | None = None, details: Mapping[str, object] | None = None, **values: object
    ) -> None:
        kind = ERRORS[code]
        self.code = code
        self.status = status or kind.http_status or 400
        self.message = kind.message.format_map(_Values({name: _shown(value) for name, value in values.items()}))
        self.details = details
        super().__init__(self.message)


class _Values(dict[str, str]):
    """A caller's values by name."""

    def __missing__(self, name: str) -> str:
        return _NO_VALUE


def _shown(value: object) -> str:
    text = str(value) or _NO_VALUE
    return text if len(text) <= VALUE_LENGTH_MAX else text[:VALUE_LENGTH_MAX] + "…"
