"""Every parameter of every route, wrong in every way that it can be: Twilio's shape with the right code, and no row written.

A table: for each route a form or query that is good, and for each parameter what spoils it. `None` as a value leaves the
parameter out. What has no code of its own is 20001.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from limpet.twilio.dates import iso8601
from tests.support.clock import NOW
from tests.web.client import Client
from tests.web.conftest import NUMBER, OTHER_NUMBER, PERSON, Api

Bad = list[tuple[object, int]]
"""Values of a parameter, each with its code."""

AC, SK, MG, PN = ("".join((prefix, "0" * 31, "9")) for prefix in ("AC", "SK", "MG", "PN"))
LONG, LONGER = "x" * 65, "x" * 2000
SCHEDULE = iso8601(NOW + timedelta(hours=1))


def codes(*values: object, code: int = 20001) -> Bad:
    return [(value, code) for value in values]


BOOLEAN = codes("yes", "1", "null", "True ")
METHOD = codes("PUT", "post ", "x")
WEB_URL = ("ftp://example.com", "example.com", "http://", "http:///x", "https://exa_mple.com", "http://a b", "javascript:x",
           "http://[::1", "http://example.com:99999", "http://é.example", f"http://example.com/{LONGER}{LONGER}")  # fmt: skip
URL, CALLBACK = codes(*WEB_URL), codes(*WEB_URL, code=21609)
PAGE_SIZE = codes("0", "-1", "ten", "1.5", "1e3", "９", "9" * 30)
PAGE = codes("-1", "x", "1", "2.0", "9" * 30)
PAGE_TOKEN = codes("x", "PA", "PAx", "PA-1", "PC1", "PA" + "9" * 20, "PA1 ", MG, code=21481)
PAGING = {"PageSize": PAGE_SIZE, "Page": PAGE, "PageToken": PAGE_TOKEN}
DATE = codes("x", "yesterday", "2026-13-01", "2026-02-30", "13/13/2026", "0", "9" * 30, LONGER, "Mon", "12:00")

MESSAGE: Mapping[str, Bad] = {
    "To": [
        *codes(None, "", code=21604),
        *codes("x", "+1", "+1415555", "0151 23456789", "12345", "whatsapp:4155550199x",
               "+" + "9" * 40, "+１４１５５５５０１９９", LONGER, code=21211),
    ],
    "MessagingServiceSid": [
        *codes(None, "", code=21603),
        *codes("x", "MG", f"PN{'0' * 32}", MG + "0", LONGER, code=21705),
        *codes(MG, "{stranger_service}", "{deleted_service}", code=21701),
        *codes("{empty_service}", code=21704),
    ],
    "From": [
        *codes("x" * 12, "+1", "VA" + "0" * 32, LONGER, code=21212),
        *codes("+14155550177", "{stranger_number}", "{idle_number}", "ACME", code=21711),
    ],
    "Body": [*codes(None, code=21619), *codes("", code=21602), *codes("x" * 1601, "👍" * 1601, code=21617)],
    "MediaUrl": [
        *codes("x", "", ["https://example.com/a.png", "ftp://example.com"], code=21620),
        *codes(["https://example.com/a.png"] * 11, code=21623),
    ],
    "ContentSid": codes("HX" + "0" * 32, "x", code=21655),
    "ContentVariables": codes(LONGER, "{}", code=21654),
    "StatusCallback": CALLBACK,
    "StatusCallbackEvents": codes("x", "all,x", "sending", ",", " ", LONGER, code=21626),
    "ApplicationSid": codes("AP" + "0" * 32, "x"),
    "MaxPrice": codes("x", "1,5", "NaN", "inf", code=21627),
    "ProvideFeedback": BOOLEAN,
    "Attempt": codes("0", "x", "101", "1.5"),
    "ValidityPeriod": codes("0", "-1", "36001", "x", "1.5", "1e3", "９", "9" * 30, code=21624),
    "ForceDelivery": BOOLEAN,
    "ContentRetention": codes("x", "Retain", "obfuscate", code=30029),
    "AddressRetention": codes("x", "Retain", "discard", code=30030),
    "SmartEncoded": BOOLEAN,
    "PersistentAction": codes(LONGER, ["x", LONGER]),
    "TrafficType": codes("x"),
    "ShortenUrls": BOOLEAN,
    "SendAsMms": [*BOOLEAN],
    "RiskCheck": codes("x", "true"),
    "FallbackFrom": codes("x" * 12, "+1", code=21212),
    "Tags": codes("x", "[]", '{"a":1}', '{"a":{}}', '{"a":"' + "x" * 129 + '"}', LONGER, "[" * 900,
                  "{" + ",".join(f'"{n}":""' for n in range(11)) + "}"),
    "MessageIntent": codes(LONGER),
    "ScheduleType": [*codes("optimize", "x", code=35126), *codes("fixed", code=35111)],
    "SendAt": codes(SCHEDULE, "x", code=35119),
}  # fmt: skip
SCHEDULED: Mapping[str, Bad] = {
    "SendAt": [
        *codes(None, "", code=35111),
        *codes("x", "2026-13-01T00:00:00Z", LONGER, code=35114),
        *codes("0001-01-01T00:00:00+23:59", code=35117),
        *codes("9999-12-31T23:59:59-23:59", code=35115),
        *codes(iso8601(NOW + timedelta(seconds=1)), iso8601(NOW + timedelta(seconds=299)), code=35114),
        *codes(iso8601(NOW + timedelta(days=35, seconds=1)), code=35115),
        *codes(iso8601(NOW), iso8601(NOW - timedelta(hours=1)), code=35117),
    ],
    "ScheduleType": codes(None, "", code=35119),
    "MessagingServiceSid": codes(MG, "{stranger_service}", code=21701),
    "From": codes("{idle_number}", code=21711),
}
PLAIN: Mapping[str, Bad] = {
    "From": [
        *codes(None, "", code=21603),
        *codes("+14155550177", "{stranger_number}", "12345", "ACME", code=21606),
        *codes("{voice_number}", code=21601),
    ],
    "SendAt": codes(SCHEDULE, code=35119),
    "ScheduleType": codes("fixed", code=35111),
    "FallbackFrom": codes("+14155550101"),
}
SERVICE: Mapping[str, Bad] = {
    "FriendlyName": codes("", LONG),
    "InboundRequestUrl": URL,
    "InboundMethod": METHOD,
    "FallbackUrl": URL,
    "FallbackMethod": METHOD,
    "StatusCallback": CALLBACK,
    "StickySender": BOOLEAN,
    "MmsConverter": BOOLEAN,
    "SmartEncoding": BOOLEAN,
    "ScanMessageContent": codes("x", "true"),
    "FallbackToLongCode": BOOLEAN,
    "AreaCodeGeomatch": BOOLEAN,
    "ValidityPeriod": codes("0", "36001", "x", "-1", "1.5", "9" * 30),
    "SynchronousValidation": BOOLEAN,
    "Usecase": codes("x", "Marketing"),
    "UseInboundWebhookOnNumber": BOOLEAN,
    "StatusCallbackEvents": codes("x", "final;", code=21626),
    "InDoubt": codes("x", "Resend"),
    "ExplicitFromSticks": BOOLEAN,
    "StickyTtlDays": codes("0", "-1", "36501", "x", "1.5", "9" * 30),
    "StickyTtl": codes("0h", "721h", "0d", "36501d", "1", "1w", "-1h", "1.5h", "Never", " 1h", "01h", "9" * 30 + "d"),
    "StickySpaceSid": codes("x", "LS", "LS" + "0" * 32, AC),
}
NUMBER_SETTINGS: Mapping[str, Bad] = {
    "ApiVersion": codes("x", "2011-01-01"),
    "FriendlyName": codes(LONG),
    **dict.fromkeys(("SmsUrl", "SmsFallbackUrl", "VoiceUrl", "VoiceFallbackUrl"), URL),
    **dict.fromkeys(("SmsMethod", "SmsFallbackMethod", "StatusCallbackMethod", "VoiceMethod", "VoiceFallbackMethod"), METHOD),
    "StatusCallback": CALLBACK,
    **{name: codes("x", AC, LONGER) for name in ("SmsApplicationSid", "VoiceApplicationSid", "EmergencyAddressSid", "TrunkSid",
                                                 "IdentitySid", "AddressSid", "BundleSid")},
    "VoiceCallerIdLookup": BOOLEAN,
    "EmergencyStatus": codes("active", "x"),
    "VoiceReceiveMode": codes("x", "Fax"),
}  # fmt: skip
NEW_NUMBER: Mapping[str, Bad] = {
    **NUMBER_SETTINGS,
    "PhoneNumber": [
        *codes(None, ""),
        *codes("x", "+1", "12345", "ACME", LONGER, code=21421),
        *codes("{stranger_number}", code=21422),
    ],
    "Carrier": codes("x", "HAND", LONGER),
    "Capabilities": codes("x", "sms,x", ",", "sms;mms", "fax", LONGER),
}


@dataclass(frozen=True)
class Route:
    """A route, a good request to it, and what spoils it. Braces stand for what `names` makes."""

    method: str
    path: str
    bad: Mapping[str, Bad]
    good: Mapping[str, object] = field(default_factory=dict)

    def spoiled(self) -> Iterator[tuple[dict[str, object], int]]:
        for name, values in self.bad.items():
            for value, code in values:
                kept = {k: v for k, v in self.good.items() if k != name}
                yield (kept if value is None else {**kept, name: value}), code

    def __str__(self) -> str:
        return f"{self.method} {self.path} {'+'.join(list(self.good)[:3])}"


SERVICE_MESSAGE = {"To": PERSON, "MessagingServiceSid": "{service}", "Body": "x"}
UNBOUND = {"To": PERSON, "From": "{number}", "Body": "x", "ScheduleType": "fixed", "SendAt": SCHEDULE}
NUMBER_PATH, SERVICE_PATH = "/IncomingPhoneNumbers/{number_sid}.json", "/v1/Services/{service}"
FILTER = codes(LONG)
TO = [*codes(None, ""), *codes("x", "+1", LONGER, code=21211)]

ROUTES = [
    Route("POST", "/Messages.json", MESSAGE, SERVICE_MESSAGE),
    Route("POST", "/Messages.json", SCHEDULED, {**SERVICE_MESSAGE, "ScheduleType": "fixed", "SendAt": SCHEDULE}),
    Route("POST", "/Messages.json", PLAIN, {"To": PERSON, "From": "{number}", "Body": "x"}),
    Route("POST", "/Messages.json", {"Body": codes("a schedule without a service", code=35118)}, UNBOUND),
    Route(
        "GET",
        "/Messages.json",
        {**PAGING, "To": FILTER, "From": FILTER, "DateSent": DATE, "DateSent<": DATE, "DateSent>": DATE},
    ),
    Route("POST", "/Messages/{message}.json", {"Body": codes(None, "x"), "Status": codes("canceled", "x")}, {"Body": ""}),
    Route("POST", "/Messages/{message}.json", {"Status": codes(None, "", "x", "queued", LONGER)}, {"Status": "canceled"}),
    Route("GET", "/v1/Services", PAGING),
    Route("POST", "/v1/Services", {**SERVICE, "FriendlyName": codes(None, "", LONG)}, {"FriendlyName": "x"}),
    Route("POST", SERVICE_PATH, SERVICE),
    Route("GET", SERVICE_PATH + "/PhoneNumbers", PAGING),
    Route(
        "POST",
        SERVICE_PATH + "/PhoneNumbers",
        {
            "PhoneNumberSid": [
                *codes(None, "", "x", MG, PN + "0", LONGER),
                *codes(PN, "{stranger_number_sid}", "{released_number_sid}", code=20404),
            ]
        },
        {"PhoneNumberSid": "{idle_number_sid}"},
    ),
    Route("GET", SERVICE_PATH + "/StickyMappings", {"To": TO[2:]}, {"To": PERSON}),
    Route("GET", SERVICE_PATH + "/StickyMappings", {
        "PageSize": PAGING["PageSize"], "PageToken": codes("x", "PA1", "PA" + "f" * 32, "PB" + "0" * 32, code=21481),
        "From": codes("é", "x" * 65, code=21212), "Pinned": codes("yes", "True", LONGER), "LastUsedBefore": codes("x", "0"),
        "Origin": codes("x", "Send", LONGER),
    }),
    Route("POST", SERVICE_PATH + "/StickyMappings", {
        "To": TO, "From": [*codes("+14155550999", code=21711), *codes("é", code=21212)], "Pinned": codes("yes", LONGER),
        "Reason": codes("x" * 201),
    }, {"To": PERSON, "From": NUMBER}),
    Route("DELETE", SERVICE_PATH + "/StickyMappings", {"To": TO, "From": codes("é", code=21212), "Reason": codes("x" * 201)}, {
        "To": PERSON,
    }),
    Route("GET", SERVICE_PATH + "/StickyEvents", {
        **PAGING, "To": TO[2:], "From": codes("é", code=21212), "Kind": codes("x", "Reset", LONGER),
    }),
    Route("GET", SERVICE_PATH + "/Rebalances", PAGING),
    Route("POST", SERVICE_PATH + "/Rebalances", {
        "IdleDays": codes("-1", "3651", "x", "1.5"), "Percent": codes("0", "101", "x"), "MaxMoves": codes("0", "1000001", "x"),
        "PerSecond": codes("0", "2001", "x"), "Reason": codes("x" * 201),
    }),
    Route("GET", "/IncomingPhoneNumbers.json", {
        **PAGING, "Beta": BOOLEAN, "PhoneNumber": FILTER, "FriendlyName": FILTER, "Origin": FILTER,
    }),
    Route("POST", "/IncomingPhoneNumbers.json", NEW_NUMBER, {"PhoneNumber": "+14155550150"}),
    Route("POST", "/IncomingPhoneNumbers.json", {"AreaCode": [*codes("x", "41", "115", LONGER), *codes("415", code=21452)]}),
    Route("POST", "/IncomingPhoneNumbers/Local.json", {**NEW_NUMBER, "AreaCode": []}, {"PhoneNumber": "+14155550150"}),
    Route("POST", "/IncomingPhoneNumbers/TollFree.json", {"PhoneNumber": codes("+14155550150")}, {"PhoneNumber": "+18005550150"}),
    Route("GET", "/IncomingPhoneNumbers/Mobile.json", PAGING),
    Route("GET", "/AvailablePhoneNumbers/US/Local.json", {
        **PAGING, "AreaCode": codes("41", "4155", "x"), "Contains": codes("()", "%", LONGER), "InRegion": codes("C", "CAL"),
        "SmsEnabled": BOOLEAN, "MmsEnabled": BOOLEAN, "VoiceEnabled": BOOLEAN, "Beta": BOOLEAN,
        "ExcludeAllAddressRequired": BOOLEAN, "InLocality": codes("Hilo"), "NearLatLong": codes("1,1"),
    }),
    Route("POST", NUMBER_PATH, {**NUMBER_SETTINGS, "AccountSid": codes("x", AC, "{stranger}", LONGER)}),
    Route("GET", "/2010-04-01/Accounts.json", {**PAGING, "Status": codes("x", "Active")}),
    Route("POST", "/2010-04-01/Accounts/{account}.json", {"FriendlyName": codes(LONG), "Status": codes("x", "closed", "Active")}),
    Route("GET", "/Keys.json", PAGING),
    Route("POST", "/Keys.json", {"FriendlyName": codes(LONG)}),
    Route("POST", "/Keys/{key}.json", {"FriendlyName": codes(LONG)}, {"FriendlyName": "x"}),
    Route("GET", "/SigningKeys.json", PAGING),
    Route("POST", "/SigningKeys.json", {"FriendlyName": codes(LONG)}),
]  # fmt: skip
"""Without a good value of its own, a parameter is one that may be left out."""

PLACES = {
    "/Messages/{}.json": ["GET", "POST", "DELETE"],
    "/Messages/{}": ["GET"],
    "/AvailablePhoneNumbers/{}.json": ["GET"],
    "/AvailablePhoneNumbers/{}/Local.json": ["GET"],
    "/IncomingPhoneNumbers/{}.json": ["GET", "POST", "DELETE"],
    "/Keys/{}.json": ["GET", "POST", "DELETE"],
    "/SigningKeys/{}.json": ["GET", "POST", "DELETE"],
    "/v1/Services/{}": ["GET", "POST", "DELETE"],
    "/v1/Services/{}/PhoneNumbers": ["GET", "POST"],
    "/v1/Services/{}/StickyMappings": ["GET", "POST", "DELETE"],
    "/v1/Services/{service}/StickyMappings/{}": ["GET", "POST", "DELETE"],
    "/v1/Services/{service}/StickyMappings/Import/{}": ["GET", "DELETE"],
    "/v1/Services/{}/StickyEvents": ["GET"],
    "/v1/Services/{}/Rebalances": ["GET", "POST"],
    "/v1/Services/{service}/Rebalances/{}": ["GET", "POST"],
    "/v1/Services/{service}/PhoneNumbers/{}": ["GET", "DELETE"],
    "/2010-04-01/Accounts/{}.json": ["GET", "POST"],
    "/2010-04-01/Accounts/{}/Messages.json": ["GET", "POST"],
    "/2010-04-01/Accounts/{}/Keys.json": ["GET", "POST"],
    "/2010-04-01/Accounts/{}/IncomingPhoneNumbers.json": ["GET", "POST"],
}
"""Paths that name a resource, with the methods that each has."""
STRANGE_SIDS = [
    AC, SK, MG, PN, "SM" + "0" * 32, "MM" + "f" * 32, "SM0000" + "0" * 28, "x", "SM", "sm" + "0" * 32, PN + "0", "PN" + "g" * 32,
    "PN" + "０" * 32, "SM" + "-" * 32, "..", "%", "a\0b", "\n", "é", "'; DROP TABLE message; --", "x" * 5000,
]  # fmt: skip


async def names_of(api: Api) -> dict[str, str]:
    """What the braces of the tables stand for."""
    service = await api.pool(NUMBER)
    message = await api.message(service)
    stranger_number_sid = await api.number("+14155550190", api.stranger)
    stranger_service = (await api.stranger.post("/v1/Services", FriendlyName="Theirs")).json["sid"]
    released, deleted = await api.number("+14155550191"), await api.service()
    await api.client.delete(f"/IncomingPhoneNumbers/{released}.json")
    await api.client.delete(f"/v1/Services/{deleted}")
    return {
        "account": api.account.sid, "stranger": api.stranger.sid, "key": api.key.sid, "service": service,
        "empty_service": await api.service(), "deleted_service": deleted, "stranger_service": stranger_service,
        "number": NUMBER, "number_sid": await api.number(NUMBER), "idle_number": OTHER_NUMBER,
        "idle_number_sid": await api.number(OTHER_NUMBER), "voice_number": "+14155550180",
        "voice_number_sid": await api.number("+14155550180", Capabilities="voice"), "stranger_number": "+14155550190",
        "stranger_number_sid": stranger_number_sid, "released_number_sid": released, "message": message["sid"],
    }  # fmt: skip


def told(value: object, names: Mapping[str, str]) -> object:
    """A value of the tables with its braces filled in; a JSON object keeps its own."""
    return names.get(value[1:-1], value) if isinstance(value, str) and value.startswith("{") else value


async def ask(
    client: Client, route: Route, form: Mapping[str, object], names: Mapping[str, str]
) -> tuple[int, int | None]:
    fields = {name: told(value, names) for name, value in form.items()}
    path = route.path.format(**names)
    if route.method == "POST":
        return (await client.post(path, fields)).says
    return (await client.call(route.method, path, query=fields)).says


@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_what_is_wrong_with_a_parameter_is_told_and_nothing_is_written(api: Api, route: Route) -> None:
    names = await names_of(api)
    await api.world.settle()
    before, wrong = await api.rows(), []
    for form, code in route.spoiled():
        status, got = await ask(api.client, route, form, names)
        if got != code or status not in (400, 404):
            wrong.append((form, "should be", code, "is", status, got))
    assert wrong == []
    assert await api.rows() == before


@pytest.mark.parametrize("route", [r for r in ROUTES if r.good is not UNBOUND and "{message}" not in r.path], ids=str)
async def test_the_good_request_of_each_route_is_good(api: Api, route: Route) -> None:
    names = await names_of(api)
    good = {"PhoneNumber": "+14155550150"} if "AreaCode" in route.bad else route.good
    status, code = await ask(api.client, route, good, names)
    assert (status in (200, 201, 204), code) == (True, None)


@pytest.mark.parametrize("place", PLACES)
async def test_a_sid_that_names_nothing_of_the_callers_is_404(api: Api, place: str) -> None:
    names = await names_of(api)
    theirs = [names["stranger"], names["stranger_service"], names["stranger_number_sid"], names["deleted_service"]]
    await api.world.settle()
    before, wrong = await api.rows(), []
    own = [] if place.startswith("/2010") else [names["account"]]
    for sid in [*STRANGE_SIDS, *theirs, *own, names["message"][:-1] + "x", names["message"].replace("SM", "MM")]:
        path = place.replace("{service}", names["service"]).replace("{}", sid)
        for method in PLACES[place]:
            answer = await api.client.call(method, path)
            if answer.says != (404, 20404):
                wrong.append((method, path[:120], answer.says))
    assert wrong == []
    assert await api.rows() == before


@pytest.mark.parametrize("kind", ["credentials", "type", "size", "text", "nothing"])
async def test_what_is_wrong_with_a_request_as_a_whole_is_told_on_every_route(api: Api, kind: str) -> None:
    names = await names_of(api)
    await api.world.settle()
    before, wrong = await api.rows(), []
    spoil = {
        "credentials": (api.client.with_headers(authorization="Basic x"), b"", (401, 20003)),
        "type": (api.client.with_headers(content_type="application/json"), b"{}", (415, 20001)),
        "size": (api.client, b"x" * (2 << 20), (413, 20001)),
        "text": (api.client, b"a=%FF", (400, 20001)),
        "nothing": (api.client.with_headers(content_type=""), b"", None),
    }
    client, body, expected = spoil[kind]
    for route in ROUTES:
        if route.method != "POST" and kind != "credentials":
            continue
        answer = await client.call(route.method, route.path.format(**names), body=body)
        if answer.status >= 500 or (expected is not None and answer.says != expected):
            wrong.append((route.method, route.path, answer.says))
    assert wrong == []
    made = {name for name, count in (await api.rows()).items() if count != before[name]}
    assert made <= ({"account", "api_key", "sender", "service", "sticky_rebalance"} if kind == "nothing" else set())
