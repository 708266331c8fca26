"""Forms of the Message resource: what a customer asks to send, and what may be changed afterwards.

Source: twilio.com/docs/messaging/api/message-resource. All of Twilio's parameters are understood; those on which Limpet does
not act are checked and ignored, those that would change what arrives are refused. It knows neither services nor senders.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import partial
from typing import Final

from limpet.core.address import Address, parse_sender
from limpet.core.encoding import BODY_LENGTH_MAX
from limpet.core.errors import ApiError
from limpet.core.retention import Mark
from limpet.twilio.content_form import parse_content_variables
from limpet.twilio.forms import (
    TEXT_LENGTH_MAX,
    Form,
    boolean,
    callback_events,
    choice,
    filled,
    given,
    integer,
    invalid,
    is_web_url,
    person_of,
    text,
    url,
    whole,
)
from limpet.twilio.sid import is_sid

VALIDITY_PERIOD_MAX_S: Final = 36_000
SCHEDULE_MIN: Final = timedelta(seconds=300)
SCHEDULE_MAX: Final = timedelta(days=35)
MEDIA_MAX: Final = 10
TAGS_MAX: Final = 10
TAG_LENGTH_MAX: Final = 128
ATTEMPT_MAX: Final = 100
_RETENTION: Final[Mapping[str, tuple[tuple[str, str], Mark, int]]] = {
    "ContentRetention": (("retain", "discard"), Mark.DISCARD, 30029),
    "AddressRetention": (("retain", "obfuscate"), Mark.OBFUSCATE, 30030),
}


@dataclass(frozen=True, slots=True)
class MessageRequest:
    """A message as asked for. `sender` is normalised; None leaves the choice to the service.

    `callback_events` and `smart_encoded` None mean the service's. `send_at` is aware UTC, None for now.
    """

    recipient: Address
    sender: str | None
    service_sid: str | None
    body: str
    status_callback: str | None
    callback_events: str | None
    validity_period_s: int | None
    send_at: datetime | None
    smart_encoded: bool | None
    content_sid: str | None = None
    """The template that the body is made of; `body` is empty until it is."""
    content_variables: Mapping[str, str] = field(default_factory=dict)
    media_urls: tuple[str, ...] = ()
    marks: int = 0
    """`limpet.core.retention.Mark`: what will not be kept."""
    shorten: bool = False
    """Links in `body` are to be made short."""
    as_mms: bool = False


class MessageChange(StrEnum):
    """What may be done to a message that exists."""

    REDACT = "redact"
    CANCEL = "cancel"


def parse_message(form: Form, now: datetime) -> MessageRequest:
    """Read `POST …/Messages.json`; ApiError with Twilio's code for the first thing that is wrong."""
    to = filled(form, "To")
    if to is None:
        raise ApiError(21604)
    recipient = person_of(to)
    service_sid, sender = _origin(form)
    body, media = _body(form), media_urls(form)
    for name in form:
        if (check := _CHECKED.get(name)) is not None:
            check(form, name)
    marks = _marks(form) if "ContentRetention" in form or "AddressRetention" in form else 0
    shorten = "ShortenUrls" in form and _shorten(form, service_sid)
    return MessageRequest(
        recipient,
        sender,
        service_sid,
        body,
        url(form, "StatusCallback") or None,
        callback_events(form),
        _validity_period(form),
        _send_at(form, service_sid, now),
        boolean(form, "SmartEncoded"),
        _content_sid(form),
        parse_content_variables(form),
        media,
        marks,
        shorten,
        boolean(form, "SendAsMms") or False,
    )


def parse_message_change(form: Form) -> MessageChange:
    """Read `POST …/Messages/{SM}.json`: an empty `Body` redacts, `Status=canceled` cancels; exactly one of them."""
    body, status = given(form, "Body"), filled(form, "Status")
    if body and status is None:
        raise invalid("Body", "it can only be emptied")
    if status is not None and (status != "canceled" or body is not None):
        raise invalid("Status", "only 'canceled' can be asked for, and not together with 'Body'")
    if body is None and status is None:
        raise invalid("Body", "an empty one, or 'Status=canceled', is required")
    return MessageChange.REDACT if status is None else MessageChange.CANCEL


def parse_outcome(form: Form) -> str:
    """Read `POST …/Feedback.json`: `confirmed` or `unconfirmed`, the latter when nothing is said."""
    return choice(form, "Outcome", ("confirmed", "unconfirmed")) or "unconfirmed"


def _origin(form: Form) -> tuple[str | None, str | None]:
    """The service and the sender; many applications put the service's SID into `From`, so that is understood too."""
    service_sid, sender = filled(form, "MessagingServiceSid"), filled(form, "From")
    if sender is not None and is_sid("MG", sender):
        service_sid, sender = service_sid or sender, None
    if service_sid is None and sender is None:
        raise ApiError(21603)
    if service_sid is not None and not is_sid("MG", service_sid):
        raise ApiError(21705, value=service_sid)
    return service_sid, None if sender is None else _sender(sender)


def _sender(value: str) -> str:
    address = parse_sender(value)
    if address is None:
        raise ApiError(21212, value=value)
    return address.value


