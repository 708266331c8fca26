"""A lane over HTTP: pauses, doubts and keys, the order of a conversation, notices held until they are committed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import limpet.carrier.http as lane_module
import limpet.carrier.http_notices as desk_module
from limpet.carrier.http_client import HttpClient, Medium
from limpet.carrier.http_notices import Taken
from limpet.carrier.port import InboundMedium, Refused, Retry, Submission, Submitted, Unanswered, Unsent
from limpet.core.encoding import segment
from tests.support.customer import Answer, recording_customer
from tests.support.dialects import DIALECTS, URL
from tests.support.smsc import SENDER, submission
from tests.support.upstream import Deed, Upstream, upstream

PERSON = "+12125550100"
PICTURES = ("https://example.com/a.png", "https://example.com/b.mp4")
GENERIC = DIALECTS["http"]


def lane_of(made: Upstream) -> Any:
    assert made.carrier is not None
    return made.carrier.lanes[0]


def with_media(number: int, *urls: str, text: str = "Look") -> Submission:
    plain = submission(number, text, PERSON)
    return Submission(plain.key, 1, SENDER, PERSON, segment(text), plain.reference, urls, as_mms=True)


@pytest.mark.parametrize("urls", [PICTURES, PICTURES[:1]])
@pytest.mark.parametrize("kind", DIALECTS)
async def test_media_go_out_beside_the_text(kind: str, urls: tuple[str, ...]) -> None:
    async with upstream(DIALECTS[kind]) as made:
        assert lane_of(made).mms
        lane_of(made).submit([with_media(1, *urls)])
        await made.heard.until(lambda: made.heard.results)
        ((_, arrived),) = made.arrived
        assert (arrived.number, arrived.person, arrived.text, arrived.media) == (SENDER, PERSON, "Look", urls)


@pytest.mark.parametrize("kind", DIALECTS)
async def test_media_come_in_with_a_text(kind: str) -> None:
    dialect = DIALECTS[kind]
    async with upstream(dialect) as made:
        assert await made.bring(dialect.inbound(PERSON, SENDER, "Look", "in-1", PICTURES)) is Taken.YES
        (text,) = made.heard.inbound
        assert (text.body, text.media) == ("Look", tuple(InboundMedium(url, dialect.inbound_type) for url in PICTURES))


@pytest.mark.parametrize("kind", DIALECTS)
async def test_an_account_without_mms_says_so(kind: str) -> None:
    async with upstream(DIALECTS[kind], mms=False) as made:
        assert not lane_of(made).mms


async def test_the_carrier_says_for_how_long_it_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "THROTTLE_PAUSE_S", 600.0)
    async with upstream(GENERIC) as made:
        made.plan.append(Deed.THROTTLE)
        made.retry_after = "1"
        lane_of(made).submit([submission(1, recipient=PERSON), submission(2, recipient=PERSON)])
        await made.heard.until(lambda: len(made.heard.results) == 2)
        assert [type(result) for result in made.heard.results] == [Unsent, Refused], "the second one must not overtake"
        assert made.requests == 1
        await made.heard.until(lambda: made.heard.rooms == 2)
        assert lane_of(made).room == 16


async def test_5xx_is_temporary_and_a_gateways_word_is_a_doubt() -> None:
    async with upstream(GENERIC) as made:
        made.plan += [Deed.FAIL, Deed.BAD_GATEWAY]
        lane_of(made).submit([submission(1)])
        await made.heard.until(lambda: made.heard.results)
        lane_of(made).submit([submission(2)])
        await made.heard.until(lambda: len(made.heard.results) == 2)
        first, second = made.heard.results
        assert isinstance(first, Refused)
        assert (first.retry, first.error_code, first.detail) == (Retry.LATER, 30008, "503")
        assert second == Unanswered(submission(2).key, 1)


@pytest.mark.parametrize("deed", [Deed.CUT, Deed.BAD_GATEWAY, Deed.HANG])
@pytest.mark.parametrize("kind", ["telnyx", "http"])
async def test_with_keys_a_lost_answer_is_asked_for_again(kind: str, deed: Deed) -> None:
    async with upstream(DIALECTS[kind], idempotency_keys=True, response_timeout_s=0.1) as made:
        made.plan.append(deed)
        lane_of(made).submit([submission(7)])
        await made.heard.until(lambda: made.heard.results)
        (told,) = made.heard.results
        assert isinstance(told, Refused)
        assert told.retry is Retry.LATER
        lane_of(made).submit([submission(7)])
        await made.heard.until(lambda: len(made.heard.results) == 2)
        keys = {arrived.headers["idempotency-key"] for _, arrived in made.arrived}
        assert keys == {"0007-0000000000000007"}


async def test_a_carrier_that_lets_nobody_in_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "RETURN_FIRST_S", 0.02)
    async with upstream(GENERIC) as made:
        made.plan.append(Deed.LOCK_OUT)
        lane = lane_of(made)
        lane.submit([submission(1)])
        await made.heard.until(lambda: made.heard.downs)
        assert made.heard.results == [Unsent(submission(1).key, 1)]
        assert made.heard.log.index("results") < made.heard.log.index("down")
        assert made.heard.downs == ["401"]
        await made.heard.until(lambda: made.heard.rooms == 2)
        assert lane.bound
        lane.submit([submission(1)])
        await made.heard.until(lambda: len(made.heard.results) == 2)
        assert isinstance(made.heard.results[1], Submitted)


async def test_where_nobody_listens_nothing_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "RETURN_FIRST_S", 0.01)
    async with recording_customer() as gone:
        port = gone.port
    async with upstream(GENERIC, request={"url": f"http://127.0.0.1:{port}/", "json": {"t": "{text}"}}) as made:
        lane_of(made).submit([submission(1)])
        await made.heard.until(lambda: made.heard.downs)
        assert made.heard.results == [Unsent(submission(1).key, 1)]
        assert not lane_of(made).bound
        lane_of(made).submit([submission(2)])
        await made.heard.until(lambda: len(made.heard.results) == 2)
        assert made.heard.results[1] == Unsent(submission(2).key, 1)
        await made.heard.until(lambda: made.heard.rooms == 2)


async def test_workers_share_the_work_and_each_keeps_its_window() -> None:
    async with upstream(GENERIC, workers=3, window_size_max=2) as made:
        assert made.carrier is not None
        made.always = Deed.HANG
        assert [lane.name for lane in made.carrier.lanes] == ["up/0", "up/1", "up/2"]
        for place, lane in enumerate(made.carrier.lanes):
            lane.submit([submission(10 * place + n) for n in range(2)])
        await made.heard.until(lambda: made.requests == 6)
        assert made.most_under_way == 6
        made.released.set()
        await made.heard.until(lambda: len(made.heard.results) == 6)


# ── notices


async def test_a_notice_is_answered_once_what_it_says_is_committed() -> None:
    async with upstream(GENERIC) as made:
        made.heard.acknowledges = False
        waits = asyncio.create_task(made.bring(GENERIC.inbound(PERSON, SENDER, "one", "in-1")))
        await made.heard.until(lambda: made.heard.inbound)
        assert not waits.done()
        lane_of(made).acknowledge([made.heard.inbound[0].token])
        assert await waits is Taken.YES


async def test_a_notice_that_could_not_be_written_is_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with upstream(GENERIC) as made:
        made.heard.acknowledges = False
        declined = asyncio.create_task(made.bring(GENERIC.inbound(PERSON, SENDER, "one", "in-1")))
        await made.heard.until(lambda: made.heard.inbound)
        lane_of(made).decline([made.heard.inbound[0].token])
        assert await declined is Taken.LATER
        monkeypatch.setattr(desk_module, "NOTICE_TIMEOUT_S", 0.01)
        assert await made.bring(GENERIC.inbound(PERSON, SENDER, "one", "in-1")) is Taken.LATER
        lane_of(made).acknowledge([made.heard.inbound[1].token])
        monkeypatch.setattr(desk_module, "NOTICES_MAX", 0)
        assert await made.bring(GENERIC.inbound(PERSON, SENDER, "one", "in-1")) is Taken.LATER
        assert len(made.heard.inbound) == 2


async def test_a_notice_of_several_waits_for_all_of_them() -> None:
    rules = {**GENERIC.settings["inbound"], "when": {}, "each": "texts"}
    async with upstream(GENERIC, inbound=rules) as made:
        made.heard.acknowledges = False
        one = {"id": "1", "from": PERSON, "to": SENDER, "text": "x"}
        waits = asyncio.create_task(made.bring(GENERIC._signed({"texts": [one, {**one, "id": "2"}]})))  # type: ignore[attr-defined]
        await made.heard.until(lambda: len(made.heard.inbound) == 2)
        lane_of(made).acknowledge([made.heard.inbound[0].token])
        await asyncio.sleep(0)
        assert not waits.done()
        lane_of(made).acknowledge([made.heard.inbound[1].token])
        assert await waits is Taken.YES


# ── media behind credentials


async def test_credentials_go_to_the_carrier_and_not_where_it_redirects() -> None:
    async with recording_customer() as api, recording_customer() as store:
        api.plan(Answer(307, {"Location": store.url("/file")}), path="/medium")
        store.plan(Answer(200, {"Content-Type": "image/png"}, b"png"), path="/file")
        client = HttpClient(1, 1.0, 1.0)
        try:
            found = await client.fetch(api.url("/medium"), {"Authorization": "Basic x"})
            assert found == Medium("image/png", b"png")
            assert api.requests[0].headers["Authorization"] == "Basic x"
            assert "Authorization" not in store.requests[0].headers
            api.always(Answer(404), path="/medium")
            assert await client.fetch(api.url("/medium"), {}) is None
        finally:
            await client.close()


@pytest.mark.parametrize(("kind", "base"), [("twilio", "https://api.twilio.com"), ("bandwidth", URL)])
async def test_only_media_of_the_carrier_itself_are_fetched_for_it(kind: str, base: str) -> None:
    made = DIALECTS[kind].config("http://127.0.0.1:9")
    from limpet.carrier.upstreams import upstream_of

    described = upstream_of(made)
    assert described.media_headers("http://127.0.0.1:9/media/1") is not None
    assert described.media_headers("http://127.0.0.1:9.evil.example/media/1") is None
    assert described.media_headers(f"{base}/x") is None
