"""One real thing of every kind that a path can name, all of one account: what others must not find."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import requests

from limpet.web.app import served
from tests.support.wait import until
from tests.wire.conftest import Wire

PERSON, MISSED = "+14155550199", "http://127.0.0.1:9/nobody"
NEVER_REGISTERED = "+14155559912"
"""The simulated registrar never answers for it: the swap stays open for as long as it is looked at."""
TIMEOUT_S, WAIT_S = 20, 60.0
CONTENT = (
    ("GET", "/v1/Content"),
    ("POST", "/v1/Content"),
    ("GET", "/v1/Content/{sid}"),
    ("DELETE", "/v1/Content/{sid}"),
)
"""These take JSON, so that they are not in the list of what takes forms."""
ERRORS = "com.twilio.error-logs.error.logged"
VERIFICATION = {
    "BusinessName": "Acme", "BusinessWebsite": "https://example.com", "NotificationEmail": "desk@example.com",
    "UseCaseCategories": "MARKETING", "UseCaseSummary": "Offers", "ProductionMessageSample": "Ten percent off",
    "OptInImageUrls": "https://example.com/a.png", "OptInType": "WEB_FORM", "MessageVolume": "10",
}  # fmt: skip
CAMPAIGN = {
    "UsAppToPersonUsecase": "MIXED", "HasEmbeddedLinks": "true", "HasEmbeddedPhone": "false",
    "Description": "Notices about parcels that are under way", "MessageFlow": "People tick a box when they order parcels.",
    "MessageSamples": ["Your parcel leaves today.", "It has arrived. Thank you!"],
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """An operation at a path of one account's things; `template` is the path as it is served. `named` says whether the path names
    any of them."""

    method: str
    path: str
    template: str

    @property
    def named(self) -> bool:
        return self.path != self.template


@dataclass
class Owned:
    """What an account has. `names` fill the variables of paths; `of_sid` has what `{sid}` is by the word before it."""

    wire: Wire
    names: dict[str, str] = field(default_factory=dict)
    of_sid: dict[str, str] = field(default_factory=dict)
    of_pool: dict[str, str] = field(default_factory=dict)
    """What `{sender_sid}` is by the word before it."""

    def places(self) -> list[Place]:
        """Each served operation once; KeyError for one that names what is not here."""
        return [Place(method, self._filled(path), path) for method, path in (*served(), *CONTENT)]

    def _filled(self, template: str) -> str:
        path = re.sub(r"/(\w+)/\{sid\}", lambda m: f"/{m[1]}/{self.of_sid[m[1]]}", template)
        path = re.sub(r"/(\w+)/\{sender_sid\}", lambda m: f"/{m[1]}/{self.of_pool[m[1]]}", path)
        return re.sub(r"\{(\w+)\}", lambda m: self.names[m[1]], path)

    def sids(self) -> Iterator[str]:
        """Every name that nobody else may see."""
        yield from {**self.names, **self.of_sid, **self.of_pool}.values()

    def post(self, path: str, form: object = None, **more: object) -> dict[str, Any]:
        """What a POST of the account's is answered."""
        if not path.startswith("/v1"):
            path = f"/2010-04-01/Accounts/{self.wire.ready['account_sid']}{path}.json"
        answer = requests.post(self.wire.url + path, data=form, auth=self.user, timeout=TIMEOUT_S, **more)  # type: ignore[arg-type]
        assert answer.status_code in (200, 201), (path, answer.text)
        return dict(answer.json())

    def get(self, path: str) -> requests.Response:
        return requests.get(self.wire.url + path, auth=self.user, timeout=TIMEOUT_S, allow_redirects=False)

    @property
    def user(self) -> tuple[str, str]:
        return self.wire.ready["account_sid"], self.wire.ready["auth_token"]


async def own(wire: Wire) -> Owned:
    """Make one of everything."""
    owned, account = Owned(wire), wire.ready["account_sid"]
    service = await asyncio.to_thread(wire.pool, 2, status_callback=MISSED)
    owned.names |= {"account_sid": account, "service_sid": service, "country_code": "US", "to": "%2B14155550189"}
    pool = wire.client().messaging.v1.services(service).phone_numbers.list()
    numbers = [one.sid for one in pool]
    line = json.dumps({"to": "+14155550190", "from": pool[0].phone_number}).encode()
    owned.of_sid["Import"] = owned.post(f"/v1/Services/{service}/StickyMappings/Import", line)["sid"]
    owned.of_sid["Rebalances"] = owned.post(f"/v1/Services/{service}/Rebalances", {"IdleDays": "0"})["sid"]
    owned.of_sid |= {"Accounts": account, "IncomingPhoneNumbers": numbers[0]}
    owned.of_sid |= dict.fromkeys(("Keys", "SigningKeys"), wire.ready["api_key_sid"])
    owned.of_pool["PhoneNumbers"] = numbers[0]
    _senders(owned, f"/v1/Services/{service}")
    _streams(owned)
    _small_things(owned, service)
    await _message(owned, service)
    await _registration(owned, service, numbers)
    return owned


