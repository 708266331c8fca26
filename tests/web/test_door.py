"""What every request meets: credentials, limits, methods, headers, and an answer whatever happens."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from itertools import product

import pytest

from limpet.core.model import AccountStatus
from limpet.web.app import create_app
from limpet.web.auth import FAILURES_MAX, FAILURES_WINDOW_S, REMEMBERED_S
from limpet.web.body import BODY_BYTES_MAX
from tests.support.clock import HandClock
from tests.web.client import Client, basic, call_app, encoded
from tests.web.conftest import NUMBER, PERSON, Api

PATHS = ["/Messages.json", "/v1/Services", "/2010-04-01/Accounts.json"]


@pytest.mark.parametrize(
    "authorization", ["", "Basic", "Basic !!!", "Basic Og==", "Bearer x", "wrong", "swapped", "é" * 4, "A" * 600]
)
async def test_bad_credentials_are_401_for_whatever_is_asked(api: Api, authorization: str) -> None:
    wrong = {"wrong": basic(api.client.sid, "0" * 32), "swapped": basic(api.client.secret, api.client.sid)}
    client = api.client.with_headers(authorization=wrong.get(authorization, authorization))
    for path, method in product(PATHS, ["GET", "POST", "DELETE", "PUT"]):
        answer = await client.call(method, path)
        assert answer.says == (401, 20003)
        assert answer.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    ("sid", "secret"), [("key", "token"), ("account", "key's"), ("unknown", "token"), ("MG", "token")]
)
async def test_secrets_open_only_what_they_belong_to(api: Api, sid: str, secret: str) -> None:
    sids = {"key": api.key.sid, "account": api.client.sid, "unknown": "AC" + "0" * 31 + "1", "MG": "MG" + "0" * 32}
    secrets = {"token": api.client.secret, "key's": api.key.secret}
    answer = await Client(api.app, sids[sid], secrets[secret], api.account.sid).get("/Messages.json")
    assert answer.says == (401, 20003)


async def test_guessing_is_slowed_down_but_locks_no_customer_out(api: Api, clock: HandClock) -> None:
    assert (await api.client.get("/Messages.json")).status == 200
    thief = Client(api.app, api.client.sid, "0" * 32, api.account.sid)
    for _ in range(FAILURES_MAX):
        assert (await thief.get("/Messages.json")).says == (401, 20003)
    refused = await thief.get("/Messages.json")
    assert refused.says == (429, 20429)
    assert int(refused.headers["retry-after"]) <= FAILURES_WINDOW_S
    assert (await api.client.get("/Messages.json")).status == 200
    assert (await api.stranger.get("/Messages.json")).status == 200
    clock.advance(timedelta(seconds=FAILURES_WINDOW_S))
    assert (await api.client.get("/Messages.json")).status == 200  # looked up anew
    assert (await thief.get("/Messages.json")).says == (401, 20003)


async def test_a_credential_that_was_good_is_looked_up_anew_even_while_others_guess(api: Api, clock: HandClock) -> None:
    assert (await api.client.get("/Messages.json")).status == 200
    clock.advance(timedelta(seconds=REMEMBERED_S - 1))
    thief = Client(api.app, api.client.sid, "0" * 32, api.account.sid)
    for _ in range(FAILURES_MAX):
        await thief.get("/Messages.json")
    clock.advance(timedelta(seconds=2))
    assert (await thief.get("/Messages.json")).says == (429, 20429)
    assert (await api.client.get("/Messages.json")).status == 200


async def test_a_credential_of_a_changed_account_is_looked_up_anew_even_while_others_guess(api: Api) -> None:
    assert (await api.client.get("/Messages.json")).status == 200
    thief = Client(api.app, api.client.sid, "0" * 32, api.account.sid)
    for _ in range(FAILURES_MAX):
        await thief.get("/Messages.json")
    api.app.auth.invalidate(api.account.sid)
    assert (await api.client.get("/Messages.json")).status == 200
    await api.deps.accounts.update(api.account.id, None, AccountStatus.CLOSED, api.account.created_at)
    api.app.auth.invalidate(api.account.sid)
    assert (await api.client.get("/Messages.json")).says == (401, 20003)
    assert (await api.client.get("/Messages.json")).says == (429, 20429)


async def test_a_key_deleted_elsewhere_ends_within_a_minute(api: Api, clock: HandClock) -> None:
    assert (await api.key.get("/Messages.json")).status == 200
    await api.deps.accounts.delete_key(api.account.id, api.key.sid)
    clock.advance(timedelta(seconds=REMEMBERED_S))
    assert (await api.key.get("/Messages.json")).says == (401, 20003)


async def test_what_is_taken_back_ends_at_once_where_it_is_told(api: Api) -> None:
    assert [(await client.get("/Messages.json")).status for client in (api.client, api.key)] == [200, 200]
    await api.deps.accounts.update(api.account.id, None, AccountStatus.CLOSED, api.account.created_at)
    api.app.auth.invalidate(api.account.sid)
    for client in (api.client, api.key):
        assert (await client.get("/Messages.json")).says == (401, 20003)


async def test_unknown_paths_are_404_in_twilios_shape(api: Api) -> None:
    unknown = ["/v1", "/v1/", "/v1/Nothing", "/v1/Services/", "/2010-04-01", "/2010-04-01/Accounts/x/y", "/Calls.json"]
    for path in unknown:
        answer = await api.client.get(path)
        assert answer.says == (404, 20404)
        assert set(answer.json) == {"code", "message", "more_info", "status"}


async def test_other_methods_are_405_and_say_which_there_are(api: Api) -> None:
    allowed = {
        "/Messages.json": "GET, POST",
        "/v1/Services": "GET, POST",
        "/v1/Services/MG" + "0" * 32: "DELETE, GET, POST",
        "/2010-04-01/Accounts.json": "GET, POST",
    }
    for path, method in product(allowed, ["PUT", "PATCH", "OPTIONS", "HEAD"]):
        answer = await api.client.call(method, path)
        assert answer.says == (405, 20004)
        assert answer.headers["allow"] == allowed[path]


async def test_every_answer_has_an_id_and_a_duration(api: Api) -> None:
    answers = [
        await api.client.get("/Messages.json"),
        await api.client.get("/v1/Nothing"),
        await api.client.post("/Messages.json"),
        await api.client.delete(f"/v1/Services/{await api.service()}"),
    ]
    ids = [answer.headers["twilio-request-id"] for answer in answers]
    assert all(re.fullmatch("RQ[0-9a-f]{32}", each) for each in ids)
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"\d+\.\d{3}", answer.headers["twilio-request-duration"]) for answer in answers)
    assert [answer.headers.get("content-type") for answer in answers] == ["application/json"] * 3 + [None]


async def test_health_needs_no_credential(api: Api) -> None:
    answer = await Client(api.app, "", "", "").with_headers(authorization="").get("/health")
    assert (answer.status, answer.json) == (200, {"status": "ok"})


@pytest.mark.parametrize("announced", [True, False])
async def test_a_large_body_is_refused_before_it_is_taken(api: Api, announced: bool) -> None:
    before = await api.rows()
    client = api.client if announced else api.client.with_headers(content_length="")
    answer = await client.call("POST", "/Messages.json", body=b"Body=" + b"x" * (2 << 20))
    assert answer.says == (413, 20001)
    assert await api.rows() == before


async def test_of_a_body_without_an_announced_length_no_more_than_the_limit_is_read(api: Api) -> None:
    given = 0

    async def receive() -> dict[str, object]:
        nonlocal given
        given += 1 << 16
        return {"type": "http.request", "body": b"x" * (1 << 16), "more_body": True}

    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    headers = [(b"authorization", basic(api.client.sid, api.client.secret).encode())]
    scope = {"type": "http", "method": "POST", "path": "/v1/Services", "query_string": b"", "headers": headers}
    await api.app(scope, receive, send)  # type: ignore[arg-type]
    assert sent[0]["status"] == 413
    assert given <= BODY_BYTES_MAX + (1 << 16)


@pytest.mark.parametrize("length", ["abc", "-1", "99999999999999999999"])
async def test_a_strange_length_is_refused(api: Api, length: str) -> None:
    assert (await api.client.with_headers(content_length=length).post("/Messages.json")).says == (413, 20001)


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "application/json"},
        {"content_type": "multipart/form-data; boundary=x"},
        {"content_type": "text/plain"},
        {"content_encoding": "gzip"},
    ],
)
async def test_a_body_that_is_no_form_is_415(api: Api, headers: dict[str, str]) -> None:
    before = await api.rows()
    client = api.client.with_headers(**headers)
    assert (await client.call("POST", "/v1/Services", body=b'{"FriendlyName":"x"}')).says == (415, 20001)
    assert await api.rows() == before


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded; charset=UTF-8", "Application/X-WWW-Form-URLEncoded", ""]
)
async def test_a_form_is_known_by_its_type_or_without_one(api: Api, kind: str) -> None:
    client = api.client.with_headers(content_type=kind)
    assert (await client.post("/v1/Services", FriendlyName="x")).status == 201


async def test_what_is_no_text_is_refused(api: Api) -> None:
    before = await api.rows()
    many = b"&".join([b"a=b"] * 1001)
    bodies = [b"Body=%FF", b"Body=%ED%A0%80", b"Body=\xff", b"Body=a%00b", b"N%00=x", many]
    for path, body in product(["/Messages.json", "/v1/Services"], bodies):
        assert (await api.client.post(path, body)).says == (400, 20001)
        assert (await api.client.call("GET", path, query=body)).says == (400, 20001)
    assert await api.rows() == before


async def test_a_client_that_hangs_up_gets_nothing_and_leaves_nothing(api: Api) -> None:
    service, before = await api.pool(NUMBER), await api.rows()
    headers = [(b"authorization", basic(api.client.sid, api.client.secret).encode())]
    scope = {
        "type": "http",
        "method": "POST",
        "path": api.client.within("/Messages.json"),
        "query_string": b"",
        "headers": headers,
    }
    half = encoded({"To": PERSON, "MessagingServiceSid": service, "Body": "x"})
    answer = await call_app(api.app, scope, [{"type": "http.request", "body": half, "more_body": True}])
    assert answer.status == 0
    assert {k: v for k, v in (await api.rows()).items() if k.startswith("message")} == {
        k: v for k, v in before.items() if k.startswith("message")
    }


async def test_a_fault_of_ours_is_500_with_an_id_and_no_word_of_its_cause(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    await api.world.database.pool.execute("ALTER TABLE service RENAME TO service_away")
    answer = await api.client.get("/v1/Services")
    assert answer.says == (500, 20500)
    assert "service_away" not in answer.body.decode()
    assert "Traceback" not in answer.body.decode()
    told = capsys.readouterr()
    assert answer.headers["twilio-request-id"] in told.out + told.err


@pytest.mark.parametrize(
    ("peer", "headers", "origin"),
    [
        ("192.0.2.7", {}, "http://limpet.test:8080"),
        ("192.0.2.7", {"x-forwarded-proto": "https", "x-forwarded-host": "evil.example"}, "http://limpet.test:8080"),
        ("10.1.2.3", {"x-forwarded-proto": "https", "x-forwarded-host": "sms.example"}, "https://sms.example"),
        ("10.1.2.3", {"x-forwarded-proto": "https"}, "https://limpet.test:8080"),
        ("10.1.2.3", {"x-forwarded-proto": "ftp", "x-forwarded-host": "a b"}, "http://10.0.0.1:8080"),
        ("192.0.2.7", {"host": "messaging.twilio.com"}, "http://messaging.twilio.com"),
        ("192.0.2.7", {"host": "[::1]:8080"}, "http://[::1]:8080"),
        ("192.0.2.7", {"host": 'x"><script>'}, "http://10.0.0.1:8080"),
        ("192.0.2.7", {"host": ""}, "http://10.0.0.1:8080"),
    ],
)
async def test_absolute_urls_lead_back_by_the_way_that_the_request_came(
    api: Api, peer: str, headers: dict[str, str], origin: str
) -> None:
    app = create_app(replace(api.deps, trusted_proxies=(ip_network("10.0.0.0/8"),)))
    client = replace(api.client, app=app, peer=peer, headers=headers)
    assert (await client.get("/v1/Services")).json["meta"]["url"] == f"{origin}/v1/Services?PageSize=50&Page=0"
    fixed = replace(client, app=create_app(replace(api.deps, public_url="https://sms.example/")))
    assert (await fixed.get("/v1/Services")).json["meta"]["url"] == "https://sms.example/v1/Services?PageSize=50&Page=0"
