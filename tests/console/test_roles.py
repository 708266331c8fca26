"""Every page, asked for as each role and as nobody: the table of what each may do is what happens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
import pytest_asyncio

from limpet.core.console import Act, Role, may
from limpet.pages.console.routes import WAYS
from tests.console.client import Browser, Page
from tests.console.conftest import NUMBER, OTHER_NUMBER, Console

EVERY = [(path, method, way.act) for path, methods in WAYS.items() for method, way in methods.items()]


@dataclass
class There:
    """Things that paths name."""

    parts: Mapping[str, str]

    def path(self, way: str) -> str:
        return "/console" + re.sub(r"\{(\w+)\}", lambda match: self.parts[match[1]], way)


@pytest_asyncio.fixture
async def there(console: Console) -> There:
    service = await console.api.pool(NUMBER, OTHER_NUMBER)
    sender = (await console.api.client.get(f"/v1/Services/{service}/PhoneNumbers")).json["phone_numbers"][0]["sid"]
    message = (await console.api.message(service))["sid"]
    return There({
        "account": console.api.account.sid, "service": service, "sender": sender, "message": message, "carrier": "hand",
        "delivery": "WD" + "0" * 32, "sid": "LI" + "0" * 32, "rebalance": "LR" + "0" * 32, "name": "nobody",
    })  # fmt: skip


async def asked(browser: Browser, method: str, path: str) -> Page:
    return await (browser.get(path) if method == "GET" else browser.post(path))


@pytest.mark.parametrize("role", Role)
async def test_each_role_may_what_the_table_says(console: Console, there: There, role: Role) -> None:
    browser, before = await console.signed_in(role), await console.api.rows()
    refused = [(path, method, act) for path, method, act in EVERY if not may(role, act)]
    for path, method, act in refused:
        page = await asked(browser, method, there.path(path))
        said = f"Your role, {role}, does not let you {act}."
        assert (page.status, said in page.says) == (403, True), (method, path, page.says)
    assert await console.api.rows() == before
    for path, method, act in EVERY:
        if may(role, act) and act is not Act.SIGN_OUT:
            page = await asked(browser, method, there.path(path))
            assert page.status not in (401, 403, 500), (method, path, page.says)
            assert page.headers["cache-control"] == "no-store"
    assert len(refused) == {Role.VIEWER: 23, Role.OPERATOR: 9, Role.ADMIN: 0}[role]


async def test_who_has_not_signed_in_gets_nothing(console: Console, there: There) -> None:
    browser, before = console.browser(), await console.api.rows()
    for path, method, _ in EVERY:
        page = await asked(browser, method, there.path(path))
        if path.endswith(".json"):
            assert page.status == 401
        else:
            assert (page.status, page.place.partition("?")[0]) == (303, "/console/sign-in"), (method, path)
    assert await console.api.rows() == before
    by_script = await browser.get("/console/carriers", **{"hx-request": "true"})
    assert (by_script.status, by_script.headers["hx-redirect"]) == (401, "/console/sign-in")


async def test_nothing_is_posted_without_the_token_of_the_page(console: Console, there: There) -> None:
    browser, stranger = await console.signed_in(Role.ADMIN), await console.browser().token()
    before = await console.api.rows()
    for path in (path for path, method, _ in EVERY if method == "POST"):
        place = there.path(path)
        for refused in (
            await browser.post(place, token=""),
            await browser.post(place, token=stranger),
            await browser.post(place, headers={"origin": "https://evil.test"}),
            await browser.post(place, headers={"sec-fetch-site": "cross-site"}),
        ):
            assert refused.status == 403, place
        by_json = await browser.call("POST", place, b"{}", {"content-type": "application/json"})
        assert by_json.status == 415
    assert await console.api.rows() == before


async def test_a_page_that_is_not_there_is_not_there(console: Console) -> None:
    browser = await console.signed_in(Role.ADMIN)
    for path in (
        "/console/nothing",
        "/console/accounts/AC" + "f" * 32,
        f"/console/accounts/{console.api.account.sid}/services/MG00",
    ):
        assert (await browser.get(path)).status == 404
    assert (await browser.call("DELETE", "/console/carriers")).status == 405


async def test_what_belongs_to_another_account_is_not_there(console: Console) -> None:
    service = await console.api.pool(NUMBER)
    message = (await console.api.message(service))["sid"]
    browser = await console.signed_in(Role.ADMIN)
    other = f"/console/accounts/{console.api.stranger.account_sid}"
    for part in ("", "/settings", "/mappings", "/explain?To=%2B14155550199", "/events", "/opt-outs", "/transfer"):
        assert (await browser.get(f"{other}/services/{service}{part}")).status == 404
    assert (await browser.get(f"{other}/messages/{message}")).status == 404
    changed = await browser.post(f"{other}/services/{service}/settings", StickySender="false")
    assert changed.status == 404
    assert (await console.api.service_value(service)).sticky_sender
