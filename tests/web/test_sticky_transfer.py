"""Mappings in bulk over HTTP: brought, looked at, taken back, exported; nobody else's. S-120, S-121, S-122, S-123."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.support.imports import new_sid
from tests.web.client import Client, Response
from tests.web.conftest import NUMBER, OTHER_NUMBER, PERSON, Api

FIRST, SECOND = "+14155550191", "+14155550192"


def lines(*rows: tuple[str, str]) -> bytes:
    return "".join(json.dumps({"to": to, "from": sender}) + "\n" for to, sender in rows).encode()


def path(service: str, rest: str = "Import") -> str:
    return f"/v1/Services/{service}/StickyMappings/{rest}"


async def bring(client: Client, service: str, data: bytes, chunk: int = 1 << 16, **query: object) -> Response:
    return await client.call("POST", path(service), query=query, body=data, chunk=chunk)


async def test_a_file_is_brought_and_what_was_not_taken_is_told(api: Api) -> None:
    service = await api.pool(NUMBER, OTHER_NUMBER)
    data = lines((FIRST, NUMBER), ("nobody", NUMBER), (SECOND, "+19995550100"), (PERSON, OTHER_NUMBER)) + b"x\n"
    answer = await bring(api.key, service, data, chunk=10)
    assert answer.status == 201
    told = answer.json
    assert (told["state"], told["mode"], told["service_sid"]) == ("done", "skip", service)
    assert {name: n for name, n in told["lines"].items() if n} == {"lines": 5, "made": 2, "reported": 3}
    assert [(one["line"], one["why"]) for one in told["problems"]] == [
        (2, "no_person"), (3, "unknown_sender"), (5, "unreadable"),
    ]  # fmt: skip
    assert (await api.client.follow(told["url"])).json == told
    whole = await api.client.follow(told["links"]["problems"])
    assert whole.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line)["line"] for line in whole.body.splitlines()] == [2, 3, 5]
    assert (await api.message(service, PERSON))["from"] is None
    mapping = await api.client.get(f"/v1/Services/{service}/StickyMappings", {"To": PERSON})
    assert mapping.json["sticky_mappings"][0]["from"] == OTHER_NUMBER


async def test_a_broken_connection_is_carried_on_with(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limpet.flow.sticky_import.BLOCK_BYTES", 200)
    service, sid = await api.pool(NUMBER), new_sid()
    data = lines(*((f"+1415556{n:04}", NUMBER) for n in range(40)))
    scope_client = api.client.with_headers(content_length=str(len(data)))
    gone = await _hang_up(scope_client, path(service), {"ImportSid": sid}, data[:1000])
    assert gone.status == 0
    begun = (await api.client.get(path(service, f"Import/{sid}"))).json
    assert (begun["state"], begun["lines"]["made"]) == ("loading", 0)
    assert begun["lines"]["staged"] > 0
    other = await bring(api.client, service, data.replace(b"6", b"7"), ImportSid=sid)
    assert other.says == (400, 20001)
    done = (await bring(api.client, service, data, ImportSid=sid)).json
    assert (done["state"], done["lines"]["made"], done["lines"]["lines"]) == ("done", 40, 40)
    again = await bring(api.client, service, data, ImportSid=sid)
    assert again.says == (409, 20001)


async def _hang_up(client: Client, where: str, query: dict[str, str], data: bytes) -> Response:
    """A client that goes away in the middle of its file."""
    from tests.web.client import basic, call_app, encoded

    headers = {"authorization": basic(client.sid, client.secret)}
    scope = client._scope("POST", where, encoded(query), headers)
    return await call_app(client.app, scope, [{"type": "http.request", "body": data, "more_body": True}])


async def test_an_import_is_taken_back(api: Api) -> None:
    service = await api.pool(NUMBER)
    one = (await bring(api.client, service, lines((FIRST, NUMBER)))).json
    assert (await api.client.delete(path(service, f"Import/{one['sid']}"))).status == 204
    told = (await api.client.follow(one["url"])).json
    assert (told["state"], told["lines"]["undone"]) == ("undone", 1)
    assert (await api.client.delete(path(service, f"Import/{one['sid']}"))).says == (409, 20001)
    assert (await api.client.get(f"/v1/Services/{service}/StickyMappings", {"To": FIRST})).status == 404


async def test_imports_are_listed_by_pages_newest_first(api: Api) -> None:
    service = await api.pool(NUMBER)
    sids = [(await bring(api.client, service, lines((FIRST, NUMBER)))).json["sid"] for _ in range(5)]
    found: list[Any] = []
    answer = await api.client.get(path(service), {"PageSize": 2})
    while True:
        found += answer.json["imports"]
        following = answer.json["meta"]["next_page_url"]
        if following is None:
            break
        answer = await api.client.follow(following)
    assert [one["sid"] for one in found] == sids[::-1]


@pytest.mark.parametrize("kind", ["ndjson", "csv"])
async def test_what_is_exported_can_be_brought(api: Api, kind: str) -> None:
    service = await api.pool(NUMBER, OTHER_NUMBER)
    await bring(api.client, service, lines((FIRST, NUMBER), (SECOND, OTHER_NUMBER)))
    out = await api.client.get(path(service, "Export"), {"Format": kind})
    assert out.status == 200
    assert len(out.body.splitlines()) == 2 + (kind == "csv")
    again = (await bring(api.client, service, out.body, Mode="overwrite")).json
    assert (again["lines"]["unchanged"], again["lines"]["lines"]) == (2, 2)


@pytest.mark.parametrize(
    ("query", "data"),
    [
        ({"Mode": "perhaps"}, b""),
        ({"Source": "elsewhere"}, b""),
        ({"ImportSid": "LI1"}, b""),
        ({"DryRun": "1"}, b""),
        ({"LogService": "MG\n"}, b""),
        ({}, b"name,number\n1,2\n"),
        ({"Source": "plivo"}, b"to,from\n1,2\n"),
    ],
)
async def test_what_is_wrong_is_refused_and_changes_nothing(api: Api, query: dict[str, str], data: bytes) -> None:
    service = await api.pool(NUMBER)
    assert (await bring(api.client, service, data, **query)).says == (400, 20001)
    assert await api.world.database.pool.fetchval("SELECT count(*) FROM sticky_mapping") == 0
    assert (await api.client.get(path(service, "Export"), {"Format": "xml"})).says == (400, 20001)


async def test_nobody_sees_or_changes_another_account_s(api: Api) -> None:
    service = await api.pool(NUMBER)
    one = (await bring(api.client, service, lines((FIRST, NUMBER)))).json
    for method, rest in [
        ("POST", "Import"), ("GET", "Import"), ("GET", f"Import/{one['sid']}"), ("DELETE", f"Import/{one['sid']}"),
        ("GET", f"Import/{one['sid']}/Problems"), ("GET", "Export"),
    ]:  # fmt: skip
        assert (await api.stranger.call(method, path(service, rest))).status == 404
    other = await api.service()
    assert (await api.client.get(path(other, f"Import/{one['sid']}"))).status == 404
    assert (await bring(api.client, other, lines((FIRST, NUMBER)), ImportSid=one["sid"])).says == (409, 20001)


async def test_a_body_that_is_compressed_is_refused(api: Api) -> None:
    service = await api.pool(NUMBER)
    packed = api.client.with_headers(content_encoding="gzip")
    assert (await bring(packed, service, gzip.compress(lines((FIRST, NUMBER))))).says == (415, 20001)
