"""Short links: made in texts, followed by anybody, counted and told, and over with their message or their time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from limpet.core.links import code_in
from limpet.core.retention import Mark
from limpet.web.app import create_app
from tests.support.clock import HandClock
from tests.support.lane import receipt
from tests.web.client import HOST, Response
from tests.web.conftest import NUMBER, PERSON, Api

LONG, OTHER = "https://shop.example.com/spring?id=1&x=%C3%A9", "http://example.com/(a)"
PHONE = "Mozilla/5.0 (iPhone) Safari/604.1"


async def shortened(api: Api, body: str = f"See {LONG}.", **form: object) -> tuple[dict[str, Any], list[str]]:
    """A message with short links, and their paths."""
    made = dict(await api.message(await api.pool(NUMBER), Body=body, ShortenUrls="true", **form))
    return made, [path for word in made["body"].split() if code_in(path := "/" + word.rstrip(".)").rpartition("/")[2])]


async def follow(api: Api, path: str, method: str = "GET", **headers: str) -> Response:
    return await api.client.with_headers(authorization="", **{"user_agent": PHONE, **headers}).call(method, path)


async def clicks(api: Api) -> list[int]:
    return [
        row["clicks"] for row in await api.world.database.pool.fetch("SELECT clicks FROM message_link ORDER BY url")
    ]


async def config_path(api: Api) -> str:
    sid = (await api.client.get("/v1/LinkShortening/Domains")).json["domains"][0]["domain_sid"]
    return f"/v1/LinkShortening/Domains/{sid}/Config"


async def finish(api: Api) -> None:
    submission = api.world.lane.submitted[-1]
    api.world.lane.tell(receipt(submission, api.world.lane.take(submission)[0]))
    await api.world.settle()


async def test_the_text_that_goes_out_has_links_that_lead_on(api: Api) -> None:
    made, (one, other) = await shortened(api, f"See {LONG} and ({OTHER}).")
    text = f"See http://{HOST}{one} and (http://{HOST}{other})."
    assert made["body"] == text
    assert api.world.lane.submitted[0].content.segments == (text,)
    assert await clicks(api) == [0, 0]
    for path, url in ((one, LONG), (other, OTHER)):
        led = await follow(api, path)
        assert (led.status, led.headers["location"], led.headers["cache-control"]) == (302, url, "private, no-store")
    assert await clicks(api) == [1, 1]


async def test_only_people_count(api: Api) -> None:
    _, (path,) = await shortened(api)
    for method, headers in (
        ("HEAD", {}),
        ("GET", {"user_agent": "facebookexternalhit/1.1"}),
        ("GET", {"sec_purpose": "prefetch"}),
    ):
        led = await follow(api, path, method, **headers)
        assert (led.status, led.headers["location"]) == (302, LONG)
    assert await clicks(api) == [0]
    assert (await follow(api, path, "POST")).says == (404, 20404)


async def test_a_click_is_owed_to_the_customer_signed_as_all_callbacks(api: Api, clock: HandClock) -> None:
    made, (path,) = await shortened(api)
    assert (await api.client.post(await config_path(api), CallbackUrl="https://example.com/clicks")).status == 201
    clock.advance(timedelta(minutes=5))
    await follow(api, path)
    (owed,) = [one for one in api.world.owed if one.kind == "click"]
    row = await api.world.database.pool.fetchrow("SELECT * FROM status_callback WHERE kind = 'click'")
    assert (row["url"], row["payload"], row["method"]) == ("https://example.com/clicks", owed.payload, "POST")
    assert {name: values[0] for name, values in parse_qs(owed.payload).items()} == {
        "event_type": "click",
        "sms_sid": made["sid"],
        "account_sid": api.account.sid,
        "messaging_service_sid": made["messaging_service_sid"],
        "to": PERSON,
        "from": NUMBER,
        "link": LONG,
        "shortened_link": f"http://{HOST}{path}",
        "link_create_time": "2026-03-02T12:00:00Z",
        "click_time": "2026-03-02T12:05:00Z",
        "user_agent": PHONE,
    }


@pytest.mark.parametrize("final", [True, False])
async def test_a_click_tells_the_number_only_while_it_is_kept(api: Api, clock: HandClock, final: bool) -> None:
    _, (path,) = await shortened(api, From=NUMBER)
    await api.client.post(await config_path(api), CallbackUrl="https://example.com/clicks")
    await api.world.database.pool.execute("UPDATE message SET marks = marks | $1", int(Mark.OBFUSCATE))
    if final:
        await finish(api)
    await follow(api, path)
    (owed,) = [one for one in api.world.owed if one.kind == "click"]
    masked = "to=%2B1415555XXXX&"
    assert (masked in owed.payload) is final
    assert masked in (owed.payload_kept or owed.payload)


async def test_a_link_is_over_after_ninety_days_from_sending(api: Api, clock: HandClock) -> None:
    _, (path,) = await shortened(api)
    clock.advance(timedelta(hours=1))
    await finish(api)
    clock.advance(timedelta(days=90))
    assert (await follow(api, path)).status == 302
    clock.advance(timedelta(seconds=1))
    assert (await follow(api, path)).says == (404, 20404)
    await api.client.post(await config_path(api), FallbackUrl="https://example.com/over")
    assert (await follow(api, path)).headers["location"] == "https://example.com/over"
    assert await clicks(api) == [1]


@pytest.mark.parametrize("how", ["deleted", "redacted"])
async def test_a_link_is_over_with_its_message_or_its_text(api: Api, how: str) -> None:
    made, (path,) = await shortened(api)
    await finish(api)
    place = f"/Messages/{made['sid']}.json"
    done = await (api.client.delete(place) if how == "deleted" else api.client.post(place, Body=""))
    assert done.status in (200, 204)
    assert (await follow(api, path)).says == (404, 20404)
    assert await api.world.database.pool.fetchval("SELECT count(*) FROM message_link") == 0


async def test_nobody_guesses_and_an_unknown_one_leads_to_the_operators_fallback(api: Api) -> None:
    _, (path,) = await shortened(api)
    for wrong in (path[:-1] + ("2" if path[-1] != "2" else "3"), "/" + "2" * 10):
        assert (await follow(api, wrong)).says == (404, 20404)
    deps = replace(api.deps, link_fallback="https://example.com/start", link_domain="https://go.example.com")
    client = replace(api.client, app=create_app(deps), headers={"authorization": ""})
    assert (await client.call("GET", "/" + "2" * 10)).headers["location"] == "https://example.com/start"


async def test_the_operators_domain_and_links_without_a_scheme(api: Api) -> None:
    client = replace(api.client, app=create_app(replace(api.deps, link_domain="https://go.example.com")))
    service = await api.pool(NUMBER)
    form = {
        "To": PERSON,
        "MessagingServiceSid": service,
        "Body": f"{LONG} https://go.example.com/x",
        "ShortenUrls": "true",
    }
    body = (await client.post("/Messages.json", form)).json["body"]
    first, second = body.split()
    assert first.startswith("https://go.example.com/")
    assert second == "https://go.example.com/x"
    await client.post(await config_path(api), DisableHttps="true")
    assert (await client.post("/Messages.json", form)).json["body"].startswith("go.example.com/")


async def test_a_text_without_links_and_a_message_without_the_wish_stay_as_they_are(api: Api) -> None:
    service = await api.pool(NUMBER)
    for form in ({"ShortenUrls": "true", "Body": "No link"}, {"Body": f"See {LONG}"}):
        assert (await api.message(service, **form))["body"] == form["Body"]
    assert await clicks(api) == []
    assert await api.world.database.pool.fetchval("SELECT count(*) FROM message WHERE marks IS NOT NULL") == 0


async def test_the_config_of_the_domain_is_each_accounts_own(api: Api) -> None:
    path = await config_path(api)
    unsaid = (await api.client.get(path)).json
    assert (unsaid["callback_url"], unsaid["continue_on_failure"], unsaid["disable_https"]) == (None, True, False)
    form = {
        "CallbackUrl": "https://example.com/c",
        "FallbackUrl": "https://example.com/f",
        "ContinueOnFailure": "false",
    }
    made = await api.client.post(path, form)
    assert made.status == 201
    assert (await api.client.get(path)).json == made.json
    changed = await api.client.post(path, CallbackUrl="", DisableHttps="true")
    assert (changed.status, changed.json["callback_url"], changed.json["fallback_url"]) == (
        200,
        None,
        form["FallbackUrl"],
    )
    assert (changed.json["disable_https"], changed.json["config_sid"]) == (True, made.json["config_sid"])
    assert (await api.stranger.get(path)).json["fallback_url"] is None
    service = await api.service()
    of_service = (await api.client.get(f"/v1/LinkShortening/MessagingService/{service}/DomainConfig")).json
    assert (of_service["messaging_service_sid"], of_service["fallback_url"]) == (service, form["FallbackUrl"])
    domain = path.split("/")[4]
    there = await api.client.post(f"/v1/LinkShortening/Domains/{domain}/MessagingServices/{service}")
    assert (there.status, there.json["domain_sid"]) == (201, domain)
    assert (await api.client.get(f"/v1/LinkShortening/MessagingServices/{service}/Domain")).json["domain_sid"] == domain
    assert (await api.client.get(path.replace("Config", "ValidateDns"))).json["is_valid"] is True
    assert (await api.stranger.get(f"/v1/LinkShortening/MessagingServices/{service}/Domain")).says == (404, 20404)
