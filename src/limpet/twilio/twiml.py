"""TwiML for messaging: what a customer's answer to an inbound text asks for, read from its bytes.

Source: twilio.com/docs/messaging/twiml. Documents come from strangers: no document type, no entity but the five of XML, a bounded
size and depth. It sends nothing and knows no store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from xml.etree.ElementTree import Element
from xml.parsers import expat

from limpet.core.address import parse_recipient, parse_sender
from limpet.core.encoding import BODY_LENGTH_MAX
from limpet.twilio.forms import METHODS, URL_LENGTH_MAX, is_web_url

DOCUMENT_BYTES_MAX = 64 * 1024
DEPTH_MAX = 10
REPLIES_MAX = 10
MEDIA_MAX = 10
TEXT_TYPES = frozenset({"text/plain", "text/html"})
XML_TYPES = frozenset({"text/xml", "application/xml", ""})


class TwimlError(IntEnum):
    """What is wrong with an answer, by Twilio's numbers (twilio.com/docs/api/errors)."""

    PARSE = 12100
    """No well-formed document."""
    SCHEMA = 12200
    """Something that does not belong there; the rest is heeded."""
    CONTENT_TYPE = 12300
    TO_ATTRIBUTE = 14101
    FROM_ATTRIBUTE = 14102
    METHOD_ATTRIBUTE = 14103
    ACTION_ATTRIBUTE = 14104
    REPLY_LIMIT = 14109
    VERB = 14110


@dataclass(frozen=True, slots=True)
class Reply:
    """A `<Message>`: None for `to` and `from_` means back to where the text came from. Addresses are normalised.

    `status_callback` is what `statusCallback` or the older `action` names, an absolute or relative URL as it was written.
    """

    body: str
    media: tuple[str, ...] = ()
    to: str | None = None
    from_: str | None = None
    status_callback: str | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """A `<Redirect>`: the URL as it was written, to be asked for what to do next; nothing after it is heeded."""

    url: str
    method: str


@dataclass(frozen=True, slots=True)
class Script:
    """What an answer asks for, in order, and what was wrong with it. Where the whole of it was, nothing is asked for."""

    replies: tuple[Reply, ...] = ()
    redirect: Redirect | None = None
    errors: tuple[TwimlError, ...] = ()

    @property
    def unreadable(self) -> bool:
        """Whether nothing could be made of it, so that the fallback is to be asked."""
        return bool({TwimlError.PARSE, TwimlError.CONTENT_TYPE} & set(self.errors))


def read_answer(content_type: str, body: bytes) -> Script:
    """What a webhook's answer asks for: TwiML, a plain text that is the reply, or nothing (an empty answer)."""
    if not body.strip():
        return Script()
    kind = content_type.partition(";")[0].strip().lower()
    if kind in XML_TYPES:
        return _read_document(body)
    if kind in TEXT_TYPES:
        text = body.decode("utf-8", "replace").replace("\0", "\ufffd").strip()
        if kind == "text/html" and text.startswith("<"):
            return _read_document(body)
        return Script((Reply(text[:BODY_LENGTH_MAX]),))
    return Script(errors=(TwimlError.CONTENT_TYPE,))


def _read_document(body: bytes) -> Script:
    root = _parse(body)
    if root is None or root.tag != "Response":
        return Script(errors=(TwimlError.PARSE,))
    replies: list[Reply] = []
    errors: list[TwimlError] = []
    for verb in root:
        if verb.tag == "Redirect":
            redirect, error = _redirect(verb)
            return Script(tuple(replies), redirect, (*errors, *error))
        if verb.tag not in ("Message", "Sms"):
            errors.append(TwimlError.VERB)
            continue
        if len(replies) == REPLIES_MAX:
            errors.append(TwimlError.REPLY_LIMIT)
            break
        reply, wrong = _message(verb)
        errors += wrong
        if reply is not None:
            replies.append(reply)
    if (root.text or "").strip() or any((verb.tail or "").strip() for verb in root):
        errors.append(TwimlError.SCHEMA)
    return Script(tuple(replies), None, tuple(errors))


def _message(verb: Element) -> tuple[Reply | None, list[TwimlError]]:
    """A `<Message>`; one whose addresses cannot be is not sent."""
    errors = list(_unexpected(verb, {"to", "from", "action", "method", "statusCallback", "sender"}))
    texts: list[str] = [verb.text or ""]
    media: list[str] = []
    for noun in verb:
        if noun.tag == "Body":
            texts.append(noun.text or "")
        elif noun.tag == "Media" and len(media) < MEDIA_MAX and is_web_url((noun.text or "").strip()):
            media.append((noun.text or "").strip())
        else:
            errors.append(TwimlError.SCHEMA)
        texts.append(noun.tail or "")
    to, from_ = verb.get("to"), verb.get("from") or verb.get("sender")
    address, sender = (to and parse_recipient(to)) or None, (from_ and parse_sender(from_)) or None
    wrong = [
        *([TwimlError.TO_ATTRIBUTE] if to and not address else []),
        *([TwimlError.FROM_ATTRIBUTE] if from_ and not sender else []),
        *([TwimlError.METHOD_ATTRIBUTE] if verb.get("method", "POST").upper() not in METHODS else []),
        *([TwimlError.ACTION_ATTRIBUTE] if len(verb.get("action", "")) > URL_LENGTH_MAX else []),
    ]
    body = "".join(texts).strip().replace("\0", "\ufffd")
    if wrong or not (body or media):
        return None, [*errors, *(wrong or [TwimlError.SCHEMA])]
    if len(body) > BODY_LENGTH_MAX:
        errors.append(TwimlError.SCHEMA)
    callback = verb.get("statusCallback") or verb.get("action") or None
    return (
        Reply(
            body[:BODY_LENGTH_MAX], tuple(media), address.value if address else None, sender.value if sender else None, callback
        ),
        errors,
    )  # fmt: skip


def _redirect(verb: Element) -> tuple[Redirect | None, Sequence[TwimlError]]:
    method, where = verb.get("method", "POST").upper(), (verb.text or "").strip()
    if method not in METHODS:
        return None, (TwimlError.METHOD_ATTRIBUTE,)
    if not where or len(where) > URL_LENGTH_MAX:
        return None, (TwimlError.SCHEMA,)
    return Redirect(where, method), tuple(_unexpected(verb, {"method"}))


def _unexpected(verb: Element, known: set[str]) -> Iterator[TwimlError]:
    if set(verb.keys()) - known:
        yield TwimlError.SCHEMA


class _Refused(Exception):
    """Something that no TwiML has: a document type, an entity of its own, too much depth."""


def _parse(body: bytes) -> Element | None:
    """The document's root; None when it is not well-formed, or uses what TwiML has no use for."""
    if len(body) > DOCUMENT_BYTES_MAX:
        return None
    open_elements: list[Element] = []
    roots: list[Element] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(open_elements) >= DEPTH_MAX:
            raise _Refused
        made = Element(name, attributes)
        (open_elements[-1] if open_elements else roots).append(made)
        open_elements.append(made)

    def end(_name: str) -> None:
        open_elements.pop()

    def text(data: str) -> None:
        inside = open_elements[-1]
        if len(inside):
            inside[-1].tail = (inside[-1].tail or "") + data
        else:
            inside.text = (inside.text or "") + data

    def refuse(*_: object) -> None:
        raise _Refused

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(body.strip(), True)
    except (expat.ExpatError, _Refused, ValueError, LookupError):
        return None
    return roots[0] if roots else None
