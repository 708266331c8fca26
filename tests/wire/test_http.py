"""The door as a socket meets it: large bodies, closed connections, and what is no HTTP."""

from __future__ import annotations

import json
import socket
from base64 import b64encode
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.wire.conftest import Wire

TWO_MEGABYTES = 2 << 20
FORM_TYPE = "application/x-www-form-urlencoded"


def connected(wire: Wire) -> HTTPConnection:
    return HTTPConnection(urlsplit(wire.url).netloc, timeout=20)


def headers(wire: Wire, **more: str) -> dict[str, str]:
    credential = b64encode(f"{wire.ready['account_sid']}:{wire.ready['auth_token']}".encode()).decode()
    return {"Authorization": f"Basic {credential}", "Content-Type": FORM_TYPE, **more}


def answer(connection: HTTPConnection) -> tuple[HTTPResponse, Any]:
    response = connection.getresponse()
    return response, json.loads(response.read())


def chunks(size: int) -> Iterator[bytes]:
    yield b"Body="
    for _ in range(size >> 16):
        yield b"x" * (1 << 16)


def messages(wire: Wire) -> str:
    return f"/2010-04-01/Accounts/{wire.ready['account_sid']}/Messages.json"


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_of_two_megabytes_is_refused_readably_and_the_connection_lives(wire: Wire, announced: bool) -> None:
    connection = connected(wire)
    if announced:
        connection.request("POST", messages(wire), b"Body=" + b"x" * TWO_MEGABYTES, headers(wire))
    else:
        connection.request("POST", messages(wire), chunks(TWO_MEGABYTES), headers(wire), encode_chunked=True)
    response, said = answer(connection)
    assert (response.status, said["code"], said["status"]) == (413, 20001, 413)
    connection.request("GET", messages(wire) + "?PageSize=1", headers=headers(wire))
    assert answer(connection)[0].status == 200
    connection.close()


def test_a_connection_is_closed_when_the_client_asks_for_it(wire: Wire) -> None:
    connection = connected(wire)
    connection.request("GET", messages(wire) + "?PageSize=1", headers=headers(wire, Connection="close"))
    response, _ = answer(connection)
    assert (response.status, response.getheader("connection")) == (200, "close")
    connection.close()


def test_messages_follow_each_other_on_one_connection(wire: Wire) -> None:
    connection = connected(wire)
    form = urlencode({"To": "+14155550199", "MessagingServiceSid": wire.ready["service_sid"], "Body": "again"})
    sids = set()
    for _ in range(5):
        connection.request("POST", messages(wire), form, headers(wire))
        response, made = answer(connection)
        assert response.status == 201
        sids.add(made["sid"])
    assert len(sids) == 5
    connection.close()


def test_a_get_with_a_type_and_no_body_is_a_get(wire: Wire) -> None:
    connection = connected(wire)
    connection.request("GET", messages(wire) + "?DateSent%3E=2008-01-02&PageSize=1", headers=headers(wire))
    response, page = answer(connection)
    assert response.status == 200
    assert "DateSent%3E=2008-01-02" in page["uri"]
    connection.close()


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
)
def test_what_is_no_http_is_refused_and_hurts_nobody(wire: Wire, garbage: bytes) -> None:
    place = urlsplit(wire.url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=20) as raw:
        raw.sendall(garbage)
        said = raw.recv(1 << 16)
    assert not said or said.startswith(b"HTTP/1.1 400")
    connection = connected(wire)
    connection.request("GET", "/health")
    assert answer(connection)[1] == {"status": "ok"}
    connection.close()
