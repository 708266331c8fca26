"""Each product of Twilio's has its host name, with an edge and a region or without, and nothing of another's is found there."""

from __future__ import annotations

import pytest

from limpet.web.app import served
from limpet.web.products import API, CONTENT, EVENTS, MESSAGING, PRODUCTS, has, product_of


@pytest.mark.parametrize(("host", "product"), [
    ("api.twilio.com", "api"), ("API.Twilio.Com", "api"), ("api.ie1.twilio.com", "api"),
    ("messaging.dublin.ie1.twilio.com", "messaging"), ("verify.twilio.com", "verify"),
])  # fmt: skip
def test_a_product_is_known_by_its_host(host: str, product: str) -> None:
    assert product_of(host) == product


@pytest.mark.parametrize("host", [
    "", "twilio.com", ".twilio.com", "api.twilio.com.", "api.twilio.com.example.com", "eviltwilio.com", "api.twilioxcom",
    "api.a.b.c.twilio.com", "api..twilio.com", "-.twilio.com", "api.twilio.com\n", "a" * 300 + ".twilio.com", "127.0.0.1",
    f"{'a' * 64}.twilio.com",
])  # fmt: skip
def test_everybody_elses_hosts_are_of_none(host: str) -> None:
    assert product_of(host) is None


@pytest.mark.parametrize(("path", "product"), [
    ("/2010-04-01/Accounts/AC1/Messages.json", API),
    ("/v1/Services", MESSAGING),
    ("/v1/Services/MG1/PhoneNumbers", MESSAGING),
    ("/v1/Content/HX1", CONTENT),
    ("/v1/Sinks", EVENTS),
    ("/v1/Types/com.twilio.messaging.message.sent", EVENTS),
])  # fmt: skip
def test_a_path_is_had_by_one_product(path: str, product: str) -> None:
    assert [each for each in PRODUCTS if has(each, path)] == [product]
    assert not has("conversations", path)
    assert not has(None, path)


def test_links_are_followed_at_any_of_them() -> None:
    assert all(has(each, "/health") and has(each, "/AbC123") for each in PRODUCTS)


def test_everything_that_is_served_is_had_by_somebody() -> None:
    assert {path for _, path in served() if not any(has(each, path) for each in (API, MESSAGING, EVENTS))} == set()
    at_events = {path.split("/")[2] for _, path in served() if has(EVENTS, path)}
    assert at_events == {"Sinks", "Subscriptions", "Types", "Schemas"}
