"""An HTTP API as its operator has described it in the configuration (`limpet.config_generic`)."""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from itertools import chain
from urllib.parse import quote

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
    by_status,
    form_request,
    json_of,
    json_request,
    key_of,
    moment,
    number,
    refused,
    taken,
    text,
    text_of,
    without_plus,
)
from limpet.carrier.port import Inbound, Receipt, ReceiptState, Refused, Retry, Submission, Submitted
from limpet.config_generic import InboundRules, ReceiptRules, Verification
from limpet.config_http import GenericConfig

MEDIA = "{media}"
EVENTS_MAX = 1000
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class Generic:
    """`limpet.carrier.http_values.Upstream` by description."""

    def __init__(self, config: GenericConfig) -> None:
        self._config = config
        self.mms = config.mms
        self.idempotent = config.idempotency_keys
        self.notice_answer = ("text/plain", b"")

    def request(self, submission: Submission, notices_url: str) -> HttpRequest:
        """The template with its placeholders filled in."""
        template, values = self._config.request, self._values(submission, notices_url)
        headers = {name: _filled(one, values) for name, one in template.headers.items()}
        if self.idempotent:
            headers["Idempotency-Key"] = key_of(submission)
        url = _filled(template.url, values, lambda value: quote(value, safe=""))
        if template.json is not None:
            return json_request(url, headers, _rendered(template.json, values, submission), template.method)
        if template.form is None:
            return HttpRequest(template.method, url, headers, b"")
        pairs = [pair for name, one in template.form.items() for pair in _pairs(name, one, values, submission)]
        made = form_request(url, headers, pairs)
        return HttpRequest(template.method, made.url, made.headers, made.body)

    def reply(self, submission: Submission, reply: HttpReply) -> Submitted | Refused | LockedOut:
        """Taken where the status is 2xx and `when` fits; otherwise by the lists of words and statuses, then by the status."""
        rules, value = self._config.reply, _body(reply.body)
        if 200 <= reply.status < 300 and _fits(rules.when, value):
            return taken(submission, at(value, rules.id))
        word = (text(at(value, rules.error)) if rules.error else None) or ""
        said = {word, str(reply.status)}
        code = next((rules.codes[one] for one in (word, str(reply.status)) if one in rules.codes), UNKNOWN_ERROR)
        for words, retry in (
            (rules.permanent, Retry.NEVER),
            (rules.throttled, Retry.SLOWER),
            (rules.temporary, Retry.LATER),
        ):
            if said & set(words):
                return refused(submission, code, retry, f"{reply.status} {word}")
        return by_status(submission, reply, code, word)

    def read(self, notice: Notice, now: float) -> Read:
        """What the rules find in a notice that the verification believes."""
        verify = self._config.verify
        if verify is None or not is_theirs(verify, self._config.notice_secret, notice, now):
            return Untrusted()
        value: object = json_of(notice.body) if notice.body else notice.query
        value = notice.form if value is None else value
        if not isinstance(value, Mapping | list):
            return Unreadable()
        found: list[Receipt | Inbound] = []
        if (rules := self._config.receipt) is not None:
            found += chain.from_iterable(
                _receipt(rules, one) for one in _each(value, rules.each) if _fits(rules.when, one)
            )
        if (texts := self._config.inbound) is not None:
            found += chain.from_iterable(
                _inbound(texts, one) for one in _each(value, texts.each) if _fits(texts.when, one)
            )
        return found

    def media_headers(self, url: str) -> Mapping[str, str] | None:  # noqa: ARG002
        """Media of inbound messages are taken to be at a public place."""
        return None

    def _values(self, submission: Submission, notices_url: str) -> dict[str, str]:
        return {
            "number": submission.sender,
            "person": submission.recipient,
            "number_digits": without_plus(submission.sender),
            "person_digits": without_plus(submission.recipient),
            "text": text_of(submission),
            "reference": str(submission.reference),
            "message": key_of(submission),
            "secret": self._config.secret,
            "notices_url": notices_url,
        }


