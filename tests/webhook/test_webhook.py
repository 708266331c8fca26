"""One POST to a customer, with real sockets: what arrives, what comes back, and what never gets through."""

import asyncio
import base64
import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from limpet.core.destination import UrlPolicy
from limpet.twilio.callback import Overrides
from limpet.webhook import BODY_BYTES_MAX, Cause, Posted, PostFailed, Webhooks, target
from tests.support.customer import Answer, Customer, recording_customer

HEADERS = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "User-Agent": "Limpet/0", "X-Extra": "1"}


class OneName(AbstractResolver):
    """A DNS in which every name leads to the same addresses; with none, no name is known."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        if not self._addresses:
            raise OSError("name not known")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=6,
                flags=0,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        pass


@pytest.fixture
async def customer():
    async with recording_customer() as made:
        yield made


@pytest.fixture
async def webhooks():
    made = Webhooks(UrlPolicy(allow_loopback=True))
    yield made
    await made.close()


@pytest.fixture
async def guarded():
    made = Webhooks(UrlPolicy())
    yield made
    await made.close()


async def test_form_and_headers_arrive_as_given(webhooks: Webhooks, customer: Customer):
    url = customer.url("/a%20b/../c?name=O'Neil&x=%2B+%20")
    assert await webhooks.post(url, "Body=%C3%A9&Empty=", HEADERS) == Posted(200)
    [request] = customer.requests
    assert (request.method, request.url, request.body) == ("POST", url, "Body=%C3%A9&Empty=")
    sent = {name.lower(): value for name, value in request.headers.items()}
    assert sent == {name.lower(): value for name, value in HEADERS.items()} | {
        "host": f"127.0.0.1:{customer.port}",
        "content-length": "18",
    }


async def test_url_that_is_not_ascii_is_quoted(webhooks: Webhooks, customer: Customer):
    assert await webhooks.post(customer.url("/é?q=ü"), "", HEADERS) == Posted(200)
    assert customer.requests[0].url == customer.url("/%C3%A9?q=%C3%BC")


async def test_credentials_in_the_url_become_basic_auth_and_stay_out_of_reasons(webhooks: Webhooks, customer: Customer):
    customer.plan(Answer(200), Answer(500))
    url = customer.url().replace("://", "://user:se%3Acret@")
    assert await webhooks.post(url, "", HEADERS) == Posted(200)
    assert customer.requests[0].headers["Authorization"] == "Basic " + base64.b64encode(b"user:se:cret").decode()
    failed = await webhooks.post(url, "", HEADERS)
    assert isinstance(failed, PostFailed)
    assert "secret" not in failed.why
    assert "cret" not in failed.why


async def test_a_name_is_looked_up(webhooks: Webhooks, customer: Customer):
    assert await webhooks.post(f"http://localhost:{customer.port}/cb", "", HEADERS) == Posted(200)


async def test_connection_is_used_again(webhooks: Webhooks, customer: Customer):
    customer.plan(*[Answer(status, body=b"x" * 1000) for status in (200, 404, 500)])
    for _ in range(4):
        await webhooks.post(customer.url(), "", HEADERS)
    assert len({request.peer for request in customer.requests}) == 1


async def test_connections_to_one_host_are_limited(customer: Customer):
    webhooks = Webhooks(UrlPolicy(allow_loopback=True), connections_per_host_max=3)
    customer.always(Answer(hang=True))
    posts = [asyncio.create_task(webhooks.post(customer.url(), "", HEADERS)) for _ in range(8)]
    await customer.wait_for(3)
    customer.always(Answer())
    customer.release()
    assert await asyncio.gather(*posts) == [Posted(200)] * 8
    assert customer.most_at_once == 3
    await webhooks.close()


@pytest.mark.parametrize("status", [200, 201, 204])
async def test_2xx_is_taken(webhooks: Webhooks, customer: Customer, status: int):
    customer.plan(Answer(status))
    assert await webhooks.post(customer.url(), "", HEADERS) == Posted(status)


@pytest.mark.parametrize(
    ("status", "cause", "retryable"),
    [
        (301, Cause.SERVER_ERROR, True),
        (307, Cause.SERVER_ERROR, True),
        (400, Cause.CLIENT_ERROR, True),
        (404, Cause.CLIENT_ERROR, True),
        (410, Cause.GONE, False),
        (429, Cause.CLIENT_ERROR, True),
        (500, Cause.SERVER_ERROR, True),
        (503, Cause.SERVER_ERROR, True),
    ],
)
async def test_other_statuses_are_failures(webhooks: Webhooks, customer: Customer, status, cause, retryable):
    customer.plan(Answer(status, {"Location": customer.url("/elsewhere")} if status < 400 else {}))
    failed = await webhooks.post(customer.url(), "", HEADERS)
    assert failed == PostFailed(cause, f"127.0.0.1 answered {status}", status)
    assert failed.retryable is retryable
    assert len(customer.requests) == 1, "a redirect was followed"


async def test_cookies_are_not_kept(customer: Customer):
    webhooks = Webhooks(UrlPolicy(allow_loopback=True), resolver=OneName("127.0.0.1"))
    customer.plan(Answer(200, {"Set-Cookie": "session=1"}))
    for _ in range(2):
        assert await webhooks.post(f"http://named.example:{customer.port}/cb", "", HEADERS) == Posted(200)
    assert "Cookie" not in customer.requests[1].headers
    await webhooks.close()


async def test_compressed_answer_is_not_unpacked(webhooks: Webhooks, customer: Customer):
    customer.plan(Answer(200, {"Content-Encoding": "gzip"}, b"not gzip at all"))
    assert await webhooks.post(customer.url(), "", HEADERS) == Posted(
        200, "application/octet-stream", b"not gzip at all"
    )


async def test_answer_of_64_kib_is_read_and_one_octet_more_is_not(webhooks: Webhooks, customer: Customer):
    customer.plan(Answer(200, body=b"x" * BODY_BYTES_MAX), Answer(200, body=b"x" * (BODY_BYTES_MAX + 1)))
    read = await webhooks.post(customer.url(), "", HEADERS)
    assert isinstance(read, Posted)
    assert read.body == b"x" * BODY_BYTES_MAX
    failed = await webhooks.post(customer.url(), "", HEADERS)
    assert isinstance(failed, PostFailed)
    assert (failed.cause, failed.retryable) == (Cause.READ, True)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SMTP ready\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_broken_answer_is_a_failed_read(webhooks: Webhooks, customer: Customer, raw: bytes):
    customer.plan(Answer(raw=raw))
    failed = await webhooks.post(customer.url(), "", HEADERS)
    assert isinstance(failed, PostFailed)
    assert failed.cause is Cause.READ
    assert await webhooks.post(customer.url(), "", HEADERS) == Posted(200), "the next POST was harmed"


@pytest.mark.parametrize("limit", [Overrides(read_timeout_s=0.1), Overrides(total_timeout_s=0.1)])
async def test_hanging_answer_ends_at_the_nearer_limit(webhooks: Webhooks, customer: Customer, limit: Overrides):
    customer.plan(Answer(hang=True))
    async with asyncio.timeout(5):
        failed = await webhooks.post(customer.url(), "", HEADERS, limit)
    assert isinstance(failed, PostFailed)
    assert failed.cause is Cause.READ


async def test_nobody_listening_is_a_failed_connection(webhooks: Webhooks, unused_port: int):
    failed = await webhooks.post(f"http://127.0.0.1:{unused_port}/", "", HEADERS)
    assert isinstance(failed, PostFailed)
    assert failed.cause is Cause.CONNECT


async def test_server_that_speaks_no_tls_is_a_failed_connection(webhooks: Webhooks, customer: Customer):
    failed = await webhooks.post(customer.url().replace("http:", "https:"), "", HEADERS)
    assert isinstance(failed, PostFailed)
    assert failed.cause is Cause.CONNECT


async def test_unknown_name_is_a_failed_connection():
    webhooks = Webhooks(UrlPolicy(), resolver=OneName())
    failed = await webhooks.post("http://innocent.example/", "", HEADERS)
    assert isinstance(failed, PostFailed)
    assert (failed.cause, failed.retryable) == (Cause.CONNECT, True)
    await webhooks.close()


@pytest.mark.parametrize("host", ["a" * 64 + ".invalid", "a..invalid"])
async def test_impossible_name_is_survived(webhooks: Webhooks, host: str):
    failed = await webhooks.post(f"http://{host}/", "", HEADERS)
    assert isinstance(failed, PostFailed)
    assert failed.cause in {Cause.CONNECT, Cause.URL}


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "/cb", "ftp://example.com/", "file:///etc/passwd", "http://", "http:///cb", "http://?x",
        "http://user:pw@/cb", "http://example.com:99999/", "http://example.com:port/", "http://[::1/", "http://#x",
        "http://example.com/a b", "http://exa mple.com/", "http://example.com/\r\nX-Injected: 1",
        "http://example.com/\x00", "http://example.com/\ud800", "gopher://127.0.0.1/", "javascript:alert(1)",
    ],
)  # fmt: skip
async def test_what_cannot_be_posted_to_is_not_tried(webhooks: Webhooks, url: str):
    assert target(url) is None
    failed = await webhooks.post(url, "", HEADERS)
    assert isinstance(failed, PostFailed)
    assert (failed.cause, failed.retryable) == (Cause.URL, False)


LOOPBACK_SPELLINGS = [
    "127.0.0.1", "localhost", "LOCALHOST", "localhost.", "127.1", "127.0.1", "127.8.8.8", "127.000.000.001", "0.0.0.0",
    "0", "0177.0.0.1", "0177.1", "017700000001", "2130706433", "0x7f000001", "0x7f.0.0.1", "１２７.０.０.１",
    "①②⑦.⓪.⓪.①", "127。0。0。1", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[::ffff:0:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1%25lo]",
    "user:pw@127.0.0.1", "127.0.0.1%2f@127.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
async def test_no_spelling_of_loopback_reaches_an_inner_server(guarded: Webhooks, customer: Customer, host: str):
    failed = await guarded.post(f"http://{host}:{customer.port}/", "", HEADERS, Overrides(total_timeout_s=2))
    assert isinstance(failed, PostFailed)
    assert failed.cause in {Cause.ADDRESS, Cause.CONNECT, Cause.URL}
    assert customer.requests == []


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.1", "fec0::1", "100.64.0.1"]
)
async def test_name_that_leads_inside_is_refused_for_good(customer: Customer, address: str):
    webhooks = Webhooks(UrlPolicy(ports=frozenset({customer.port})), resolver=OneName(address))
    failed = await webhooks.post(f"http://innocent.example:{customer.port}/", "", HEADERS)
    assert isinstance(failed, PostFailed)
    assert (failed.cause, failed.retryable) == (Cause.ADDRESS, False)
    assert customer.requests == []
    await webhooks.close()


async def test_every_address_of_a_name_is_judged_by_itself(customer: Customer):
    webhooks = Webhooks(UrlPolicy(allow_loopback=True), resolver=OneName("169.254.169.254", "10.0.0.1", "127.0.0.1"))
    assert await webhooks.post(f"http://innocent.example:{customer.port}/", "", HEADERS) == Posted(200)
    await webhooks.close()


async def test_several_refused_addresses_are_refused_for_good(guarded: Webhooks):
    webhooks = Webhooks(UrlPolicy(), resolver=OneName("169.254.169.254", "10.0.0.1", "::1"))
    failed = await webhooks.post("http://innocent.example/", "", HEADERS)
    assert isinstance(failed, PostFailed)
    assert failed.cause is Cause.ADDRESS
    await webhooks.close()


async def test_public_port_out_of_policy_is_refused():
    webhooks = Webhooks(UrlPolicy(), resolver=OneName("93.184.216.34"))
    failed = await webhooks.post("http://innocent.example:25/", "", HEADERS)
    assert isinstance(failed, PostFailed)
    assert failed.cause is Cause.ADDRESS
    await webhooks.close()


async def test_proxy_of_the_environment_is_not_used(customer: Customer, monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    webhooks = Webhooks(UrlPolicy(allow_loopback=True))
    assert await webhooks.post(customer.url(), "", HEADERS) == Posted(200)
    await webhooks.close()