def _senders(owned: Owned, service: str) -> None:
    short = owned.post("/SMS/ShortCodes", {"ShortCode": "73547", "Country": "US"})["sid"]
    channel = owned.post("/ChannelSenders", {"Sender": "whatsapp:+14155550151"})["sid"]
    owned.of_sid |= {"ShortCodes": short, "ChannelSenders": channel}
    owned.post(f"{service}/ShortCodes", {"ShortCodeSid": short})
    owned.post(f"{service}/ChannelSenders", {"Sid": channel})
    name = {"AlphaSender": "Owned"}
    owned.of_pool |= {"ShortCodes": short, "ChannelSenders": channel}
    owned.of_pool["AlphaSenders"] = owned.post(f"{service}/AlphaSenders", name)["sid"]
    there = owned.post(f"{service}/DestinationAlphaSenders", {**name, "IsoCountryCode": "GB"})
    owned.of_pool["DestinationAlphaSenders"] = there["sid"]


def _streams(owned: Owned) -> None:
    configuration = json.dumps({"destination": MISSED, "method": "POST"})
    sink = owned.post("/v1/Sinks", {"Description": "x", "SinkType": "webhook", "SinkConfiguration": configuration})[
        "sid"
    ]
    asked = {"Description": "x", "SinkSid": sink, "Types": json.dumps({"type": ERRORS})}
    owned.of_sid |= {"Sinks": sink, "Subscriptions": owned.post("/v1/Subscriptions", asked)["sid"]}
    owned.names |= {"type": ERRORS, "schema_id": "ErrorLogs.Error", "version": "2"}


def _small_things(owned: Owned, service: str) -> None:
    owned.of_sid["StickySpaces"] = owned.post("/v1/StickySpaces", {"FriendlyName": "Owned"})["sid"]
    owned.of_sid["SmppCredentials"] = owned.post("/SmppCredentials", {"FriendlyName": "x"})["sid"]
    owned.post(f"/v1/Services/{service}/OptOuts", {"To": "+14155550189"})
    body = {"friendly_name": "x", "language": "en", "types": {"twilio/text": {"body": "Owned text"}}}
    owned.of_sid["Content"] = owned.post("/v1/Content", json=body)["sid"]
    domain = owned.get("/v1/LinkShortening/Domains").json()["domains"][0]["domain_sid"]
    owned.post(f"/v1/LinkShortening/Domains/{domain}/Config", {"CallbackUrl": "https://owned.example.com/"})
    owned.names["domain_sid"] = domain
    tollfree = owned.post("/IncomingPhoneNumbers", {"PhoneNumber": "+18335550155"})["sid"]
    asked = {**VERIFICATION, "TollfreePhoneNumberSid": tollfree}
    owned.of_sid["Verifications"] = owned.post("/v1/Tollfree/Verifications", asked)["sid"]


async def _message(owned: Owned, service: str) -> None:
    """A message with media and a short link, of whose callbacks nobody has taken one."""
    form = {
        "To": PERSON, "MessagingServiceSid": service, "Body": "See https://owned.example.com/", "ShortenUrls": "true",
        "MediaUrl": "https://owned.example.com/a.png", "ValidityPeriod": "36000",
    }  # fmt: skip
    sid = owned.post("/Messages", form)["sid"]
    owned.of_sid["Messages"] = sid
    mapped = owned.get(f"/v1/Services/{service}/StickyMappings?To={PERSON.replace('+', '%2B')}")
    owned.of_sid["StickyMappings"] = mapped.json()["sticky_mappings"][0]["sid"]
    media = owned.get(f"/2010-04-01/Accounts/{owned.wire.ready['account_sid']}/Messages/{sid}/Media.json")
    owned.names["media_sid"] = media.json()["media_list"][0]["sid"]

    async def missed() -> bool:
        found = await asyncio.to_thread(owned.get, f"/v1/Webhooks/Deliveries?MessageSid={sid}")
        if found.json()["deliveries"]:
            owned.of_sid["Deliveries"] = found.json()["deliveries"][0]["sid"]
        return "Deliveries" in owned.of_sid

    await until(missed, WAIT_S)


async def _registration(owned: Owned, service: str, numbers: list[str]) -> None:
    """A brand, a campaign that is verified, and a number that another one is to take the place of."""
    bundles = {"CustomerProfileBundleSid": "BU" + "1" * 32, "A2PProfileBundleSid": "BU" + "2" * 32}
    brand = owned.post("/v1/a2p/BrandRegistrations", bundles)["sid"]
    owned.of_sid["BrandRegistrations"] = brand
    await until(_shows(owned, f"/v1/a2p/BrandRegistrations/{brand}", "status", "APPROVED"), WAIT_S)
    campaigns = f"/v1/Services/{service}/Compliance/Usa2p"
    owned.of_sid["Usa2p"] = owned.post(campaigns, {**CAMPAIGN, "BrandRegistrationSid": brand})["sid"]
    await until(_shows(owned, f"{campaigns}/{owned.of_sid['Usa2p']}", "campaign_status", "VERIFIED"), WAIT_S)
    silent = owned.post("/IncomingPhoneNumbers", {"PhoneNumber": NEVER_REGISTERED})["sid"]
    owned.post(f"/v1/Services/{service}/PhoneNumbers/{numbers[0]}/Swap", {"PhoneNumberSid": silent})


def _shows(owned: Owned, path: str, name: str, value: str) -> Callable[[], Awaitable[bool]]:
    async def shows() -> bool:
        return bool((await asyncio.to_thread(owned.get, path)).json()[name] == value)

    return shows
