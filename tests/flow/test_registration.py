"""Rules S-60 to S-67 with a real store: what registration does to the people of a service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio

from limpet.core.model import SenderKind, Service
from limpet.core.registration import Stage
from limpet.core.status import Status
from limpet.core.sticky import Outcome
from limpet.flow.number_events import event_of
from limpet.registrar.port import Approved, Rejected
from limpet.store.database import Database
from limpet.store.registration_jobs import Order
from limpet.store.services import PoolRefusal
from tests.support.clock import HandClock
from tests.support.registry import A2p
from tests.support.world import POOL, open_world

ANNA, BEN, LYON = "+14155550101", "+14155550102", "+33612345678"
OK = Approved("ok")


@pytest_asyncio.fixture
async def a2p(database: Database, clock: HandClock) -> AsyncIterator[A2p]:
    async with open_world(database, clock) as world:
        yield A2p(world)


async def sent(a2p: A2p, service: Service | None, to: str = ANNA, **more: object) -> str:
    """Send and let the carrier take it: the sender, or the error code where it failed. A campaign has its rate."""
    a2p.world.clock.advance(timedelta(seconds=1))
    message = await a2p.world.send(service, to, **more)
    if message.status is Status.FAILED:
        return str(message.error_code)
    a2p.world.lane.take(a2p.world.lane.submitted[-1])
    await a2p.world.settle()
    return message.sender or ""


async def test_S_60_a_number_is_used_from_the_moment_of_its_registration(a2p: A2p) -> None:
    service = await a2p.service(POOL[0])
    await a2p.turn()
    message = await a2p.world.send(service, ANNA)
    assert (message.status, message.error_code, message.rejections) == (
        Status.FAILED, 30034, {POOL[0]: "not_registered"},
    )  # fmt: skip
    assert await a2p.world.kinds(service, ANNA) == []
    a2p.registry.approve_all()
    await a2p.turn()
    assert await a2p.stage(service, POOL[0]) is Stage.REGISTERED
    assert await sent(a2p, service) == POOL[0]


async def test_S_61_who_is_mapped_to_a_pending_number_is_served_by_another_and_waits_for_it(a2p: A2p) -> None:
    service = await a2p.service(POOL[0], campaign=False)
    assert await sent(a2p, service) == POOL[0]
    await a2p.add(service, POOL[1])
    await a2p.verified(service)
    await a2p.turn()
    assert await sent(a2p, service) == "30034"
    a2p.registry.approve(POOL[1])
    await a2p.settle()
    a2p.world.clock.advance(timedelta(days=1))
    message = await a2p.world.send(service, ANNA)
    assert (message.sender, message.sticky) == (POOL[1], Outcome.BYPASSED)
    assert (await a2p.world.kinds(service, ANNA))[-1] == "bypassed:registration_pending"
    view = await a2p.world.sticky.lookup(service, ANNA, a2p.now)
    assert view is not None
    assert (view.sender, view.last_used_day) == (POOL[0], a2p.now.date())
    a2p.registry.approve_all()
    await a2p.settle()
    assert await sent(a2p, service) == POOL[0]


async def test_S_62_who_is_mapped_to_a_number_that_lost_its_registration_gets_another_one(a2p: A2p) -> None:
    service = await a2p.service(POOL[0])
    await a2p.answered_by(OK)
    assert await sent(a2p, service) == POOL[0]
    registration = await a2p.views.of_number(service.id, (await a2p.sender(POOL[0])).sid)
    assert registration is not None
    await a2p.order(Order.WITHDRAW, registration.id, "complaints")
    await a2p.turn()
    assert await a2p.stage(service, POOL[0]) is Stage.FAILED
    assert await sent(a2p, service) == "30034"
    assert await a2p.world.mapping(service, ANNA) == POOL[0]
    await a2p.add(service, POOL[1])
    await a2p.answered_by(OK)
    assert await sent(a2p, service) == POOL[1]
    assert (await a2p.world.kinds(service, ANNA))[-1] == "replaced:registration_lost"


async def test_S_62_a_suspended_campaign_stops_its_numbers_and_resuming_lets_them_go_on(a2p: A2p) -> None:
    service = await a2p.service(POOL[0])
    await a2p.answered_by(OK)
    campaign = await a2p.campaign_row(service)
    assert campaign is not None
    await a2p.order(Order.SUSPEND, campaign)
    await a2p.turn()
    assert await sent(a2p, service) == "30034"
    assert not (await a2p.world.reread(service)).us_app_to_person_registered
    await a2p.order(Order.RESUME, campaign)
    await a2p.turn()
    assert await sent(a2p, service) == POOL[0]
    assert (await a2p.world.reread(service)).us_app_to_person_registered


async def test_S_63_a_named_number_must_be_registered_in_a_service_and_without_one(a2p: A2p) -> None:
    service = await a2p.service(POOL[0], POOL[1])
    await a2p.turn()
    assert await sent(a2p, service, sender=POOL[1]) == "30034"
    assert await sent(a2p, None, sender=POOL[1]) == "30034"
    await a2p.answered_by(OK)
    assert await sent(a2p, service, BEN, sender=POOL[1]) == POOL[1]
    assert await sent(a2p, None, sender=POOL[1]) == POOL[1]


async def test_S_64_other_countries_and_other_senders_are_not_concerned(a2p: A2p) -> None:
    service = await a2p.service(POOL[0])
    assert await sent(a2p, service, LYON) == POOL[0]
    assert await sent(a2p, service) == "30034"
    await a2p.add(service, "+18005550100", kind=SenderKind.TOLL_FREE)
    assert await sent(a2p, service) == "+18005550100"
    await a2p.add(service, "12345", kind=SenderKind.SHORT_CODE)
    assert await sent(a2p, service, BEN) == "12345"
    assert await a2p.stage(service, "12345") is None


async def test_S_65_a_service_may_demand_registration_without_a_campaign(a2p: A2p) -> None:
    service = await a2p.service(POOL[0], campaign=False)
    assert await sent(a2p, service) == POOL[0]
    assert await a2p.services.update(a2p.world.account.id, service.sid, {"require_a2p": True}, a2p.now) is not None
    assert await sent(a2p, service) == "30034"
    assert await sent(a2p, service, LYON) == POOL[0]
    await a2p.services.update(a2p.world.account.id, service.sid, {"require_a2p": False}, a2p.now)
    assert await sent(a2p, service) == POOL[0]


async def test_S_65_a_service_whose_campaign_was_deleted_goes_on_demanding(a2p: A2p) -> None:
    service = await a2p.service(POOL[0])
    await a2p.answered_by(OK)
    assert await sent(a2p, service) == POOL[0]
    campaign = await a2p.campaigns.of_service(service.id)
    assert campaign is not None
    assert await a2p.campaigns.delete(service, campaign.sid, a2p.now)
    assert await sent(a2p, service) == "30034"
    assert await a2p.world.mapping(service, ANNA) == POOL[0]
    await a2p.answered_by(OK)
    assert await a2p.stage(service, POOL[0]) is Stage.FREE
    assert a2p.registry.registered == set()
    assert await sent(a2p, service) == "30034"
    await a2p.verified(service)
    await a2p.answered_by(OK)
    assert await sent(a2p, service) == POOL[0]


async def test_S_66_a_number_that_is_still_leaving_can_join_elsewhere_and_waits_there_until_it_is_free(
    a2p: A2p,
) -> None:
    service, other = await a2p.service(POOL[0]), await a2p.service()
    await a2p.answered_by(OK)
    assert await sent(a2p, service) == POOL[0]
    assert await a2p.services.add_member(other, await a2p.sender(POOL[0]), a2p.now) is PoolRefusal.ELSEWHERE
    assert await a2p.remove(service, POOL[0])
    assert await a2p.world.mapping(service, ANNA) is None
    assert await a2p.stage(service, POOL[0]) is Stage.LEAVING
    await a2p.add(other, POOL[0])
    assert await a2p.stage(other, POOL[0]) is Stage.WAITING
    await a2p.turn()
    assert await sent(a2p, other) == "30034"
    a2p.registry.approve_all()
    await a2p.turn()
    assert (await a2p.stage(service, POOL[0]), await a2p.stage(other, POOL[0])) == (Stage.FREE, Stage.PENDING)
    assert await sent(a2p, other) == "30034"
    await a2p.answered_by(OK)
    assert await sent(a2p, other) == POOL[0]


async def test_S_66_a_service_without_a_campaign_waits_for_a_leaving_number_too(a2p: A2p) -> None:
    service, other = await a2p.service(POOL[0]), await a2p.service(campaign=False)
    await a2p.answered_by(OK)
    await a2p.remove(service, POOL[0])
    assert await sent(a2p, None, sender=POOL[0]) == "30034"
    await a2p.add(other, POOL[0])
    assert await sent(a2p, other) == "30034"
    assert await sent(a2p, other, LYON) == POOL[0]
    await a2p.answered_by(OK)
    assert await sent(a2p, other) == POOL[0]


async def test_S_66_a_number_that_another_account_takes_is_the_same_number(a2p: A2p) -> None:
    await a2p.service(POOL[0])
    await a2p.answered_by(OK)
    await a2p.senders.release(a2p.world.account.id, (await a2p.sender(POOL[0])).sid, a2p.now)
    again = await a2p.service(campaign=False)
    await a2p.add(again, POOL[0])
    assert await sent(a2p, again) == "30034"
    await a2p.answered_by(OK)
    assert await sent(a2p, again) == POOL[0]


async def test_S_66_a_number_that_cannot_be_taken_out_stays_bound_until_somebody_resolves_it(a2p: A2p) -> None:
    service, other = await a2p.service(POOL[0]), await a2p.service(campaign=False)
    await a2p.answered_by(OK)
    await a2p.remove(service, POOL[0])
    await a2p.answered_by(Rejected("the registry will not let go"))
    assert await a2p.stage(service, POOL[0]) is Stage.HELD
    await a2p.add(other, POOL[0])
    assert await sent(a2p, other) == "30034"
    view = await a2p.views.of_number(service.id, (await a2p.sender(POOL[0])).sid)
    assert view is not None
    assert view.reason == "the registry will not let go"
    await a2p.views.retry(view, a2p.now)
    await a2p.turn()
    await a2p.answered_by(OK)
    assert await a2p.stage(service, POOL[0]) is Stage.FREE
    assert await sent(a2p, other) == POOL[0]


async def test_S_67_a_change_moves_the_generation_and_a_pool_without_campaign_never_moves(a2p: A2p) -> None:
    service, plain = await a2p.service(POOL[0]), await a2p.service(POOL[1], campaign=False)
    before, plain_before = (await a2p.world.reread(service)).generation, (await a2p.world.reread(plain)).generation
    await a2p.turn()
    assert (await a2p.world.reread(service)).generation == before, "pending is pending, asked for or not"
    await a2p.answered_by(OK)
    assert (await a2p.world.reread(service)).generation == before + 1
    assert (await a2p.world.reread(plain)).generation == plain_before


async def test_S_7_a_number_that_is_added_again_is_registered_again_and_nobody_comes_back_to_it(a2p: A2p) -> None:
    service = await a2p.service(POOL[0])
    await a2p.answered_by(OK)
    await sent(a2p, service)
    await a2p.remove(service, POOL[0])
    await a2p.add(service, POOL[0])
    assert await a2p.stage(service, POOL[0]) is Stage.WAITING
    await a2p.answered_by(OK)
    await a2p.answered_by(OK)
    assert await a2p.stage(service, POOL[0]) is Stage.REGISTERED
    assert await a2p.world.mapping(service, ANNA) is None
    assert await sent(a2p, service) == POOL[0]
    assert (await a2p.world.kinds(service, ANNA))[-1] == "replaced:number_removed"


async def test_events_tell_each_step_in_twilios_shape(a2p: A2p) -> None:
    service = await a2p.service(POOL[0])
    await a2p.answered_by(OK)
    await a2p.remove(service, POOL[0])
    await a2p.answered_by(Rejected("not now", 30125))
    events = [event_of(told) for told in a2p.told]
    kinds = [event.type.removeprefix("com.twilio.messaging.compliance.") for event in events]
    assert kinds == [
        "number-registration.pending", "number-registration.successful", "number-deregistration.pending",
        "number-deregistration.failed",
    ]  # fmt: skip
    first, last = events[0].data, events[-1].data
    campaign = await a2p.campaigns.of_service(service.id)
    assert campaign is not None
    assert {**first, "id": "", "timestamp": "", "updateddate": ""} == {
        "id": "", "phonenumber": POOL[0], "phonenumbersid": (await a2p.sender(POOL[0])).sid,
        "accountsid": a2p.world.account.sid, "campaignsid": campaign.sid, "messagingservicesid": service.sid,
        "externalstatus": "pending_registration", "timestamp": "", "updateddate": "",
    }  # fmt: skip
    assert first["id"] == events[1].data["id"] != last["id"]
    assert (last["externalstatus"], last["failurereason"]) == ("failure", "not now")


async def test_a_number_that_nobody_answers_for_fails_and_a_late_answer_still_counts(a2p: A2p) -> None:
    service = await a2p.service(POOL[0])
    await a2p.turn()
    await a2p.turn(timedelta(days=15).total_seconds())
    assert await a2p.stage(service, POOL[0]) is Stage.OVERDUE
    assert await sent(a2p, service) == "30034"
    a2p.registry.approve_all()
    await a2p.settle()
    assert await a2p.stage(service, POOL[0]) is Stage.REGISTERED
    assert await sent(a2p, service) == POOL[0]
