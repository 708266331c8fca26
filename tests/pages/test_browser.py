"""The page of phones in a real browser: live, by keyboard, for every eye, and with texts that would be more than texts."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from limpet.pages.phones.bubble import element_id
from tests.pages.browser import WAIT_MS, chromium, violations, watched_page
from tests.pages.conftest import Phones
from tests.pages.test_phones import HOSTILE
from tests.support.limpet_process import data_directory, limpet_dev

expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser: Browser, phones: Phones) -> Iterator[Page]:
    """The phones of a browser, listening."""
    with watched_page(browser) as made:
        made.goto(f"{phones.url}/phones")
        expect(made.locator("#live")).to_have_text("Live")
        yield made


def phone_of(page: Page, person: str) -> Locator:
    return page.locator(f"#{element_id(person)}")


def test_a_message_arrives_is_answered_and_a_stop_is_heard(page: Page, phones: Phones) -> None:
    person = phones.person()
    phones.send(person, "Your parcel leaves today.")
    phone = phone_of(page, person)
    expect(phone.locator(".text")).to_have_text(["Your parcel leaves today."])
    expect(phone.locator(".status")).to_have_text(["delivered"])
    first = phone.locator(".row").get_attribute("data-number")
    assert first in phones.ready["numbers"]
    phone.get_by_label(f"Text from {person}").fill("Thank you")
    phone.get_by_role("button", name="Send").click()
    expect(phone.locator(".row.mine .text")).to_have_text(["Thank you"])
    expect(phone.get_by_label(f"Text from {person}")).to_have_value("")
    phones.send(person, "You are welcome")
    expect(phone.locator(".row:last-child .chip.sticky")).to_be_visible()
    assert phone.locator(".row").last.get_attribute("data-number") == first
    phone.get_by_role("button", name="STOP").click()
    expect(phone.locator(".row.mine .text")).to_have_text(["Thank you", "STOP"])
    expect(phone.locator(".text").last).to_contain_text("no more messages")
    phones.send(person, "One more thing")
    expect(phone.locator(".row:last-child .error")).to_contain_text("21610")
    expect(phone.locator(".row:last-child .status")).to_have_text("failed")


def test_what_cannot_be_written_is_said_where_it_was_typed(page: Page, phones: Phones) -> None:
    person = phones.person()
    phones.send(person)
    phone = phone_of(page, person)
    phone.locator("[name=To]").fill("12345")
    phone.get_by_label(f"Text from {person}").fill("Hello?")
    phone.get_by_label(f"Text from {person}").press("Enter")
    expect(phone.locator(".says")).to_contain_text("12345 is not a number of this server")
    expect(phone.get_by_label(f"Text from {person}")).to_have_value("Hello?")


def test_details_open_stay_open_while_the_message_moves_and_close(page: Page, phones: Phones) -> None:
    person = phones.person()
    phones.post("/phones/chaos", ReceiptDelay="2")
    phones.send(person)
    phones.post("/phones/chaos", Reset="yes")
    row = phone_of(page, person).locator(".row")
    row.get_by_role("link", name="Details").press("Enter")
    expect(row.locator(".detail")).to_contain_text("Why this number")
    expect(row.locator(".status")).to_have_text("delivered")
    expect(row.get_by_role("link", name="Details")).to_be_focused()
    expect(row.locator(".detail")).to_be_visible()
    expect(row.get_by_role("link", name="Details")).to_have_attribute("aria-expanded", "true")
    row.get_by_role("link", name="Details").click()
    expect(row.locator(".detail")).to_have_count(0)
    expect(row.get_by_role("link", name="Details")).to_have_attribute("aria-expanded", "false")


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_is_more_than_a_text(page: Page, phones: Phones, body: str) -> None:
    person = phones.person()
    phones.send(person, body, smart_encoded=False)
    text = phone_of(page, person).locator(".text")
    expect(text).to_be_visible()
    assert _shown(text) == _lines(body)
    assert text.locator(":not(button)").count() == 0
    page.reload()
    assert _shown(text) == _lines(body)  # as the page has it, or already as an event has


def _shown(text: Locator) -> str:
    return _lines(text.evaluate("element => element.textContent"))


def _lines(body: str) -> str:
    """A text with each end of a line as one character: a parser of pages leaves no other."""
    return body.replace("\r\n", "\n").replace("\r", "\n")


def test_a_code_is_copied_by_a_click(browser: Browser, phones: Phones) -> None:
    person = phones.person()
    phones.send(person, "Your code is 123-456")
    with watched_page(browser, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.goto(f"{phones.url}/phones?q=to:%2B{person[1:]}")
        page.get_by_role("button", name="123-456").click()
        expect(page.locator("#heard")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == "123-456"


def test_it_works_by_keyboard_alone(page: Page, phones: Phones) -> None:
    person = phones.person()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    for summary in ("New phone", "Carrier", "Clock", "Clear"):
        page.locator("summary", has_text=summary).focus()
        page.keyboard.press("Enter")
        expect(page.locator(".menu[open] .panel")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(".menu[open]")).to_have_count(0)
        expect(page.locator("summary", has_text=summary)).to_be_focused()
    page.locator("summary", has_text="New phone").press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type(person)
    page.keyboard.press("Enter")
    text = page.get_by_label(f"Text from {person}")
    text.focus()
    page.keyboard.type("Anybody there?")
    page.keyboard.press("Enter")
    expect(phone_of(page, person).locator(".row.mine .text")).to_have_text(["Anybody there?"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_is_found_by_axe(browser: Browser, phones: Phones, scheme: str) -> None:
    person = phones.person()
    phones.send(person, "Your code is 482913", media_url=["https://example.com/a.png"])
    phones.send(person, "Лето", status_callback="http://127.0.0.1:9/")
    assert phones.heard(person, q="status:delivered")
    phones.writes(person, "STOP 4829")
    phones.writes(person, "STOP")
    assert phones.heard(person, q='body:"no more messages"')
    phones.send(person, "failed")
    assert phones.heard(person, q="status:failed")
    with watched_page(browser, color_scheme=scheme) as page:
        page.goto(f"{phones.url}/phones?q={person[1:]}")
        expect(page.locator(".bubble.bad")).to_be_visible()
        page.get_by_role("link", name="Details").first.click()
        expect(page.locator(".detail")).to_be_visible()
        assert violations(page) == []
        for summary in ("Carrier", "Clear"):
            page.locator("summary", has_text=summary).click()
            assert violations(page) == []
        page.goto(f"{phones.url}/phones?q=nothing-is-like-this")
        assert violations(page) == []
        page.goto(f"{phones.url}/phones/messages/{phones.heard(person)[0]['sid']}")
        assert violations(page) == []


def test_a_narrow_screen_needs_no_scrolling_sideways(browser: Browser, phones: Phones) -> None:
    person = phones.person()
    phones.send(person, "x" * 400)
    with watched_page(browser, viewport={"width": 320, "height": 640}) as page:
        page.goto(f"{phones.url}/phones?q=to:%2B{person[1:]}")
        page.get_by_role("link", name="Details").first.click()
        expect(page.locator(".detail")).to_be_visible()
        for summary in (None, "New phone", "Carrier", "Clock", "Clear"):
            if summary:
                page.locator("summary", has_text=summary).click()
            assert page.evaluate("document.scrollingElement.scrollWidth") <= 320
            assert page.evaluate(
                "document.querySelector('.talk').scrollWidth <= document.querySelector('.talk').clientWidth"
            )


def test_without_scripts_everything_is_there(browser: Browser, phones: Phones) -> None:
    person = phones.person()
    phones.send(person, "Read me")
    phones.heard(person, q="status:delivered")
    with watched_page(browser, java_script_enabled=False) as page:
        page.goto(f"{phones.url}/phones")
        phone = phone_of(page, person)
        expect(phone.locator(".text")).to_have_text(["Read me"])
        phone.get_by_label(f"Text from {person}").fill("I have")
        phone.get_by_role("button", name="Send").click()
        assert page.url.endswith(f"/phones#{element_id(person)}")
        phones.heard(person, q="body:have")
        page.reload()
        expect(phone.locator(".text")).to_have_text(["Read me", "I have"])
        phone.get_by_role("link", name="Details").first.click()
        expect(page.get_by_role("heading", name="Why this number")).to_be_visible()


def test_a_year_passes_and_the_mapping_has_expired(browser: Browser) -> None:
    with data_directory() as data, limpet_dev(data) as process, watched_page(browser) as page:
        phones = Phones(process.ready)
        person = phones.person()
        page.goto(f"{phones.url}/phones")
        phones.send(person, "Hello")
        expect(phone_of(page, person).locator(".status")).to_have_text(["delivered"])
        page.locator("summary", has_text="Clock").click()
        page.get_by_role("button", name="A year").click()
        expect(page.locator("summary", has_text="Clock")).to_contain_text("+366 days")
        row = phone_of(page, person).locator(".row").first
        row.get_by_role("link", name="Details").click()
        expect(row.locator(".detail")).to_contain_text("The mapping is expired")
        phones.send(person, "Hello again")
        last = phone_of(page, person).locator(".row").last
        expect(last.locator(".text")).to_have_text("Hello again")
        expect(last.locator(".chip")).not_to_have_text("sticky")
        last.get_by_role("link", name="Details").click()
        expect(last.locator(".turns li").first).to_have_text(re.compile("replaced expired"))
        expect(last.locator("time").first).to_be_visible()


def test_a_page_outlives_the_server_that_it_was_loaded_from(browser: Browser) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    with data_directory() as data, watched_page(browser, tolerates="") as page:
        person = "+14155570001"
        with limpet_dev(data, "--port", port) as process:
            Phones(process.ready).send(person, "before")
            page.goto(f"{process.ready['url']}/phones")
            expect(phone_of(page, person).locator(".text")).to_have_text(["before"])
            expect(page.locator("#live")).to_have_text("Live")
        expect(page.locator("#live")).to_have_text("Reconnecting")
        with limpet_dev(data, "--port", port) as process:
            Phones(process.ready).send(person, "after")
            expect(phone_of(page, person).locator(".text")).to_have_text(["before", "after"])
