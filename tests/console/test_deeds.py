"""What is done in the console is what the API and the command line do, and is written down: before it is, and what came of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest

from limpet.core.console import Act, Role
from limpet.core.errors import ApiError
from limpet.core.routing import Mode
from limpet.pages.console.whole import Teller
from limpet.store.carriers import Carriers, LaneReport
from limpet.store.console import Minute, Minutes
from tests.console.conftest import NUMBER, OTHER_NUMBER, PERSON, Console
from tests.support.clock import HandClock

HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}", "\u202eevil\u202c", "a" * 64]


async def member_sid(console: Console, service: str, number: str) -> str:
    found = (await console.api.client.get(f"/v1/Services/{service}/PhoneNumbers")).json["phone_numbers"]
    return next(str(one["sid"]) for one in found if one["phone_number"] == number)


async def changes(console: Console) -> dict[str, list[object]]:
    """Of the last deed."""
    found = await console.api.world.database.pool.fetchval("SELECT changes FROM console_audit ORDER BY id DESC LIMIT 1")
    return dict(found)


async def sender_of(console: Console, service: str, to: str = PERSON) -> str:
    answer = await console.api.client.post(f"/v1/Services/{service}/SenderSelection", To=to)
    return str(answer.json["from"])


async def test_a_switch_is_thrown_and_what_is_not_given_stays(console: Console) -> None:
    service = await console.api.pool(NUMBER, StickyTtlDays="30")
    browser = await console.signed_in(Role.OPERATOR)
    done = await browser.post(console.place(service, "/settings"), StickySender="false")
    assert done.place == console.place(service, "/settings?done=changed")
    assert "Saved." in (await browser.get(done.place)).says
    changed = await console.api.service_value(service)
    assert (changed.sticky_sender, changed.sticky_ttl_days, changed.friendly_name) == (False, 30, "Sales")
    assert await changes(console) == {"sticky_sender": [True, False]}
    assert await console.log() == [("operator", "change service", "done")]
    wrong = await browser.post(console.place(service, "/settings"), ValidityPeriod="0")
    assert wrong.status == 400
    assert "ValidityPeriod" in wrong.says
    assert (await console.log())[-1][2] == f"refused: {wrong.says.partition(' (20001)')[0]} (20001)"


@pytest.mark.parametrize("settings", [
    {}, {"StickyTtl": "12h", "StickyInbound": "follow", "InDoubt": "hold", "SegmentsPerSecond": "2.5", "DailySegments": "1000"},
    {"StickyTtl": "never", "StickySender": "false", "StatusCallback": "https://example.com/s", "StickyOverflow": "bypass"},
])  # fmt: skip
async def test_a_form_that_nobody_touched_changes_nothing(console: Console, settings: dict[str, str]) -> None:
    service = await console.api.pool(NUMBER, **settings)
    browser, place = await console.signed_in(Role.OPERATOR), console.place(service, "/settings")
    before = await console.api.service_value(service)
    form = (await browser.get(place)).form(place)
    token = form.pop("csrf")
    assert len(form) > 15
    assert (await browser.post(place, token=token, **form)).status == 303
    after = await console.api.service_value(service)
    assert replace(after, updated_at=before.updated_at, generation=before.generation) == before
    assert await changes(console) == {}


async def test_a_number_leaves_and_it_is_seen_before_and_after_who_moves(console: Console) -> None:
    service = await console.api.pool(NUMBER, OTHER_NUMBER)
    await console.api.message(service)
    before = await sender_of(console, service)
    other = next(number for number in (NUMBER, OTHER_NUMBER) if number != before)
    browser, sid = await console.signed_in(Role.OPERATOR), await member_sid(console, service, before)
    number = console.place(service, f"/numbers/{sid}")
    assert "Count who would hear" in (await browser.get(number)).says
    seen = (await browser.get(f"{number}?Removal=yes")).says
    assert "1 people hear from it" in seen
    assert f"{other} 1" in seen
    assert (await browser.post(f"{number}/remove")).status == 400
    done = await browser.post(f"{number}/remove", Reason="It is blocked")
    assert done.status == 303
    await console.api.message(service)
    assert await sender_of(console, service) == other
    events = (await browser.get(done.place)).says
    assert "removed" in events
    assert "It is blocked" in events
    assert f"{before} {other}" in events
    assert (await browser.get(number)).status == 404


async def test_a_mapping_is_explained_pinned_moved_and_let_go(console: Console) -> None:
    service = await console.api.pool(NUMBER, OTHER_NUMBER)
    await console.api.message(service)
    before = await sender_of(console, service)
    other = next(number for number in (NUMBER, OTHER_NUMBER) if number != before)
    browser, place = await console.signed_in(Role.OPERATOR), console.place(service, "/mappings")
    explained = (await browser.get(console.place(service, f"/explain?To={quote(PERSON)}"))).says
    assert f"From {before} sticky" in explained
    assert f"{other} mapped elsewhere" in explained
    pinned = await browser.post(place, To=PERSON, Pinned="true", Reason="Asked for it")
    assert pinned.place == f"{place}?To={quote(PERSON)}&done=set"
    assert await changes(console) == {"pinned": ["false", "true"], "reason": [None, "Asked for it"]}
    moved = await browser.post(place, To=PERSON, From=other, Reason="Moves house")
    assert moved.status == 303
    assert await sender_of(console, service) == other
    reset = await browser.post(f"{place}/reset", To=PERSON, Reason="Begin anew")
    assert "has no mapping" in (await browser.get(reset.place)).says
    told = (await browser.get(console.place(service, "/events"))).says
    name = await console.api.world.database.pool.fetchval("SELECT operator FROM console_audit ORDER BY id LIMIT 1")
    assert told.count(f"console:{name}") == 3
    assert [act for _, act, outcome in await console.log() if outcome == "done"] == [
        Act.SET_MAPPING, Act.SET_MAPPING, Act.RESET_MAPPING,
    ]  # fmt: skip


async def test_the_log_names_no_person_and_holds_no_text(console: Console) -> None:
    service = await console.api.pool(NUMBER)
    browser = await console.signed_in(Role.ADMIN)
    await console.api.message(service, Body="A secret of theirs")
    await browser.post(console.place(service, "/mappings"), To=PERSON, From=NUMBER, Reason="So")
    await browser.post(console.place(service, "/opt-outs"), To=PERSON)
    await browser.post(console.place(service, "/opt-outs/remove"), To=PERSON, Reason="They wrote a letter")
    await browser.post(console.place(service, "/mappings/reset"), To=PERSON, Reason="So")
    kept = str(await console.api.world.database.pool.fetch("SELECT t::text FROM console_audit t"))
    assert len(await console.log()) == 4
    assert PERSON[1:] not in kept
    assert "secret" not in kept
    assert f"…{PERSON[-4:]}#" in kept


async def test_what_is_broken_off_is_in_the_log(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    service, browser = await console.api.pool(NUMBER), await console.signed_in(Role.OPERATOR)

    async def breaks(*_: object) -> None:
        raise RuntimeError("the machine is on fire")

    monkeypatch.setattr("limpet.store.services.Services.update", breaks)
    page = await browser.post(console.place(service, "/settings"), StickySender="false")
    assert page.status == 500
    assert "fire" not in page.text
    assert await console.log() == [("operator", "change service", "failed: RuntimeError")]


async def test_a_carrier_is_paused_drained_and_resumed(console: Console, clock: HandClock) -> None:
    browser, carriers = await console.signed_in(Role.OPERATOR), Carriers(console.api.world.database)
    for wish, mode in (("pause", Mode.PAUSED), ("drain", Mode.DRAINING)):
        assert (await browser.post("/console/carriers/hand", Wish=wish)).status == 303
        assert (await carriers.wishes())["hand"].mode is mode
        assert str(mode) in (await browser.get("/console/carriers")).says
    await browser.post("/console/carriers/hand", Wish="resume")
    assert await carriers.wishes() == {}
    assert (await browser.post("/console/carriers/nobody", Wish="pause")).status == 404
    assert (await browser.post("/console/carriers/hand", Wish="explode")).status == 400


async def test_mappings_are_brought_from_a_form_and_a_file_and_taken_along(console: Console) -> None:
    service = await console.api.pool(NUMBER)
    browser, place = await console.signed_in(Role.ADMIN), console.place(service, "/transfer")
    line = json.dumps({"to": PERSON, "from": NUMBER, "last_used": "2026-01-01"})
    brought = await browser.post(place, Lines=line, Mode="skip", DryRun="false")
    assert brought.status == 303, brought.says
    told = (await browser.get(brought.place)).says
    assert "State done" in told
    file = {
        "content-type": "application/octet-stream",
        "x-csrf-token": await browser.token(),
        "accept": "application/json",
    }
    as_file = await browser.call("POST", f"{place}?Mode=skip&DryRun=true", f"{line}\n".encode(), file)
    assert as_file.status == 200, as_file.text
    assert "tried only" in (await browser.get(json.loads(as_file.text)["place"])).says
    exported = await browser.post(f"{place}/export", Format="csv")
    assert exported.headers["content-disposition"].endswith('.csv"')
    assert f"{PERSON},{NUMBER}" in exported.text
    undone = await browser.post(f"{brought.place.partition('?')[0]}/undo")
    assert undone.status == 303
    assert (await browser.post(place, Lines=" ")).status == 400
    del file["x-csrf-token"]
    assert (await browser.call("POST", place, line.encode(), file)).status == 403


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
async def test_names_and_texts_are_texts(console: Console, hostile: str) -> None:
    service = await console.api.pool(NUMBER, FriendlyName=hostile)
    message = await console.api.message(service, Body=hostile)
    browser = await console.signed_in(Role.ADMIN)
    await browser.post(console.place(service, "/mappings"), To=PERSON, From=NUMBER, Reason=hostile)
    account = f"/console/accounts/{console.api.account.sid}"
    for place in (account, console.place(service), console.place(service, "/settings"), console.place(service, "/events"),
                  f"{account}/messages", f"{account}/messages/{message['sid']}", "/console/audit",
                  f"/console/audit?Operator={quote(hostile)}", f"{account}/messages?To={quote(hostile)}"):  # fmt: skip
        page = await browser.get(place)
        assert page.status == 200, place
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert ">49<" not in page.text


async def test_an_account_is_suspended_for_its_clients_at_once(console: Console) -> None:
    browser, place = await console.signed_in(Role.ADMIN), f"/console/accounts/{console.api.account.sid}"
    assert (await console.api.client.post("/v1/Services", FriendlyName="One")).status == 201
    assert (await browser.post(place, Status="suspended")).status == 303
    assert (await console.api.client.post("/v1/Services", FriendlyName="Two")).code == ApiError(20005).code
    assert (await browser.post(place, Status="closed")).status == 400
    await browser.post(place, Status="active")
    assert (await console.api.client.post("/v1/Services", FriendlyName="Two")).status == 201


async def test_pages_are_walked_by_key(console: Console) -> None:
    service, browser = await console.api.pool(NUMBER), await console.signed_in(Role.VIEWER)
    for place in range(55):
        await console.api.message(service, to=f"+141555502{place:02}")
    first = await browser.get(f"/console/accounts/{console.api.account.sid}/messages")
    assert first.text.count(">Story</a>") == 50
    older = await browser.get(_link(first.text, "next"))
    assert older.text.count(">Story</a>") == 5
    newer = await browser.get(_link(older.text, "prev"))
    assert newer.text.count(">Story</a>") == 50
    walked, page = 0, await browser.get(console.place(service, "/mappings"))
    while True:
        walked += page.text.count('scope="row"') or page.text.count("<td>send</td>")
        if 'rel="next"' not in page.text:
            break
        page = await browser.get(_link(page.text, "next"))
    assert walked == 55


def _link(text: str, rel: str) -> str:
    return text.partition(f'" rel="{rel}"')[0].rpartition('href="')[2].replace("&amp;", "&")


async def test_each_minute_is_told_of_once(console: Console, clock: HandClock) -> None:
    service, minutes = await console.api.pool(NUMBER), Minutes(console.api.world.database)
    await console.api.message(service)
    report = LaneReport("hand/0", True, 1, 10, 12.5, 11.5, 0, None, None)
    tellers = [Teller(console.api.world.database, minutes, clock, ("hand",)) for _ in range(2)]
    clock.advance(timedelta(minutes=1))
    await Carriers(console.api.world.database).tell("me", [report], clock.now())
    assert [await teller.turn() for teller in tellers] == [True, False]
    assert not await tellers[0].turn()
    [told] = await minutes.since(clock.now() - timedelta(hours=1))
    assert (told.submits_per_s, told.receipts_per_s, told.sampled) == (12.5, 11.5, 1)
    browser = await console.signed_in(Role.VIEWER)
    series = json.loads((await browser.get("/console/series.json?span=1h")).text)
    assert series["submits"] == [12.5]
    assert {len(column) for column in series.values()} == {1}
    assert "12.5 11.5" in (await browser.get("/console")).says
    await minutes.purge(clock.now() + timedelta(days=3))
    assert await minutes.since(clock.now() - timedelta(hours=1)) == []


async def test_a_long_span_has_a_bounded_number_of_points(console: Console, clock: HandClock) -> None:
    minutes, browser = Minutes(console.api.world.database), await console.signed_in(Role.VIEWER)
    for back in range(800):
        at = clock.now() - timedelta(minutes=back)
        await minutes.begin(at)
        await minutes.settle(Minute(at, 1.0, 1.0, 0, 0, 10, 9, 1, (10, 20, 30)))
    series = json.loads((await browser.get("/console/series.json?span=24h")).text)
    assert 200 < len(series["at"]) <= 360
    assert series["at"][-1] == int(clock.now().timestamp())
    assert series["delivered"][0] == 90.0