def _body(form: Form) -> str:
    body = given(form, "Body")
    if media_urls(form):
        return _short(body or "")
    if filled(form, "ContentSid") is not None:
        return ""
    if not body:
        raise ApiError(21619 if body is None else 21602)
    return _short(body)


def _short(body: str) -> str:
    if len(body) > BODY_LENGTH_MAX:
        raise ApiError(21617)
    return body


def _content_sid(form: Form) -> str | None:
    value = filled(form, "ContentSid")
    if value is not None and not is_sid("HX", value):
        raise ApiError(21655, value=value)
    return value


def media_urls(form: Form) -> tuple[str, ...]:
    """The values of `MediaUrl`; 21623 for more than MEDIA_MAX, 21620 for one that is no URL."""
    urls = form.get("MediaUrl", [])
    if len(urls) > MEDIA_MAX:
        raise ApiError(21623)
    if (bad := next((value for value in urls if not is_web_url(value)), None)) is not None:
        raise ApiError(21620, value=bad)
    return tuple(urls)


def _validity_period(form: Form) -> int | None:
    value = filled(form, "ValidityPeriod")
    period = None if value is None else whole(value)
    if value is not None and (period is None or not 1 <= period <= VALIDITY_PERIOD_MAX_S):
        raise ApiError(21624, value=value)
    return period


def _send_at(form: Form, service_sid: str | None, now: datetime) -> datetime | None:
    kind, value = filled(form, "ScheduleType"), filled(form, "SendAt")
    if kind not in (None, "fixed"):
        raise ApiError(35126, value=kind)
    if value is None and kind is None:
        return None
    if kind is None:
        raise ApiError(35119)
    if value is None:
        raise ApiError(35111)
    if service_sid is None:
        raise ApiError(35118)
    return _scheduled(value, now)


def _scheduled(value: str, now: datetime) -> datetime:
    """Sources: twilio.com/docs/api/errors/35114 and …/35115, which say the same of different numbers. Here 35114 is said of what
    is no time or too soon, 35115 of what is too far away and 35117 of what is over. A time without an offset is UTC.
    """
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise ApiError(35114, value=value) from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if at <= now:
        raise ApiError(35117, value=value)
    if at - now > SCHEDULE_MAX:
        raise ApiError(35115, value=value)
    if at - now < SCHEDULE_MIN:
        raise ApiError(35114, value=value)
    return at.astimezone(UTC)


def _price(form: Form, name: str) -> None:
    value = filled(form, name)
    try:
        good = value is None or Decimal(value).is_finite()
    except InvalidOperation:
        good = False
    if not good:
        raise ApiError(21627, value=value)


def _tags(form: Form, name: str) -> None:
    value = text(form, name)
    if value and not _are_tags(value):
        raise invalid(name, f"not a JSON object of at most {TAGS_MAX} texts of at most {TAG_LENGTH_MAX} characters")


def _are_tags(value: str) -> bool:
    try:
        tags = json.loads(value)
    except (ValueError, RecursionError):
        return False
    return isinstance(tags, dict) and len(tags) <= TAGS_MAX and all(map(_is_tag, (*tags, *tags.values())))


def _is_tag(value: object) -> bool:
    return isinstance(value, str) and len(value) <= TAG_LENGTH_MAX


def _application(form: Form, name: str) -> None:
    if filled(form, name) is not None:
        raise invalid(name, "applications are not offered here; give 'StatusCallback'")


def _marks(form: Form) -> int:
    """What will not be kept of a message; 30029 and 30030 for a word that says nothing of it."""
    marks = 0
    for name, (words, mark, code) in _RETENTION.items():
        if name in form and (value := filled(form, name)) is not None:
            if value not in words:
                raise ApiError(code, value=value)
            marks |= mark if value == words[1] else 0
    return marks


def _shorten(form: Form, service_sid: str | None) -> bool:
    """Whether links are to be made short; 30124 without a service."""
    wanted = bool(boolean(form, "ShortenUrls"))
    if wanted and service_sid is None:
        raise ApiError(30124)
    return wanted


def _fallback_from(form: Form, name: str) -> None:
    value = filled(form, name)
    if value is None:
        return
    _sender(value)
    if _origin(form)[0] is None:
        raise invalid(name, "it needs 'MessagingServiceSid'")


def _actions(form: Form, name: str) -> None:
    if any(len(value) > TEXT_LENGTH_MAX for value in form[name]):
        raise invalid(name, f"longer than {TEXT_LENGTH_MAX} characters")


_CHECKED: Mapping[str, Callable[[Form, str], object]] = {
    "ApplicationSid": _application,
    "MaxPrice": _price,
    "ProvideFeedback": boolean,
    "Attempt": partial(integer, least=1, most=ATTEMPT_MAX),
    "ForceDelivery": boolean,
    "PersistentAction": _actions,
    "TrafficType": partial(choice, options=("free",)),
    "RiskCheck": partial(choice, options=("enable", "disable")),
    "FallbackFrom": _fallback_from,
    "Tags": _tags,
    "MessageIntent": text,
}
"""Parameters on which nothing that a person receives depends here: their form is checked, and what is not offered is refused."""
