"""The console in a real browser: an operator signs in with a second factor and goes through a day; a viewer can only look."""

from __future__ import annotations

import json
import re
import time
from base64 import b32decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from twilio.rest import Client

from limpet.core.sign_in import STEP_S, code_at
from tests.pages.browser import WAIT_MS, chromium, violations, watched_page
from tests.support.limpet_process import data_directory, limpet, limpet_dev

expect.set_options(timeout=WAIT_MS)
PACE_MS = 50
T = TypeVar("T")
HOSTILE = '<img src=x onerror="alert(1)"> \u202eevil'


@dataclass
class Server:
    """A running `limpet dev` whose registrar never answers, with operators of each kind."""

    ready: dict[str, Any]
    operators: dict[str, dict[str, Any]]

    @property
    def client(self) -> Client:
        client = Client(self.ready["account_sid"], self.ready["auth_token"])
        client.api.base_url = client.messaging.base_url = self.ready["url"]
        return client

    def send(self, to: str, body: str = "Hello", **more: Any) -> Any:
        return self.client.messages.create(to=to, messaging_service_sid=self.ready["service_sid"], body=body, **more)

    @property
    def console(self) -> str:
        return f"{self.ready['url']}/console"

    @property
    def account(self) -> str:
        return f"{self.console}/accounts/{self.ready['account_sid']}"

    @property
    def service(self) -> str:
        return f"{self.account}/services/{self.ready['service_sid']}"

    def code(self, name: str, ahead: int) -> str:
        """A code of an operator's second factor: each step's is good once."""
        secret = b32decode(parse_qs(urlsplit(self.operators[name]["uri"]).query)["secret"][0])
        return code_at(secret, int(time.time()) // STEP_S + ahead)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with data_directory() as data, limpet_dev(data, "--registration-delay", "86400") as process:
        yield Server(process.ready, {name: made(data, name, role) for name, role in OPERATORS.items()})


OPERATORS = {"anna": "admin", "otto": "operator", "vera": "viewer"}


def made(data: Path, name: str, role: str) -> dict[str, Any]:
    done = limpet("operators", "create", name, "--role", role, "--data", str(data), "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@contextmanager
def signed_in(browser: Browser, server: Server, name: str, **options: Any) -> Iterator[Page]:
    """The page of an operator who comes in by a recovery code, of which each is good once."""
    with watched_page(browser, **options) as page:
        page.goto(f"{server.console}/sign-in")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(server.operators[name]["password"])
        page.get_by_label("Code of the second factor").fill(server.operators[name]["recovery_codes"].pop())
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        yield page


def confirmed(row: Locator | Page, what: str, reason: str) -> None:
    """Open what asks for a reason, give it, and do it."""
    details = row.locator("details").filter(has_text=what).first
    details.locator("summary").click()
    details.get_by_label("Reason").fill(reason)
    details.get_by_role("button", name=what).click()


def until(page: Page, look: Callable[[], T], good: Callable[[T], bool]) -> T:
    """What is looked at, once it is good."""
    for _ in range(WAIT_MS // PACE_MS):
        if good(seen := look()):
            return seen
        page.wait_for_timeout(PACE_MS)
    raise AssertionError("it did not come about in time")


def reloaded(page: Page, condition: Callable[[], bool]) -> None:
    """Load a page again and again until it shows something."""
    until(page, lambda: bool(page.reload()) and condition(), bool)


def test_the_second_factor_opens_the_door_once(browser: Browser, server: Server) -> None:
    with watched_page(browser) as page:
        page.goto(f"{server.console}/sign-in")
        for ahead, opens in ((1, True), (1, False)):
            page.get_by_label("Name").fill("anna")
            page.get_by_label("Password").fill(server.operators["anna"]["password"])
            page.get_by_label("Code of the second factor").fill(server.code("anna", ahead))
            page.keyboard.press("Enter")
            if opens:
                expect(page.locator(".who")).to_contain_text("anna admin")
                page.get_by_role("button", name="Sign out").click()
                expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        expect(page.get_by_role("alert")).to_contain_text("That is not right")


def test_who_is_on_a_development_machine_is_told_why_they_are_in(browser: Browser, server: Server) -> None:
    with watched_page(browser) as page:
        page.goto(server.console)
        expect(page.locator(".here")).to_contain_text("in without a password, since you come from this machine")


def test_sticky_sender_is_switched_off_and_on(browser: Browser, server: Server) -> None:
    with signed_in(browser, server, "otto") as page:
        page.goto(f"{server.service}/settings")
        for on in (False, True):
            page.get_by_label("Sticky Sender", exact=True).set_checked(on)
            page.get_by_role("button", name="Save").click()
            expect(page.get_by_role("status")).to_have_text("Saved.")
            fetched = server.client.messaging.v1.services(server.ready["service_sid"]).fetch()
            assert fetched.sticky_sender is on
            expect(page.get_by_label("Sticky Sender", exact=True)).to_be_checked(checked=on)


def test_a_number_is_removed_and_who_moved_is_seen(browser: Browser, server: Server) -> None:
    person = "+12125557001"
    server.send(person)
    with signed_in(browser, server, "otto") as page:
        page.goto(server.service)
        page.get_by_role("link", name="+12125550103").click()
        section = page.locator("#removal")
        expect(section).to_contain_text("1 people hear from it")
        confirmed(page, "Remove from the pool", "The carrier gave it up")
        expect(page.get_by_role("status")).to_contain_text("The number is out of the pool")
        server.send(person)
        page.reload()
        row = page.locator("tbody tr", has_text="replaced").first
        expect(row).to_contain_text(person)
        expect(row).to_contain_text("+12125550103")
        expect(page.locator("tbody tr", has_text="everybody")).to_contain_text("console:otto")


def test_a_person_is_explained_pinned_and_reset(browser: Browser, server: Server) -> None:
    person = "+13055557002"
    server.send(person)
    with signed_in(browser, server, "otto") as page:
        page.goto(f"{server.service}/explain")
        page.get_by_label("Person").fill(person)
        page.get_by_role("button", name="Explain").click()
        expect(page.locator("#found .answer")).to_contain_text("From +13055550104 sticky")
        page.goto(f"{server.service}/mappings?To={person.replace('+', '%2B')}")
        form = page.locator("section", has_text="Set by hand")
        form.get_by_label("Hears from").select_option("+14155550107")
        form.get_by_label("Held").select_option("true")
        form.get_by_label("Reason").fill("They know that number")
        form.get_by_role("button", name="Set").click()
        row = page.locator("tbody tr")
        expect(row).to_contain_text("+14155550107")
        assert server.send(person).fetch().from_ == "+14155550107"
        confirmed(row, "Reset", "They do not any more")
        expect(page.locator(".notice").last).to_contain_text("has no mapping")


def test_a_registration_is_approved(browser: Browser, server: Server) -> None:
    brands = server.client.messaging.v1.brand_registrations
    brand = brands.create(customer_profile_bundle_sid="BU" + "1" * 32, a2p_profile_bundle_sid="BU" + "2" * 32)
    with signed_in(browser, server, "otto") as page:
        page.goto(f"{server.console}/registrations")
        page.get_by_role("button", name=f"Approve {brand.sid}").click()
        expect(page.get_by_role("status")).to_contain_text("The answer is written down")
        row = page.locator("tbody tr", has_text=brand.sid)
        reloaded(page, lambda: row.count() == 0)
        assert brands(brand.sid).fetch().status == "APPROVED"


def test_a_carrier_is_paused_and_its_lanes_refresh_themselves(browser: Browser, server: Server) -> None:
    person = "+13055557003"
    with signed_in(browser, server, "otto") as page:
        page.goto(f"{server.console}/carriers")
        card = page.get_by_role("region", name="Carrier simulated", exact=True)
        card.get_by_role("button", name="Pause").click()
        card = page.get_by_role("region", name="Carrier simulated", exact=True)
        expect(card.locator("h2")).to_contain_text("paused")
        held = until(page, lambda: server.send(person), lambda sent: sent.fetch().status == "queued")
        expect(card.locator("tbody tr td").nth(5)).not_to_have_text("0")
        card.get_by_role("button", name="Resume").click()
        expect(card.locator("h2")).to_contain_text("active")
        expect(card.locator("tbody tr td").nth(5)).to_have_text("0")
        until(page, lambda: held.fetch().status, lambda status: status == "delivered")


def test_a_callback_is_replayed(browser: Browser, server: Server) -> None:
    server.send("+13055557004", status_callback="http://127.0.0.1:9/none")
    with signed_in(browser, server, "otto") as page:
        page.goto(f"{server.account}/callbacks?Outcome=postponed")
        reloaded(page, lambda: page.get_by_role("button", name="Replay").count() > 0)
        page.get_by_role("button", name="Replay").first.click()
        expect(page.get_by_role("status")).to_have_text("The callback is on its way once more.")
    with signed_in(browser, server, "anna") as page:
        page.goto(f"{server.console}/audit?Act=replay+callback")
        expect(page.locator("tbody tr").first).to_contain_text("otto operator")


def test_a_viewer_sees_everything_and_can_do_nothing(browser: Browser, server: Server) -> None:
    server.send("+13055557005")
    with signed_in(browser, server, "vera") as page:
        for place in all_pages(server):
            if place.endswith(("/audit", "/operators", "/sign-in")):
                continue
            page.goto(place)
            assert page.locator("form[method=post]:not([action$='/sign-out']) button").count() == 0, place
        expect(page.get_by_role("link", name="Audit log")).to_have_count(0)
        page.goto(f"{server.console}/audit")
        expect(page.get_by_role("heading")).to_contain_text(
            "Your role, viewer, does not let you look at the audit log."
        )


def pages(server: Server, message: str, number: str) -> list[str]:
    one = "?To=%2B13055557006"
    parts = ("", "/settings", f"/numbers/{number}?Removal=yes", "/mappings", f"/mappings{one}", f"/explain{one}", "/events",
             "/opt-outs", "/transfer", "/rebalances")  # fmt: skip
    of_account = ("", "/messages", f"/messages/{message}", "/in-doubt", "/callbacks")
    of_all = (
        "",
        "/accounts",
        "/carriers",
        "/receipts",
        "/callbacks",
        "/registrations",
        "/audit",
        "/operators",
        "/sign-in",
    )
    return [
        *(server.service + part for part in parts),
        *(server.account + part for part in of_account),
        *(server.console + part for part in of_all),
    ]


def all_pages(server: Server) -> list[str]:
    message = server.send("+13055557006", HOSTILE, status_callback="http://127.0.0.1:9/none").sid
    pool = server.client.messaging.v1.services(server.ready["service_sid"]).phone_numbers
    return pages(server, message, pool.list(limit=1)[0].sid)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_is_found_by_axe(browser: Browser, server: Server, scheme: str) -> None:
    places = all_pages(server)
    with signed_in(browser, server, "anna", color_scheme=scheme) as page:
        for place in places:
            page.goto(place)
            for summary in page.locator("details.sure > summary").all()[:1]:
                summary.click()
            assert violations(page) == [], place


def test_a_narrow_screen_needs_no_scrolling_sideways(browser: Browser, server: Server) -> None:
    places = all_pages(server)
    with signed_in(browser, server, "anna", viewport={"width": 320, "height": 640}) as page:
        for place in places:
            page.goto(place)
            assert page.evaluate("document.scrollingElement.scrollWidth") <= 320, place


def test_without_scripts_everything_is_there(browser: Browser, server: Server) -> None:
    places = all_pages(server)
    with signed_in(browser, server, "anna", java_script_enabled=False) as page:
        for place in places:
            page.goto(place)
            expect(page.locator("h1")).to_be_visible()
        page.goto(f"{server.service}/settings")
        page.get_by_label("Name", exact=True).fill(HOSTILE)
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".crumbs")).to_contain_text(HOSTILE)
        expect(page.locator("img[src=x]")).to_have_count(0)


def test_it_works_by_keyboard_alone(browser: Browser, server: Server) -> None:
    with signed_in(browser, server, "otto") as page:
        page.goto(f"{server.service}/mappings")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("/")
        expect(page.get_by_label("Person")).to_be_focused()
        page.keyboard.type("+13055557006")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("To=%2B13055557006"))


def test_the_plots_are_drawn_once_a_minute_is_over(browser: Browser, server: Server) -> None:
    with signed_in(browser, server, "vera") as page:
        expect(page.locator("#plots canvas")).to_have_count(4)  # of the minute before the server was started
        server.send("+13055557007")
        page.goto(server.service)
        reloaded(
            page,
            lambda: page.wait_for_load_state("networkidle") is None and page.locator("#spread canvas").count() == 1,
        )
