"""The callback's form, its signature against the SDK's own validator, and the fragment's overrides."""

from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from limpet.core.status import Status
from limpet.twilio.callback import USUAL, Overrides, RetryOn, signature, split_fragment, status_callback_form

SID = "SM" + "0" * 32
ACCOUNT = "AC" + "1" * 32
DONE = datetime(2026, 11, 23, 7, 1, tzinfo=UTC)


class Repeated(dict[str, list[str]]):
    """A form with repeated names, in the shape in which Django hands it to the validator."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


def form_of(**given_values: object) -> dict[str, str]:
    values = {
        "message_sid": SID,
        "account_sid": ACCOUNT,
        "status": Status.SENT,
        "to": "+14155550101",
        "from_": "+14155550100",
    }
    return dict(parse_qsl(status_callback_form(**(values | given_values)), keep_blank_values=True, strict_parsing=True))  # type: ignore[arg-type]


def test_form_has_the_fields_every_callback_has():
    assert form_of() == {
        "MessageSid": SID,
        "SmsSid": SID,
        "MessageStatus": "sent",
        "SmsStatus": "sent",
        "AccountSid": ACCOUNT,
        "From": "+14155550100",
        "To": "+14155550101",
        "ApiVersion": "2010-04-01",
    }


def test_form_names_the_service_when_there_is_one():
    assert form_of(messaging_service_sid="MG" + "2" * 32)["MessagingServiceSid"] == "MG" + "2" * 32


@pytest.mark.parametrize("status", list(Status))
def test_form_has_error_code_and_done_date_only_where_twilio_has_them(status):
    form = form_of(status=status, error_code=30003, done_at=DONE)
    assert ("ErrorCode" in form) == (status in {"failed", "undelivered"})
    assert ("RawDlrDoneDate" in form) == (status in {"delivered", "undelivered"})


def test_done_date_is_utc_to_the_minute():
    at = DONE.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert form_of(status=Status.DELIVERED, done_at=at)["RawDlrDoneDate"] == "2611230701"


def test_form_without_a_sender_has_an_empty_from():
    assert form_of(status=Status.FAILED, from_=None)["From"] == ""


@given(st.text(st.characters(codec="utf-8"), min_size=1))
@example("+١٤١٥")
def test_form_gives_addresses_back_as_they_were(address):
    form = form_of(to=address, from_=address)
    assert (form["To"], form["From"]) == (address, address)
    written = status_callback_form(message_sid=SID, account_sid=ACCOUNT, status=Status.SENT, to=address, from_=address)
    assert written.isascii()


@given(st.from_regex(r"\+[0-9]{1,15}", fullmatch=True))
def test_numbers_are_written_as_urlencode_writes_them(number):
    form = status_callback_form(message_sid=SID, account_sid=ACCOUNT, status=Status.SENT, to=number, from_=number)
    assert f"&{urlencode({'From': number, 'To': number})}&" in form


def test_signature_is_the_one_in_twilios_own_example():
    pairs = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675310",
        "Digits": "1234",
        "From": "+14158675310",
        "To": "+18005551212",
    }
    assert signature("12345", "https://example.com/myapp.php?foo=1&bar=2", pairs.items()) == RequestValidator(
        "12345"
    ).compute_signature("https://example.com/myapp.php?foo=1&bar=2", pairs)
    assert (
        signature("12345", "https://example.com/myapp.php?foo=1&bar=2", pairs.items()) == "L/OH5YylLD5NRKLltdqwSvS0BnU="
    )


texts = st.text(st.characters(codec="utf-8"), max_size=12)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
urls = st.sampled_from(
    [
        "http://example.com/",
        "https://example.com:8443/hook",
        "https://example.com:443/hook",
        "http://example.com:80/hook?x=1",
        "https://example.com/hook?name=O'Neil&a=%20b&c=+",
        "https://example.com/h%C3%A9/ok?q=é",
        "https://user:secret@example.com/hook",
        "http://[2606:2800::1]:8080/x",
    ]
)


@given(token=texts, url=urls, pairs=st.lists(st.tuples(names, texts), max_size=8))
def test_signature_is_accepted_by_the_sdk(token, url, pairs):
    repeated = Repeated()
    for name, value in pairs:
        repeated.setdefault(name, []).append(value)
    assert RequestValidator(token).compute_signature(url, repeated) == signature(token, url, pairs)


@given(token=texts, url=urls, pairs=st.lists(st.tuples(names, texts), max_size=8))
def test_signature_of_an_encoded_form_is_that_of_its_pairs(token, url, pairs):
    assert signature(token, url, urlencode(pairs)) == signature(token, url, pairs)


@pytest.mark.parametrize(("named", "given_port"), [("https://example.com/x", ":443"), ("http://example.com/x", ":80")])
def test_sdk_validates_with_and_without_the_usual_port(named, given_port):
    form = {"MessageSid": SID, "Empty": ""}
    spelled = named.replace("example.com", "example.com" + given_port)
    assert RequestValidator("token").validate(spelled, form, signature("token", named, form.items()))
    assert not RequestValidator("token").validate(
        spelled, form | {"Empty": "x"}, signature("token", named, form.items())
    )


def test_url_without_fragment_is_left_alone():
    assert split_fragment("https://example.com/a?b=c") == ("https://example.com/a?b=c", USUAL)


def test_usual_limits_are_twilios():
    assert (USUAL.connect_timeout_s, USUAL.read_timeout_s, USUAL.total_timeout_s, USUAL.retries) == (5, 15, 15, 1)


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("ct=3000&rt=1500&rc=5&rp=all", Overrides(3, 1.5, 15, 5)),
        ("tt=9000", Overrides(total_timeout_s=9)),
        ("rc=0", Overrides(retries=0)),
        ("rp=5xx,ct", Overrides(retry_on=frozenset({RetryOn.SERVER_ERROR, RetryOn.CONNECT}))),
        ("rp=4XX", Overrides(retry_on=frozenset({RetryOn.CLIENT_ERROR}))),
        ("rp=nonsense", USUAL),
        ("ct=1&rt=1&tt=1&rc=99", Overrides(0.1, 0.1, 0.1, 5)),
        ("ct=99999&rt=99999&tt=99999", Overrides(10, 15, 15)),
        ("ct=-5&rt=fast&tt=&rc=1.5", USUAL),
        ("ct=٣٠٠٠&rc=" + "9" * 400, USUAL),
        ("section-2", USUAL),
        ("", USUAL),
    ],
)
def test_fragment_is_cut_off_and_bounded(fragment, expected):
    assert split_fragment("https://example.com/a?b=c#" + fragment) == ("https://example.com/a?b=c", expected)


@given(st.text())
def test_any_fragment_is_survived_within_bounds(fragment):
    _, asked = split_fragment("https://example.com/#" + fragment)
    assert 0.1 <= asked.connect_timeout_s <= 10
    assert 0.1 <= asked.read_timeout_s <= 15
    assert 0.1 <= asked.total_timeout_s <= 15
    assert 0 <= asked.retries <= 5
    assert asked.retry_on