def is_theirs(verify: Verification, secret: str, notice: Notice, now: float) -> bool:
    """Whether a notice's header holds the secret, or the HMAC that only who has it can make."""
    stamp = notice.headers.get(verify.timestamp_header.lower(), "") if verify.timestamp_header else ""
    made = number(stamp)
    if verify.timestamp_header and (made is None or abs(now - made) > NOTICE_AGE_MAX_S):
        return False
    given = notice.headers.get(verify.header.lower(), "").encode()
    return hmac.compare_digest(verify.prefix.encode() + _proof(verify, secret, notice, stamp), given)


def _proof(verify: Verification, secret: str, notice: Notice, stamp: str) -> bytes:
    if verify.hmac == "none":
        return secret.encode()
    parts = {"body": notice.body, "url": notice.url.encode(), "timestamp": stamp.encode()}
    pieces = _PLACEHOLDER.split(verify.over)  # words and names of placeholders take turns
    over = b"".join(parts[piece] if place % 2 else piece.encode() for place, piece in enumerate(pieces))
    made = hmac.digest(secret.encode(), over, verify.hmac)
    return b64encode(made) if verify.encoding == "base64" else made.hex().encode()


def _filled(template: str, values: Mapping[str, str], spelled: Callable[[str], str] = str) -> str:
    """A text with its placeholders filled in, in one pass: what fills one is not looked at again."""
    return _PLACEHOLDER.sub(lambda match: spelled(values[match[1]]) if match[1] in values else match[0], template)


def _rendered(template: object, values: Mapping[str, str], submission: Submission) -> object:
    """A JSON value; what stands for media is a list, and is not there when there are none."""
    if isinstance(template, str):
        return list(submission.media) if template == MEDIA else _filled(template, values)
    if isinstance(template, Mapping):
        kept = {name: one for name, one in template.items() if one != MEDIA or submission.media}
        return {name: _rendered(one, values, submission) for name, one in kept.items()}
    if isinstance(template, tuple):
        return [_rendered(one, values, submission) for one in template if one != MEDIA or submission.media]
    return template


def _pairs(name: str, template: str, values: Mapping[str, str], submission: Submission) -> list[tuple[str, str]]:
    if template == MEDIA:
        return [(name, url) for url in submission.media]
    return [(name, _filled(template, values))]


def _body(body: bytes) -> object:
    """An answer as JSON; one that is none is a text, found at `text`, for APIs that answer an id and nothing else."""
    value = json_of(body)
    return value if isinstance(value, Mapping | list) else {"text": body.decode("utf-8", "replace").strip()}


def _fits(when: Mapping[str, str], value: object) -> bool:
    return all(text(at(value, path)) == wanted for path, wanted in when.items())


def _each(value: object, path: str) -> list[object]:
    """The events of a notice: those of the list at `path`, or the notice itself, which may be a list too."""
    found = at(value, path) if path else value
    return found[:EVENTS_MAX] if isinstance(found, list) else [found] if found is not None else []


def _receipt(rules: ReceiptRules, value: object) -> list[Receipt]:
    state = rules.states.get(text(at(value, rules.state)) or "")
    if state is None:
        return []
    error = (text(at(value, rules.error)) if rules.error else None) or ""
    return receipt(
        ours=at(value, rules.number), person=at(value, rules.person), carrier_message_id=at(value, rules.id),
        state=ReceiptState(state), error_code=rules.codes.get(error),
        reference=at(value, rules.reference) if rules.reference else None,
        done_at=moment(at(value, rules.done_at)) if rules.done_at else None,
    )  # fmt: skip


def _inbound(rules: InboundRules, value: object) -> list[Inbound]:
    listed = at(value, rules.media) if rules.media else None
    media = [
        (at(one, rules.media_url) if rules.media_url else one, at(one, rules.media_type) if rules.media_type else "")
        for one in (listed if isinstance(listed, list) else [])
    ]
    return inbound(
        person=at(value, rules.person), ours=at(value, rules.number), body=at(value, rules.text),
        carrier_message_id=at(value, rules.id), media=media,
    )  # fmt: skip
