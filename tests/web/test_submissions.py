"""What carriers know of messages, over HTTP, and how a person settles a doubt."""

from __future__ import annotations

import pytest

from limpet.carrier.port import Inbound
from limpet.core.status import Status
from tests.support.lane import receipt
from tests.web.conftest import NUMBER, PERSON, Api


async def _in_doubt(api: Api, **form: object) -> str:
    """The SID of a message whose submission was never answered."""
    sid = str((await api.message(await api.pool(NUMBER, **form)))["sid"])
    api.world.lane.lose(api.world.lane.submitted[-1])
    await api.world.settle()
    return sid


async def test_a_message_is_followed_from_its_claim_to_its_receipts(api: Api) -> None:
    service = await api.pool(NUMBER)
    sid = (await api.message(service, Body="x" * 200))["sid"]
    path, (submission,) = f"/v1/Messages/{sid}/Submission", api.world.lane.submitted
    before = (await api.client.get(path)).json
    assert (before["status"], before["lane"], before["carrier"], before["attempts"]) == ("sending", "hand/0", "hand", 1)
    assert (before["segments"], before["in_doubt_since"], before["num_segments"]) == ([], None, "2")
    ids = api.world.lane.take(submission)
    await api.world.settle()
    api.world.lane.tell(receipt(submission, ids[1]))
    await api.world.settle()
    after = (await api.client.get(path)).json
    assert after["segments"] == [
        {"carrier_message_id": ids[0], "number": 1, "state": "sent"},
        {"carrier_message_id": ids[1], "number": 2, "state": "delivered"},
    ]
    assert (after["status"], after["message_sid"], after["messaging_service_sid"]) == ("sent", sid, service)
    assert after["date_claimed"] == after["date_sent"] == "2026-03-02T12:00:00Z"
    assert after["url"] == f"http://limpet.test:8080{path}"


async def test_what_a_carrier_says_beside_a_text_is_shown_until_the_text_is_redacted(api: Api) -> None:
    await api.pool(NUMBER, UseInboundWebhookOnNumber="true")
    api.world.lane.tell(
        Inbound(1, PERSON, NUMBER, "hi", tlvs=((0x1400, b"\0\xff"),)), Inbound(2, PERSON, NUMBER, "plain")
    )
    await api.world.settle()
    sids = {one["body"]: one["sid"] for one in (await api.client.get("/Messages.json")).json["messages"]}
    shown = {body: (await api.client.get(f"/v1/Messages/{sid}/Submission")).json for body, sid in sids.items()}
    assert {body: one["tlvs"] for body, one in shown.items()} == {"hi": {"0x1400": "hex:00ff"}, "plain": {}}
    assert shown["hi"]["segments"] == []
    assert (await api.client.post(f"/Messages/{sids['hi']}.json", Body="")).status == 200
    assert (await api.client.get(f"/v1/Messages/{sids['hi']}/Submission")).json["tlvs"] == {}


async def test_messages_in_doubt_are_listed_until_they_are_not(api: Api) -> None:
    assert (await api.client.get("/v1/Messages/InDoubt")).json["submissions"] == []
    sid = await _in_doubt(api)
    (listed,) = (await api.client.get("/v1/Messages/InDoubt")).json["submissions"]
    assert (listed["message_sid"], listed["in_doubt_since"]) == (sid, "2026-03-02T12:00:00Z")
    assert (await api.client.get(f"/v1/Messages/{sid}/Submission")).json == listed
    assert (await api.stranger.get("/v1/Messages/InDoubt")).json["submissions"] == []
    submission = api.world.lane.submitted[0]
    api.world.lane.tell(receipt(submission, "9", reference=submission.reference))
    await api.world.settle()
    assert (await api.client.get("/v1/Messages/InDoubt")).json["submissions"] == []


