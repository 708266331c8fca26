"""What is fuzzed: each target takes any bytes and raises only when a promise is broken.

`tests/fuzz/search.py` looks for such bytes guided by coverage, `tests/fuzz/test_corpus.py` goes through those that it kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from limpet.carrier.smpp_values import delivery, text_of
from limpet.core.destination import UrlPolicy, address_allowed
from limpet.core.errors import ApiError
from limpet.smpp.codec import PDU_OCTETS_MAX, decode_tlvs
from limpet.smpp.commands import Command, Message, Pdu
from limpet.smpp.pdu import Splitter, decode, encode
from limpet.smpp.receipt import DELIVERY_RECEIPT, read_report
from limpet.smpp.session import Role, Session, SessionConfig
from limpet.twilio.callback import split_fragment
from limpet.twilio.forms import is_web_url, parse_form
from limpet.twilio.twiml import BODY_LENGTH_MAX, REPLIES_MAX, read_answer

SEND_OCTETS_MAX = 4 * PDU_OCTETS_MAX


def pdu(data: bytes) -> None:
    """A stream, cut in two anywhere, is the same PDUs; what was decoded can be encoded, or a value is said not to fit."""
    at = data[0] if data else 0
    whole, cut = Splitter(), Splitter()
    once, twice = whole.feed(data), cut.feed(data[:at]) + cut.feed(data[at:])
    assert once == twice, (once, twice)
    for one in once:
        if isinstance(one, Pdu):
            _there_and_back(one)


def _there_and_back(one: Pdu) -> None:
    try:
        octets = encode(one)
    except ValueError:
        return  # a TLV that is not as long as its table says: taken from peers, not made
    assert decode(octets, 0, len(octets)) == one


def session(data: bytes) -> None:
    """A session of either role takes any bytes, however they come in, and never has more to say than it was told."""
    role = Role.SMSC if data[:1] > b"\x7f" else Role.ESME
    one = Session(role, SessionConfig("fuzz"), 0.0)
    step = 1 + (data[1] if len(data) > 1 else 0)
    for place in range(2, len(data), step):
        one.receive(data[place : place + step], place / 10)
        one.tick(place / 10 + 0.05)
    assert len(one.bytes_to_send()) <= SEND_OCTETS_MAX
    assert one.in_flight == 0


def receipt(data: bytes) -> None:
    """Whatever stands in a receipt's text, it is read without complaint, and so is the text of any message."""
    esm_class, coding = (data[0], data[1]) if len(data) > 1 else (DELIVERY_RECEIPT, 0)
    body = Message(esm_class=esm_class, data_coding=coding, short_message=data[2:256])
    one = Pdu(Command.DELIVER_SM, 0, 1, body, decode_tlvs(data, 256, len(data)) or {} if len(data) > 256 else {})
    report = read_report(one)
    assert report is None or report.message_id is None or len(report.message_id) <= len(data)
    delivery(one, 7)
    text_of(one)


def tlvs(data: bytes) -> None:
    """TLVs are read to the last octet, or refused."""
    found = decode_tlvs(data, 0, len(data))
    if found is not None:
        assert sum(4 + len(value) for value in found.values()) <= len(data)


def form(data: bytes) -> None:
    """A form is read or refused in Twilio's words."""
    try:
        parsed = parse_form(data)
    except ApiError:
        return
    assert all(isinstance(value, str) and "\0" not in value for values in parsed.values() for value in values)


def twiml(data: bytes) -> None:
    """A customer's answer is read, whatever it is, and leads to a bounded number of replies."""
    kind = ("text/xml", "text/plain; charset=utf-8", "application/xml; charset=latin-1", "")[data[0] % 4 if data else 0]
    script = read_answer(kind, data[1:])
    assert len(script.replies) <= REPLIES_MAX
    assert all(len(reply.body) <= BODY_LENGTH_MAX for reply in script.replies)


def url(data: bytes) -> None:
    """What looks like a URL or an address is judged, never choked on."""
    text = data.decode("utf-8", "replace")
    is_web_url(text)
    split_fragment(text)
    address_allowed(text, UrlPolicy())


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    one.__name__: one for one in (pdu, session, receipt, tlvs, form, twiml, url)
}
