"""The page of phones without scripts, and its JSON: what is sent is seen, what people write is brought, and nothing is markup."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
import requests
from twilio.request_validator import RequestValidator

from limpet.pages.phones.bubble import element_id
from limpet.pages.phones.events import event
from limpet.pages.phones.views import WAIT_MAX_S
from tests.pages.conftest import TIMEOUT_S, Phones, running, texts
from tests.support.customer import Answer, recording_customer

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }} {% raw %}",
    "\u202egnp.exe\u202c right to left: שלום",
    "👩‍👩‍👧‍👦 and e\u0301",
    "two\nlines\r\nand\rmore\u2028still",
    "data: x\n\nevent: stale\nid: 9",
    "<b>" + "x" * 1597,
)


def test_what_is_sent_is_on_the_phone_of_whoever_it_is_for(phones: Phones) -> None:
    person = phones.person()
    sent = phones.send(person, "Your code is 482913")
    (told,) = phones.heard(person, q="status:delivered")
    assert (told["sid"], told["to"], told["codes"], told["direction"]) == (sent.sid, person, ["482913"], "outbound-api")
    assert (told["segments"], told["encoding"], told["error_code"]) == (1, "GSM-7", None)
    assert (told["reason"] is not None, told["sticky"]) == (True, "created")
    page = phones.get(f"/phones?q=to:{person}").text
    assert f'id="{element_id(person)}"' in page
    assert '<button type="button" class="code" data-copy="482913"' in page
    assert texts(page) == ["Your code is 482913"]
    assert ">delivered</span>" in page


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_is_ever_markup(phones: Phones, body: str) -> None:
    person = phones.person()
    phones.send(person, body, smart_encoded=False)
    (told,) = phones.heard(person)
    assert told["body"] == body
    answer = phones.get(f"/phones?q=to:{person}")
    normal = body.replace("\r\n", "\n").replace("\r", "\n")
    shown = [text.replace("\r\n", "\n").replace("\r", "\n") for text in texts(answer.text)]
    assert shown == [normal]
    assert running(answer.text) == []
    detail = phones.get(f"/phones/messages/{told['sid']}").text
    assert running(detail) == []
    assert [text.replace("\r\n", "\n").replace("\r", "\n") for text in texts(_quoted(detail))] == [normal]


def _quoted(detail: str) -> str:
    return detail.replace('class="text quoted"', 'class="text"')


def test_a_person_answers_the_number_that_wrote_last(phones: Phones) -> None:
    person = phones.person()
    phones.send(person)
    number = phones.heard(person, q="status:delivered")[0]["from"]
    written = phones.writes(person, "Hi there")
    assert (written.status_code, written.json()["to"]) == (201, number)
    (told,) = phones.heard(person, q="body:there")
    assert (told["direction"], told["from"], told["to"], told["status"]) == ("inbound", person, number, "received")
    phones.send(person, "again")
    assert phones.heard(person, q="body:again from:" + number)


def test_a_form_without_scripts_leads_back_to_the_phone(phones: Phones) -> None:
    person = phones.person()
    posted = phones.post("/phones/inbound", From=person, To=phones.ready["numbers"][0], Body="x", Word="HELP")
    assert (posted.status_code, posted.headers["Location"]) == (303, f"/phones#{element_id(person)}")
    assert phones.heard(person, q="body:help")
    by_script = phones.post("/phones/inbound", {"HX-Request": "true"}, From=person, Body="")
    assert (by_script.status_code, by_script.text.strip().startswith("There is nothing to send")) == (400, True)
    assert "<html" in phones.post("/phones/inbound", From=person).text


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"From": "nobody", "Body": "x"}, "not a phone number"),
        ({"Body": "x"}, "not a phone number"),
        ({"From": "+14155550123"}, "nothing to send"),
        ({"From": "+14155550123", "Body": "x" * 1601}, "at most 1600"),
        ({"From": "+14155550123", "Body": "x", "To": "+19995550123"}, "not a number of this server"),
        ({"From": "+14155550123", "MediaUrl": ["ftp://x"]}, "ftp://x"),
        ({"From": "+14155550123", "MediaUrl": ["https://example.com/a.png"], "To": "+12025550101"}, "texts only"),
        ({"From": 5, "Body": "x"}, "must be a text"),
        (["x"], "JSON object"),
    ],
)
def test_what_is_wrong_is_said_in_twilios_shape(phones: Phones, form: object, says: str) -> None:
    refused = phones.session.post(f"{phones.url}/phones/inbound", json=form, timeout=TIMEOUT_S)
    assert refused.status_code == 400
    assert set(refused.json()) == {"code", "message", "more_info", "status"}
    assert says in refused.json()["message"]


def test_media_go_both_ways(phones: Phones) -> None:
    person, number = phones.person(), phones.ready["numbers"][-1]
    url = "https://example.com/cat.png"
    written = phones.session.post(
        f"{phones.url}/phones/inbound", json={"From": person, "To": number, "MediaUrl": url}, timeout=TIMEOUT_S
    )
    assert written.status_code == 201
    (told,) = phones.heard(person)
    assert (told["media"], told["body"]) == ([url], "")
    assert f'href="{url}"' in phones.get(f"/phones?q=from:{person}").text


def test_waiting_ends_with_what_comes_and_never_lasts_too_long(phones: Phones) -> None:
    person = phones.person()
    began = phones.messages(to=person)
    assert began["messages"] == []
    found: list[object] = []
    waiting = threading.Thread(
        target=lambda: found.extend(phones.messages(to=person, after=began["after"], wait=30)["messages"])
    )
    waiting.start()
    phones.send(person, "awaited")
    waiting.join(TIMEOUT_S)
    assert [one["body"] for one in found] == ["awaited"]  # type: ignore[index]
    settled = phones.messages(to=person, q="status:delivered", wait=20)["after"]
    assert phones.messages(to=person, after=settled, wait="0.2")["messages"] == []
    assert len(phones.messages(to=person, after="another.5")["messages"]) == 1
    assert WAIT_MAX_S == 30
    assert phones.get("/phones/messages.json?wait=long").json()["code"] == 20001
    assert phones.get("/phones/messages.json?to=nobody").status_code == 400


def events(answer: requests.Response) -> Iterator[dict[str, str]]:
    """Server-sent events as they come."""
    event: dict[str, str] = {}
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        if not line:
            if "event" in event:
                yield event
            event = {}
            continue
        name, _, value = line.partition(": ")
        event[name] = f"{event[name]}\n{value}" if name in event else value


def listen(phones: Phones, query: str = "", **headers: str) -> requests.Response:
    answer = phones.session.get(f"{phones.url}/phones/events?{query}", headers=headers, stream=True, timeout=TIMEOUT_S)
    answer.encoding = "utf-8"
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
    return answer


def test_a_page_that_was_cut_off_gets_what_it_missed(phones: Phones) -> None:
    person = phones.person()
    after = phones.messages()["after"]
    with closing(listen(phones, f"after={after}&q=to:{person}")) as answer:
        phones.send(person, "first\n\nof two")
        first = next(event for event in events(answer) if person in event["data"])
    assert (first["event"], texts(first["data"])) == ("phones", ["first\n\nof two"])
    phones.send(person, "second")
    phones.heard(person, q="second status:delivered")
    with closing(listen(phones, f"after={after}&q=to:{person}", **{"Last-Event-ID": first["id"]})) as answer:
        missed = next(events(answer))
    assert "second" in texts(missed["data"])
    with closing(listen(phones, "after=elsewhere.3")) as answer:
        assert next(events(answer))["event"] == "stale"


def test_a_line_of_a_text_is_no_line_of_the_stream() -> None:
    told = event("phones", "run.7", "a\r\nid: 9\rdata: b\n\nevent: stale\n")
    assert (
        told == "event: phones\nid: run.7\ndata: a&#13;&#10;id: 9&#13;data: b\ndata: \ndata: event: stale\ndata: \n\n"
    )


def test_callbacks_are_told_with_what_was_answered_and_come_again(phones: Phones) -> None:
    person = phones.person()

    async def played() -> tuple[str, str]:
        async with recording_customer() as customer:
            customer.always(Answer(body=b"<Taken/> thanks"))
            sent = await asyncio.to_thread(phones.send, person, "Hi", status_callback=customer.url())
            await customer.until(lambda: any("delivered" in request.body for request in customer.requests))
            told = next(request for request in customer.requests if "delivered" in request.body)
            validator = RequestValidator(phones.ready["auth_token"])
            assert validator.validate(told.url, told.form, told.headers["X-Twilio-Signature"])
            detail = await asyncio.to_thread(_detail, phones, sent.sid, told.headers["X-Twilio-Signature"])
            before = len(customer.requests)
            place = detail.partition('action="/phones/deliveries/')[2].partition('"')[0]
            replayed = await asyncio.to_thread(phones.post, f"/phones/deliveries/{place}", {"HX-Request": "true"})
            assert "once more" in replayed.text
            await customer.wait_for(before + 1)
            return detail, customer.requests[-1].headers["I-Twilio-Idempotency-Token"]

    detail, token = asyncio.run(played())
    assert "&lt;Taken/&gt; thanks" in detail
    assert token in detail
    assert phones.post("/phones/deliveries/WDnothing/replay").status_code == 404


def _detail(phones: Phones, sid: str, signature: str) -> str:
    """The details of a message once the log tells of a callback."""
    for _ in range(200):
        page = phones.get(f"/phones/messages/{sid}", **{"HX-Request": "true"}).text
        if signature.replace("+", "&#43;") in page or signature in page:
            return page
    raise AssertionError(page)


def test_the_whole_trace_of_a_choice_is_a_click_away(phones: Phones) -> None:
    person = phones.person()
    phones.send(person)
    number = phones.heard(person, q="status:delivered")[0]["from"]
    sent = phones.send(person)
    detail = phones.get(f"/phones/messages/{sent.sid}").text
    for words in ("Why this number", "sticky", "used", "If it were sent now", number, "mapped_elsewhere", "created"):
        assert words in detail
    assert phones.get("/phones/messages/SM" + "0" * 32).status_code == 404


def test_what_the_search_finds_can_be_deleted_once_one_is_sure(phones: Phones) -> None:
    person, other = phones.person(), phones.person()
    phones.send(person)
    phones.send(other)
    for one in (person, other):
        assert phones.heard(one, q="status:delivered")
    assert "say that you are sure" in phones.post("/phones/clear", q=f"to:{person}").text
    assert phones.messages(to=person)["messages"]
    cleared = phones.post("/phones/clear", q=f"to:{person}", sure="yes")
    assert (cleared.status_code, cleared.headers["Location"]) == (303, "/phones?done=cleared")
    assert phones.messages(to=person)["messages"] == []
    assert phones.messages(to=other)["messages"]


def test_carriers_misbehave_as_the_page_says(phones: Phones) -> None:
    failing, lost = phones.person(), phones.person()
    for person, fate in ((failing, "undelivered-30007"), (lost, "lost")):
        assert phones.post("/phones/chaos", Number=person, NumberFate=fate).status_code == 303
    try:
        assert f"<li>{failing}: undelivered-30007</li>" in phones.get().text
        phones.send(failing)
        phones.send(lost)
        assert phones.heard(failing, q="status:undelivered")[0]["error_code"] == 30007
        assert phones.heard(lost, q="status:sent")
        phones.post("/phones/chaos", FatePercent="100", Fate="failed-30005")
        assert phones.send(everybody := phones.person())
        assert phones.heard(everybody, q="status:failed")[0]["error_code"] == 30005
        for wrong in (
            {"FatePercent": "many"},
            {"Number": "nobody at all", "NumberFate": "lost"},
            {"SubmitDelay": "-1"},
        ):
            assert phones.post("/phones/chaos", **wrong).status_code == 400
    finally:
        phones.post("/phones/chaos", Reset="yes")
    assert "misbehaves" not in phones.get().text


def test_a_phone_can_be_opened_for_any_number(phones: Phones) -> None:
    page = phones.get("/phones?phone=%2B447700900123").text
    assert ('id="p-447700900123"' in page, "+44 7700 900123" in page) == (True, True)
    assert phones.get("/phones?phone=nobody").status_code == 400
    assert phones.get("/phones?q=" + "x" * 5000).status_code == 200