async def test_pages_of_messages_in_doubt(api: Api) -> None:
    service = await api.pool(NUMBER)
    sids = [(await api.message(service, f"+1415555{n:04}"))["sid"] for n in range(5)]
    api.world.lane.lose(*api.world.lane.submitted)
    await api.world.settle()
    page = (await api.client.get("/v1/Messages/InDoubt", {"PageSize": 2})).json
    seen = [one["message_sid"] for one in page["submissions"]]
    while (url := page["meta"]["next_page_url"]) is not None:
        page = (await api.client.follow(url)).json
        seen += [one["message_sid"] for one in page["submissions"]]
    assert seen == sids[::-1]
    back = (await api.client.follow(page["meta"]["previous_page_url"])).json["submissions"]
    assert [one["message_sid"] for one in back] == seen[2:4]


@pytest.mark.parametrize("policy", ["resend", "hold"])
async def test_a_person_sends_it_again(api: Api, policy: str) -> None:
    sid = await _in_doubt(api, InDoubt=policy)
    if policy == "hold":
        for _ in range(91):
            await api.world.sweeps.end_doubts()
    answer = await api.client.post(f"/v1/Messages/{sid}/Submission", InDoubt="resend")
    assert (answer.status, answer.json["in_doubt_since"]) == (200, None)
    await api.world.until(lambda: len(api.world.lane.submitted) == 2)
    assert [s.attempt for s in api.world.lane.submitted] == [1, 2]
    assert api.world.doubt.empty
    assert (await api.client.post(f"/v1/Messages/{sid}/Submission", InDoubt="resend")).says == (400, 20001)


async def test_a_person_gives_it_up(api: Api) -> None:
    sid = await _in_doubt(api, InDoubt="hold")
    answer = await api.client.post(f"/v1/Messages/{sid}/Submission", InDoubt="fail")
    assert (answer.status, answer.json["status"]) == (200, "failed")
    message = (await api.client.get(f"/Messages/{sid}.json")).json
    assert (message["status"], message["error_code"]) == ("failed", 30008)
    assert len(api.world.lane.submitted) == 1


async def test_what_another_process_released_is_forgotten_here(api: Api) -> None:
    sid = await _in_doubt(api, InDoubt="hold")
    for _ in range(91):
        await api.world.sweeps.end_doubts()
    assert len(api.world.doubt.held()) == 1
    await api.world.sweeps.recheck_held()
    assert len(api.world.doubt.held()) == 1
    await api.world.database.pool.execute("UPDATE message SET status = 'failed', in_doubt_at = NULL")
    await api.world.sweeps.recheck_held()
    await api.world.sweeps.end_doubts()
    assert api.world.doubt.empty
    assert await api.world.database.pool.fetchval("SELECT count(*) FROM claim") == 0
    assert (await api.client.get(f"/v1/Messages/{sid}/Submission")).json["status"] == "failed"


@pytest.mark.parametrize(("form", "code"), [({}, 20001), ({"InDoubt": "hold"}, 20001), ({"InDoubt": "x"}, 20001)])
async def test_what_cannot_be_decided_so_is_refused(api: Api, form: dict[str, str], code: int) -> None:
    sid = await _in_doubt(api)
    assert (await api.client.post(f"/v1/Messages/{sid}/Submission", form)).says == (400, code)
    assert len((await api.client.get("/v1/Messages/InDoubt")).json["submissions"]) == 1


async def test_what_is_sent_is_not_in_doubt(api: Api) -> None:
    sid = (await api.message(await api.pool(NUMBER), PERSON))["sid"]
    for _ in range(2):
        answer = await api.client.post(f"/v1/Messages/{sid}/Submission", InDoubt="resend")
        assert answer.says == (400, 20001)
        if api.world.lane.open:
            api.world.lane.take(api.world.lane.submitted[0])
            await api.world.settle()
    assert Status((await api.client.get(f"/Messages/{sid}.json")).json["status"]) is Status.SENT


async def test_another_accounts_message_is_nobodys(api: Api) -> None:
    sid = await _in_doubt(api)
    assert (await api.stranger.get(f"/v1/Messages/{sid}/Submission")).says == (404, 20404)
    assert (await api.stranger.post(f"/v1/Messages/{sid}/Submission", InDoubt="fail")).says == (404, 20404)
    assert (await api.client.get("/v1/Messages/SM123/Submission")).says == (404, 20404)
