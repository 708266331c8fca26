"""Who may ask for pages and post to them, what every answer carries, and how long its files are kept."""

from __future__ import annotations

import re

import pytest
import requests

from limpet.pages.assets import PATH, Assets
from limpet.pages.guard import (
    COOKIE,
    HEADERS,
    comes_from_elsewhere,
    cookie_of,
    is_here,
    is_loopback,
    token_for,
    token_matches,
)
from tests.pages.conftest import Phones, running

KEY = b"k" * 32


@pytest.mark.parametrize(
    "host", [b"localhost", b"LOCALHOST:8080", b"127.0.0.1", b"127.0.0.1:80", b"127.1.2.3:1", b"[::1]", b"[::1]:8080",
             b"app.localhost:8080"],
)  # fmt: skip
def test_names_of_this_machine(host: bytes) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", [b"", b"evil.example", b"localhost.evil.example", b"127.0.0.1.evil.example:8080", b"10.0.0.1", b"[::2]:80",
             b"notlocalhost", b"0.0.0.0", b"\xff", b"evil.example:127.0.0.1"],
)  # fmt: skip
def test_names_that_strangers_can_make(host: bytes) -> None:
    assert not is_loopback(host)


def test_only_this_machine_is_here() -> None:
    assert [is_here(peer) for peer in (None, "127.0.0.1", "::1", "10.0.0.1", "nobody")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_a_request_of_another_site_is_known_by_its_headers() -> None:
    here = {b"host": b"localhost:8080"}
    assert not comes_from_elsewhere(here)
    assert not comes_from_elsewhere({**here, b"origin": b"http://localhost:8080", b"sec-fetch-site": b"same-origin"})
    assert comes_from_elsewhere({**here, b"origin": b"http://evil.example"})
    assert comes_from_elsewhere({**here, b"origin": b"null"})
    assert comes_from_elsewhere({**here, b"sec-fetch-site": b"cross-site"})


def test_a_token_goes_with_one_cookie_and_one_key() -> None:
    cookie, other = "a" * 32, "b" * 32
    assert token_matches(token_for(cookie, KEY), cookie, KEY)
    assert not token_matches(token_for(cookie, KEY), other, KEY)
    assert not token_matches(token_for(cookie, b"x" * 32), cookie, KEY)
    assert not token_matches(None, cookie, KEY)
    assert not token_matches("é", cookie, KEY)
    assert not token_matches(token_for("", KEY), None, KEY)
    assert cookie_of({b"cookie": f"x=1; {COOKIE}={cookie}".encode()}) == cookie
    assert cookie_of({b"cookie": f"{COOKIE}=../..".encode()}) is None
    assert cookie_of({b"cookie": b"\x00\xff=;;"}) is None


def test_each_file_has_a_name_of_its_content() -> None:
    assets = Assets()
    assert re.fullmatch(rf"{PATH}vendor/htmx\.min\.[0-9a-f]{{12}}\.js", assets.url("vendor/htmx.min.js"))
    found = assets.find(assets.url("base.css"))
    assert found is not None
    assert found.media_type.startswith("text/css")
    assert assets.find(f"{PATH}base.css") is None
    assert assets.find(f"{PATH}../ask.py") is None
    with pytest.raises(KeyError):
        assets.url("nothing.css")


def test_every_answer_is_guarded(phones: Phones) -> None:
    page = phones.get()
    assert "inline" not in HEADERS["Content-Security-Policy"]
    for answer in (page, phones.get("/phones/nothing"), phones.get("/phones/messages.json")):
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "HttpOnly" in requests.get(f"{phones.url}/phones", timeout=10).headers["Set-Cookie"]
    assert running('<p onclick="x" style="y"><script>z</script><a href="JavaScript:x">') != []
    assert running(page.text) == []
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        asset = phones.get(path)
        assert (asset.status_code, "immutable" in asset.headers["Cache-Control"]) == (200, True)
    assert phones.get("/static/phones.js").status_code == 404


def test_a_strangers_name_is_refused_whatever_it_asks_for(phones: Phones) -> None:
    for path in ("/phones", "/phones/messages.json", "/phones/events"):
        refused = phones.get(path, Host="evil.example")
        assert refused.status_code == 403
        assert "localhost" in refused.text
    assert phones.get(Host="localhost:1").status_code == 200


def test_a_post_needs_the_token_of_its_page(phones: Phones) -> None:
    for csrf in ("", "0" * 64):
        refused = phones.post("/phones/chaos", csrf=csrf, Reset="yes")
        assert (refused.status_code, "load it again" in refused.text) == (403, True)
    token = phones.token()
    stranger = requests.post(f"{phones.url}/phones/chaos", data={"csrf": token, "Reset": "yes"}, timeout=10)
    assert stranger.status_code == 403
    assert phones.post("/phones/chaos", {"Origin": "http://evil.example"}, Reset="yes").status_code == 403
    assert phones.post("/phones/chaos", {"Sec-Fetch-Site": "cross-site"}, Reset="yes").status_code == 403
    assert phones.post("/phones/chaos", {"X-CSRF-Token": token}, csrf="", Reset="yes").status_code == 303
    assert phones.post("/phones/chaos", {"Origin": phones.url}, Reset="yes").status_code == 303


def test_json_of_another_site_is_refused(phones: Phones) -> None:
    refused = phones.session.post(
        f"{phones.url}/phones/inbound", json={"From": "+14155550000", "Body": "x"}, timeout=10,
        headers={"Origin": "http://evil.example"},
    )  # fmt: skip
    assert (refused.status_code, refused.json()["code"]) == (403, 20003)


def test_what_is_not_there_is_said_to_people_and_to_programs(phones: Phones) -> None:
    assert (phones.get("/phones/nothing").status_code, phones.get("/phones/").status_code) == (404, 404)
    assert "no such page" in phones.get("/phones/nothing").text
    assert phones.get("/phones/nothing.json").json()["code"] == 20404
    assert phones.get("/phones/inbound").status_code == 405
    assert phones.session.head(f"{phones.url}/phones", timeout=10).status_code == 200
    assert phones.get("/", Accept="text/html").url == f"{phones.url}/phones"
    assert phones.get("/", Accept="*/*").status_code == 404
    other = phones.get("/phonesque")
    assert (other.status_code, other.json()["code"]) == (404, 20404)
