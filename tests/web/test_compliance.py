"""Brands, campaigns, toll-free verifications, the registration of one number and swaps, over HTTP with Twilio's codes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from limpet.core.campaign import USE_CASES
from limpet.flow.register import Registering
from limpet.registrar.port import Registrar, Rejected, Subject
from limpet.registrar.simulated import Script, SimulatedRegistrar
from limpet.store.registrations import RegistrationBook
from tests.web.conftest import NUMBER, OTHER_NUMBER, Api

BUNDLES = {"CustomerProfileBundleSid": "BU" + "1" * 32, "A2PProfileBundleSid": "BU" + "2" * 32}
CAMPAIGN: Mapping[str, object] = {
    "UsAppToPersonUsecase": "MIXED", "HasEmbeddedLinks": "false", "HasEmbeddedPhone": "true",
    "Description": "Notices about parcels that are under way",
    "MessageSamples": ["Your parcel leaves today.", "It has arrived. Thank you!"],
    "MessageFlow": "People tick a box when they order, beside what they will get.",
}  # fmt: skip
TOLLFREE: Mapping[str, object] = {
    "BusinessName": "Acme", "BusinessWebsite": "https://example.com", "NotificationEmail": "desk@example.com",
    "UseCaseCategories": ["MARKETING", "EVENTS"], "UseCaseSummary": "Offers", "ProductionMessageSample": "Ten percent off",
    "OptInImageUrls": ["https://example.com/a.png"], "OptInType": "WEB_FORM", "MessageVolume": "1,000",
}  # fmt: skip
BRANDS, VERIFICATIONS = "/v1/a2p/BrandRegistrations", "/v1/Tollfree/Verifications"


def registering(api: Api, registrar: Registrar | None = None) -> Registering:
    clock = api.deps.clock
    registrar = registrar or SimulatedRegistrar(clock.now)
    return Registering(api.world.database, registrar, RegistrationBook(), clock, timedelta(days=14))


async def asked(api: Api, registrar: Registrar | None = None) -> None:
    """Everything that is due is asked and answered, and what that brings about."""
    for _ in range(3):
        await registering(api, registrar).turn()


async def brand(api: Api, **form: object) -> str:
    made = await api.client.post(BRANDS, {**BUNDLES, **form})
    assert made.status == 201, made.body
    await asked(api)
    return str(made.json["sid"])


def place(service: str, sid: str = "") -> str:
    return f"/v1/Services/{service}/Compliance/Usa2p{'/' if sid else ''}{sid}"


async def campaign(api: Api, service: str, **form: object) -> dict[str, Any]:
    made = await api.client.post(place(service), {**CAMPAIGN, "BrandRegistrationSid": await brand(api), **form})
    assert made.status == 201, made.body
    return dict(made.json)


async def test_a_brand_is_registered_listed_and_asked_about_again_only_when_it_failed(api: Api) -> None:
    made = await api.client.post(BRANDS, {**BUNDLES, "BrandType": "SOLE_PROPRIETOR", "SkipAutomaticSecVet": "true"})
    shown = made.json
    assert (made.status, shown["status"], shown["brand_type"], shown["skip_automatic_sec_vet"]) == (
        201, "PENDING", "SOLE_PROPRIETOR", True,
    )  # fmt: skip
    refusing = SimulatedRegistrar(
        api.deps.clock.now, Script(fates={(Subject.BRAND, shown["sid"]): Rejected("no tax id", 30795)})
    )
    await asked(api, refusing)
    failed = (await api.client.get(f"{BRANDS}/{shown['sid']}")).json
    assert (failed["status"], failed["failure_reason"], failed["errors"][0]["error_code"]) == (
        "FAILED",
        "no tax id",
        30795,
    )
    again = await api.client.post(f"{BRANDS}/{shown['sid']}")
    assert (again.status, again.json["status"]) == (202, "PENDING")
    await asked(api)
    done = (await api.client.get(f"{BRANDS}/{shown['sid']}")).json
    assert (done["status"], done["brand_score"], done["identity_status"]) == ("APPROVED", 78, "VERIFIED")
    assert (await api.client.post(f"{BRANDS}/{shown['sid']}")).says == (400, 21725)
    listed = await api.client.get(BRANDS)
    assert ([one["sid"] for one in listed.json["data"]], listed.json["meta"]["key"]) == ([shown["sid"]], "data")
    assert (await api.stranger.get(f"{BRANDS}/{shown['sid']}")).says == (404, 20404)
    for missing in BUNDLES:
        form = {name: value for name, value in BUNDLES.items() if name != missing}
        assert (await api.client.post(BRANDS, form)).says == (400, 20001)


async def test_a_campaign_is_made_verified_changed_and_deleted(api: Api) -> None:
    service = await api.service()
    made = await campaign(api, service, OptInKeywords=["START", "JOIN"], PrivacyPolicyUrl="https://example.com/p")
    assert (made["campaign_status"], made["opt_in_keywords"], made["opt_out_keywords"][0]) == (
        "PENDING",
        ["START", "JOIN"],
        "STOP",
    )
    assert made["rate_limits"] == {"att": {"mps": 75, "msg_class": "A"}, "tmobile": {"brand_tier": "TOP"}}
    assert "privacy_policy_url" not in made
    assert not (await api.client.get(f"/v1/Services/{service}")).json["us_app_to_person_registered"]
    await asked(api)
    v2 = (await api.client.with_headers(x_twilio_api_version="v2").get(place(service, made["sid"]))).json
    assert (v2["campaign_status"], v2["privacy_policy_url"]) == ("VERIFIED", "https://example.com/p")
    assert (await api.client.get(f"/v1/Services/{service}")).json["us_app_to_person_registered"]
    changed = await api.client.post(
        place(service, made["sid"]), {"Description": "x" * 40, "UsAppToPersonUsecase": "2FA"}
    )
    assert (changed.status, changed.json["description"], changed.json["us_app_to_person_usecase"]) == (
        200,
        "x" * 40,
        "MIXED",
    )
    listed = (await api.client.get(place(service))).json
    assert ([one["sid"] for one in listed["compliance"]], listed["meta"]["key"]) == ([made["sid"]], "compliance")
    assert (
        await api.client.post(place(service), {**CAMPAIGN, "BrandRegistrationSid": made["brand_registration_sid"]})
    ).code == 20001
    assert (await api.client.delete(place(service, made["sid"]))).status == 204
    assert (await api.client.get(place(service, made["sid"]))).says == (404, 20404)
    assert (await api.client.get(place(service))).json["compliance"] == []
    assert not (await api.client.get(f"/v1/Services/{service}")).json["us_app_to_person_registered"]


@pytest.mark.parametrize(
    ("form", "code"),
    [
        *(({name: ""}, 21727) for name in (*CAMPAIGN, "BrandRegistrationSid")),
        ({"Description": "x" * 39}, 21728), ({"Description": "x" * 4097}, 21728), ({"MessageFlow": "x" * 2049}, 21728),
        ({"MessageSamples": ["x" * 20]}, 21728), ({"MessageSamples": ["x" * 20] * 6}, 21728),
        ({"MessageSamples": ["x" * 20, "x" * 19]}, 21728), ({"OptInMessage": "x" * 19}, 21728),
        ({"HelpMessage": "x" * 321}, 21728), ({"OptInKeywords": ["x" * 256]}, 21728), ({"OptInKeywords": ["no way!"]}, 20001),
        ({"UsAppToPersonUsecase": "FUN"}, 21720), ({"UsAppToPersonUsecase": "SOLE_PROPRIETOR"}, 21720),
        ({"BrandRegistrationSid": "BN" + "0" * 32}, 21717), ({"BrandRegistrationSid": "nothing"}, 21717),
        ({"UsAppToPersonUsecase": "MARKETING"}, 21719), ({"HasEmbeddedLinks": "maybe"}, 20001),
        ({"PrivacyPolicyUrl": "example"}, 20001),
    ],
)  # fmt: skip
async def test_a_campaign_that_cannot_be_is_refused_with_twilios_code(
    api: Api, form: dict[str, object], code: int
) -> None:
    service, made = await api.service(Usecase="verification"), await brand(api)
    before = await api.rows()
    asked_for = {**CAMPAIGN, "BrandRegistrationSid": made, **form}
    assert (await api.client.post(place(service), asked_for)).says == (400, code)
    assert await api.rows() == before


async def test_a_brand_that_is_not_approved_has_no_campaigns(api: Api) -> None:
    made = await api.client.post(BRANDS, BUNDLES)
    form = {**CAMPAIGN, "BrandRegistrationSid": made.json["sid"]}
    assert (await api.client.post(place(await api.service()), form)).says == (400, 21717)


async def test_use_cases_are_listed_by_brand(api: Api) -> None:
    service = await api.service()
    found = (await api.client.get(place(service, "Usecases"))).json["us_app_to_person_usecases"]
    assert [one["code"] for one in found] == [one.code for one in USE_CASES]
    sole = await brand(api, BrandType="SOLE_PROPRIETOR")
    found = (await api.client.get(place(service, "Usecases"), {"BrandRegistrationSid": sole})).json
    assert [one["code"] for one in found["us_app_to_person_usecases"]] == ["SOLE_PROPRIETOR"]


async def test_a_tollfree_number_is_verified_or_rejected_edited_and_deleted(api: Api) -> None:
    number = await api.number("+18005550120")
    asked_for = {
        **TOLLFREE,
        "TollfreePhoneNumberSid": number,
        "UseCaseSummary": "REJECT",
        "ExternalReferenceId": "mine",
    }
    made = await api.client.post(VERIFICATIONS, asked_for)
    assert (made.status, made.json["status"], made.json["use_case_categories"]) == (
        201,
        "PENDING_REVIEW",
        ["MARKETING", "EVENTS"],
    )
    sid = made.json["sid"]
    assert (await api.client.post(VERIFICATIONS, asked_for)).says == (400, 20001)
    assert (await api.client.post(f"{VERIFICATIONS}/{sid}", BusinessName="New")).says == (400, 20001)
    await asked(api)
    rejected = (await api.client.get(f"{VERIFICATIONS}/{sid}")).json
    assert (rejected["status"], rejected["error_code"], rejected["edit_allowed"]) == ("TWILIO_REJECTED", 30445, True)
    edited = await api.client.post(f"{VERIFICATIONS}/{sid}", UseCaseSummary="Offers", EditReason="clearer")
    assert (edited.status, edited.json["status"], edited.json["business_name"]) == (202, "PENDING_REVIEW", "Acme")
    await asked(api)
    assert (await api.client.get(f"{VERIFICATIONS}/{sid}")).json["status"] == "TWILIO_APPROVED"
    for query, count in (
        ({"Status": "TWILIO_APPROVED"}, 1),
        ({"ExternalReferenceId": "yours"}, 0),
        ({"TollfreePhoneNumberSid": number}, 1),
    ):
        listed = (await api.client.get(VERIFICATIONS, query)).json
        assert (len(listed["verifications"]), listed["meta"]["key"]) == (count, "verifications")
    assert (await api.client.delete(f"{VERIFICATIONS}/{sid}")).status == 204
    assert (await api.client.get(f"{VERIFICATIONS}/{sid}")).says == (404, 20404)
    assert (await api.client.post(VERIFICATIONS, asked_for)).status == 201


async def test_a_tollfree_verification_that_cannot_be_is_refused(api: Api) -> None:
    number, long_code = await api.number("+18005550120"), await api.number(NUMBER)
    good = {**TOLLFREE, "TollfreePhoneNumberSid": number}
    before = await api.rows()
    for name in good:
        assert (await api.client.post(VERIFICATIONS, {**good, name: ""})).says == (400, 20001), name
    for bad in (
        {"OptInType": "X"}, {"UseCaseCategories": ["X"]}, {"NotificationEmail": "me"}, {"OptInImageUrls": ["x"]},
        {"BusinessContactPhone": "12"}, {"AgeGatedContent": "x"}, {"VettingId": "x" * 501},
    ):  # fmt: skip
        assert (await api.client.post(VERIFICATIONS, {**good, **bad})).says == (400, 20001), bad
    assert (await api.client.post(VERIFICATIONS, {**good, "TollfreePhoneNumberSid": long_code})).says == (400, 21421)
    assert await api.rows() == before


async def test_the_registration_of_a_number_tells_all_of_its_way_also_after_it_has_left(api: Api) -> None:
    service = await api.pool(NUMBER)
    number = (await api.client.get(f"/v1/Services/{service}/PhoneNumbers")).json["phone_numbers"][0]["sid"]
    at = f"/v1/Services/{service}/PhoneNumbers/{number}/Registration"
    shown = (await api.client.get(at)).json
    assert (shown["state"], shown["usable_in_us"], shown["campaign_sid"], shown["history"]) == (
        "UNREGISTERED",
        True,
        None,
        [],
    )
    made = await campaign(api, service)
    shown = (await api.client.get(at)).json
    assert (shown["state"], shown["usable_in_us"], shown["campaign_sid"]) == ("UNREGISTERED", False, made["sid"])
    assert (await api.client.post(at)).says == (400, 20001)
    await asked(api)
    shown = (await api.client.get(at)).json
    assert (shown["state"], shown["usable_in_us"]) == ("REGISTERED", True)
    assert (await api.client.delete(f"/v1/Services/{service}/PhoneNumbers/{number}")).status == 204
    shown = (await api.client.get(at)).json
    assert (shown["state"], shown["usable_in_us"]) == ("PENDING_DEREGISTRATION", False)
    await asked(api)
    shown = (await api.client.get(at)).json
    states = ["PENDING_REGISTRATION", "REGISTERED", "PENDING_DEREGISTRATION", "UNREGISTERED"]
    assert [one["state"] for one in shown["history"]] == states
    assert (await api.client.get(at.replace(number, "PN" + "0" * 32))).says == (404, 20404)
    assert (await api.stranger.get(at)).says == (404, 20404)


async def test_a_swap_is_begun_looked_at_and_canceled(api: Api) -> None:
    service = await api.pool(NUMBER)
    await campaign(api, service)
    old = (await api.client.get(f"/v1/Services/{service}/PhoneNumbers")).json["phone_numbers"][0]["sid"]
    at = f"/v1/Services/{service}/PhoneNumbers/{old}/Swap"
    assert (await api.client.get(at)).says == (404, 20404)
    new, abroad = await api.number(OTHER_NUMBER), await api.number("+447700900123")
    assert (await api.client.post(at, PhoneNumberSid=abroad)).says == (400, 20001)
    assert (await api.client.post(at, PhoneNumberSid=old)).says == (400, 20001)
    assert (await api.client.post(at, PhoneNumberSid="PN" + "0" * 32)).says == (400, 21421)
    for notice in (
        {"NotifyDays": "3"},
        {"NotifyBody": "x", "NotifyDays": "366"},
        {"NotifyBody": "x", "NotifyPerSecond": "0"},
    ):
        assert (await api.client.post(at, {"PhoneNumberSid": new, **notice})).says == (400, 20001)
    assert (await api.client.post(at, PhoneNumberSid=new, NotifyBody="x" * 1601)).says == (400, 21617)
    begun = await api.client.post(at, PhoneNumber=OTHER_NUMBER)
    assert (begun.status, begun.json["state"], begun.json["replacement_sid"], begun.json["moved"]) == (
        201,
        "registering",
        new,
        0,
    )
    assert (await api.client.post(at, PhoneNumberSid=new)).says == (400, 20001)
    assert (await api.client.get(at)).json == begun.json
    assert (await api.client.delete(at)).status == 204
    assert (await api.client.get(at)).json["state"] == "canceled"
    assert (await api.client.delete(at)).says == (400, 20001)


async def test_S_108_a_swap_shows_whom_it_tells_what(api: Api) -> None:
    service = await api.pool(NUMBER)
    await api.number(OTHER_NUMBER)
    old = (await api.client.get(f"/v1/Services/{service}/PhoneNumbers")).json["phone_numbers"][0]["sid"]
    at = f"/v1/Services/{service}/PhoneNumbers/{old}/Swap"
    begun = await api.client.post(at, PhoneNumber=OTHER_NUMBER, NotifyBody="We have a new number", NotifyDays="7")
    shown = {
        name: begun.json[name]
        for name in ("notify_body", "notify_days", "notify_per_second", "to_tell", "told", "untold")
    }
    assert shown == {
        "notify_body": "We have a new number", "notify_days": 7, "notify_per_second": 10, "to_tell": 0, "told": 0, "untold": 0,
    }  # fmt: skip


@pytest.mark.parametrize(("state", "why"), [("drain", "drains"), ("disabled", "is disabled")])
async def test_S_108_a_replacement_that_gets_no_people_is_refused_at_once(api: Api, state: str, why: str) -> None:
    service = await api.pool(NUMBER, OTHER_NUMBER)
    listed = (await api.client.get(f"/v1/Services/{service}/PhoneNumbers")).json["phone_numbers"]
    old, new = (next(one["sid"] for one in listed if one["phone_number"] == n) for n in (NUMBER, OTHER_NUMBER))
    await api.client.post(f"/v1/Services/{service}/PhoneNumbers/{new}", State=state)
    before = await api.rows()
    refused = await api.client.post(f"/v1/Services/{service}/PhoneNumbers/{old}/Swap", PhoneNumberSid=new)
    assert refused.says == (400, 20001)
    assert f"{OTHER_NUMBER} {why}, and a replacement must be active" in refused.json["message"]
    assert await api.rows() == before
