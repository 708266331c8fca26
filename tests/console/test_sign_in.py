"""Who is let in: passwords, second factors, sessions; and who is kept out by guessing."""

from __future__ import annotations

from base64 import b32decode
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from limpet.core.console import Role
from limpet.core.sign_in import SESSION_IDLE, SESSION_MAX, STEP_S, code_at
from limpet.pages.console.guard import after_sign_in
from limpet.pages.console.whole import ConsoleSite
from limpet.store import passwords
from limpet.store.operators import Credentials
from tests.console.client import Browser
from tests.console.conftest import PASSWORD, Console
from tests.support.clock import HandClock


def code_of(made: Credentials, clock: HandClock) -> str:
    secret = b32decode(parse_qs(urlsplit(made.uri).query)["secret"][0])
    return code_at(secret, int(clock.now().timestamp()) // STEP_S)


async def with_second_factor(console: Console, clock: HandClock) -> Credentials:
    made = await console.operators.create("anna", Role.ADMIN, clock.now())
    assert made is not None
    return made


async def test_who_has_not_signed_in_sees_the_door_and_comes_back_to_what_was_asked(console: Console) -> None:
    browser = console.browser()
    away = await browser.get("/console/carriers")
    assert (away.status, away.place) == (303, "/console/sign-in?next=/console/carriers")
    await console.operator(Role.VIEWER)
    inside = await browser.sign_in("viewer", PASSWORD, Next="/console/carriers")
    assert (inside.status, inside.place) == (303, "/console/carriers")
    page = await browser.get("/console/carriers")
    assert page.status == 200
    assert page.headers["cache-control"] == "no-store"


ELSEWHERE = ("https://evil.test/", "//evil.test", "/console//evil.test", "/phones", "/console/../v1", "\\evil",
             "/console/x?next=//evil.test", "/consoles")  # fmt: skip


@pytest.mark.parametrize("asked", ELSEWHERE)
def test_signing_in_leads_nowhere_else(asked: str) -> None:
    assert after_sign_in(asked) == "/console"


async def test_the_second_factor_is_asked_for_and_a_code_is_good_once(console: Console, clock: HandClock) -> None:
    made, browser = await with_second_factor(console, clock), console.browser()
    assert (await browser.sign_in("anna", made.password)).status == 401
    assert (await browser.sign_in("anna", made.password, "000000")).status == 401
    code = code_of(made, clock)
    assert (await browser.sign_in("anna", made.password, code)).status == 303
    assert (await console.browser().sign_in("anna", made.password, code)).status == 401


async def test_a_recovery_code_stands_in_once(console: Console, clock: HandClock) -> None:
    made = await with_second_factor(console, clock)
    first = made.recovery_codes[0].upper()
    assert (await console.browser().sign_in("anna", made.password, first)).status == 303
    assert (await console.browser().sign_in("anna", made.password, first)).status == 401
    assert (await console.browser().sign_in("anna", made.password, made.recovery_codes[1])).status == 303


async def test_one_who_is_not_there_is_answered_as_one_who_is(console: Console) -> None:
    await console.operator(Role.VIEWER)
    known = await console.browser("192.0.2.8").sign_in("viewer", "wrong wrong wrong")
    unknown = await console.browser("192.0.2.9").sign_in("nobody", "wrong wrong wrong")
    assert (known.status, known.says) == (unknown.status, unknown.says)


async def test_guessing_at_a_name_waits_longer_and_longer_wherever_it_comes_from(
    console: Console, clock: HandClock
) -> None:
    await console.operator(Role.VIEWER)
    for place in range(4):
        assert (await console.browser(f"192.0.2.{place}").sign_in("viewer", "no")).status == 401
    locked = await console.browser("192.0.2.77").sign_in("viewer", PASSWORD)
    assert (locked.status, locked.headers["retry-after"]) == (429, "2")
    clock.advance(timedelta(seconds=2))
    assert (await console.browser("192.0.2.77").sign_in("viewer", "no")).status == 401
    assert (await console.browser("192.0.2.77").sign_in("viewer", PASSWORD)).headers["retry-after"] == "4"
    clock.advance(timedelta(seconds=4))
    assert (await console.browser("192.0.2.77").sign_in("viewer", PASSWORD)).status == 303
    assert (await console.browser("192.0.2.78").sign_in("viewer", "no")).status == 401


async def test_guessing_at_names_is_stopped_by_the_address(console: Console) -> None:
    for place in range(11):
        assert (await console.browser().sign_in(f"name-{place}", "no")).status == 401
    assert (await console.browser().sign_in("another", "no")).status == 429
    assert (await console.browser("192.0.2.8").sign_in("another", "no")).status == 401


async def test_a_session_ends_unused_and_in_any_case_after_its_time(console: Console, clock: HandClock) -> None:
    browser = await console.signed_in(Role.VIEWER)
    for _ in range(int(SESSION_MAX / SESSION_IDLE) + 3):
        clock.advance(SESSION_IDLE - timedelta(minutes=2))
        page = await browser.get("/console")
        if page.status != 200:
            break
    assert page.status == 303
    other = await console.signed_in(Role.VIEWER)
    clock.advance(SESSION_IDLE + timedelta(minutes=1))
    assert (await other.get("/console")).status == 303


async def test_signing_in_begins_another_session_and_ends_the_former(console: Console) -> None:
    await console.operator(Role.VIEWER)
    browser = console.browser()
    await browser.sign_in("viewer", PASSWORD)
    former = browser.cookies["limpet_session"]
    await browser.sign_in("viewer", PASSWORD)
    assert browser.cookies["limpet_session"] != former
    assert (await Browser(console.site.app, cookies={"limpet_session": former}).get("/console")).status == 303
    assert await console.api.world.database.pool.fetchval("SELECT count(*) FROM console_session") == 1


async def test_signing_out_resetting_and_disabling_end_sessions(console: Console, clock: HandClock) -> None:
    browser = await console.signed_in(Role.VIEWER)
    cookies = dict(browser.cookies)
    assert (await browser.post("/console/sign-out")).place == "/console/sign-in"
    assert (await Browser(console.site.app, cookies=cookies).get("/console")).status == 303
    await console.operator(Role.VIEWER, "ben")
    for shut_out in (
        lambda: console.operators.reset("ben", password=PASSWORD, second_factor=False),
        lambda: console.operators.end_sessions("ben"),
        lambda: console.operators.disable("ben", clock.now()),
    ):
        inside = console.browser()
        assert (await inside.sign_in("ben", PASSWORD)).status == 303
        await shut_out()
        assert (await inside.get("/console")).status == 303
    assert (await console.browser().sign_in("ben", PASSWORD)).status == 401


async def test_the_cookie_is_for_this_host_alone_and_for_no_script(console: Console) -> None:
    await console.operator(Role.VIEWER)
    browser = console.browser()
    await browser.sign_in("viewer", PASSWORD)
    [cookie] = [one for one in browser.set_cookies if one.startswith("limpet_session")]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    deps, auth = console.api.deps, console.api.app.auth
    behind_tls = ConsoleSite(deps, auth, console.operators, console.api.app, secure=True, open_here=False)
    safe = Browser(behind_tls.app)
    await safe.sign_in("viewer", PASSWORD)
    [cookie] = [one for one in safe.set_cookies if "limpet_session" in one]
    assert cookie.startswith("__Host-limpet_session=")
    assert "Secure" in cookie
    assert (await safe.get("/console")).status == 200


async def test_behind_a_proxy_browsers_know_the_public_url(console: Console) -> None:
    deps = replace(console.api.deps, public_url="https://sms.test")
    site = ConsoleSite(deps, console.api.app.auth, console.operators, console.api.app, secure=True, open_here=False)
    await console.operator(Role.VIEWER)
    browser = Browser(site.app, host="127.0.0.1:8080")
    form = {"Name": "viewer", "Password": PASSWORD}
    strange = await browser.post("/console/sign-in", headers={"origin": "https://sms.test.evil.test"}, **form)
    assert strange.status == 403
    assert (await browser.post("/console/sign-in", headers={"origin": "https://sms.test"}, **form)).status == 303


async def test_what_is_kept_opens_nothing(console: Console, clock: HandClock) -> None:
    made = await with_second_factor(console, clock)
    browser = console.browser()
    await browser.sign_in("anna", made.password, code_of(made, clock))
    tables = ("console_operator", "console_session", "console_recovery_code", "console_failure", "console_audit")
    kept = "".join(
        [str(await console.api.world.database.pool.fetch(f"SELECT t::text FROM {name} t")) for name in tables]
    )
    secret = parse_qs(urlsplit(made.uri).query)["secret"][0]
    for opens in (
        made.password,
        browser.cookies["limpet_session"],
        made.recovery_codes[5],
        secret,
        b32decode(secret).hex(),
    ):
        assert opens not in kept


async def test_a_development_server_lets_in_who_is_on_its_machine_and_nobody_else(console: Console) -> None:
    deps, auth = console.api.deps, console.api.app.auth
    here = ConsoleSite(deps, auth, console.operators, console.api.app, secure=False, open_here=True)
    page = await Browser(here.app, "127.0.0.1", "localhost:8080").get("/console")
    assert page.status == 200
    assert "without a password" in page.text
    assert (await Browser(here.app, "192.0.2.7", "localhost:8080").get("/console")).status == 403
    assert (await Browser(here.app, "127.0.0.1", "rebound.test").get("/console")).status == 403
    forwarded = await Browser(here.app, "127.0.0.1", "localhost").get("/console", x_forwarded_for="192.0.2.7")
    assert forwarded.status == 200, "an underscore is no header of a proxy"
    page = await Browser(here.app, "127.0.0.1", "localhost").call(
        "GET", "/console", headers={"x-forwarded-for": "192.0.2.7"}
    )
    assert page.status == 303


def test_a_password_costs_who_guesses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", 2**15)
    hashed = passwords.hash_password("a password of mine")
    assert passwords.matches("a password of mine", hashed)
    assert hashed.startswith("scrypt$32768$8$3$")
    assert not passwords.matches("A password of mine", hashed)
    assert not passwords.matches("a" * 1000, hashed)
    assert hashed != passwords.hash_password("a password of mine")
