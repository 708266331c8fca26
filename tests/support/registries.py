"""Twilio and Telnyx as registries, played over HTTP: they keep what they were asked, and decide as they are told."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

ACCOUNT, TOKEN = "AC" + "0" * 32, "secret-of-the-registry"
SERVICE, PUBLIC_KEY = "MG" + "f" * 32, "A" * 43 + "="
CAMPAIGN = "4b300178-131c-d902-d54e-72d90ba1620a"
JOINED_AT = "2026-03-02T11:00:00Z"
Say = Callable[[], Awaitable[web.StreamResponse]]


@dataclass
class Asked:
    """What an upstream was asked, in order; `says` replaces its answers."""

    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    authorization: set[str] = field(default_factory=set)
    says: Say | None = None

    def noted(self, answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Any:
        async def noting(request: web.Request) -> web.StreamResponse:
            self.asked.append((request.method, request.path))
            self.authorization.add(request.headers.get("Authorization", ""))
            return await (answer(request) if self.says is None else self.says())

        return noting

    def posts(self) -> list[tuple[str, str]]:
        return [one for one in self.asked if one[0] != "GET"]


@dataclass
class TwilioRegistry(Asked):
    """The Messaging Service of an account, its campaign, and the numbers of both."""

    owned: dict[str, str] = field(default_factory=dict)
    """SIDs by numbers."""
    members: dict[str, str] = field(default_factory=dict)
    """When each SID joined."""
    campaign: dict[str, Any] | None = field(
        default_factory=lambda: {
            "sid": "QE1",
            "campaign_status": "VERIFIED",
            "campaign_id": "C1",
            "brand_registration_sid": "BN1",
        }
    )
    joins_at: str = JOINED_AT
    refuses: tuple[int, int] | None = None
    """The status and the code with which joining is refused."""

    def routes(self) -> list[web.RouteDef]:
        place = f"/v1/Services/{SERVICE}"
        return [
            web.get(f"/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json", self.noted(self._find)),
            web.get(f"{place}/Compliance/Usa2p", self.noted(self._usa2p)),
            web.get("/v1/a2p/BrandRegistrations/BN1", self.noted(self._brand)),
            web.post(f"{place}/PhoneNumbers", self.noted(self._join)),
            web.get(f"{place}/PhoneNumbers/{{sid}}", self.noted(self._see)),
            web.delete(f"{place}/PhoneNumbers/{{sid}}", self.noted(self._leave)),
        ]

    async def _find(self, request: web.Request) -> web.StreamResponse:
        number = request.query["PhoneNumber"]
        found = [{"sid": self.owned[number], "phone_number": number}] if number in self.owned else []
        return web.json_response({"incoming_phone_numbers": found})

    async def _usa2p(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"compliance": [] if self.campaign is None else [self.campaign], "meta": {}})

    async def _brand(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"sid": "BN1", "status": "APPROVED", "brand_score": 62})

    async def _join(self, request: web.Request) -> web.StreamResponse:
        if self.refuses is not None:
            status, code = self.refuses
            return web.json_response({"code": code, "message": "no room", "status": status}, status=status)
        sid = str((await request.post())["PhoneNumberSid"])
        if sid in self.members:
            return web.json_response({"code": 21710, "message": "already there", "status": 409}, status=409)
        self.members[sid] = self.joins_at
        return web.json_response({"sid": sid, "date_created": self.joins_at}, status=201)

    async def _see(self, request: web.Request) -> web.StreamResponse:
        sid = request.match_info["sid"]
        if sid not in self.members:
            return web.json_response({"code": 20404, "message": "not found", "status": 404}, status=404)
        return web.json_response({"sid": sid, "service_sid": SERVICE, "date_created": self.members[sid]})

    async def _leave(self, request: web.Request) -> web.StreamResponse:
        there = self.members.pop(request.match_info["sid"], None) is not None
        return web.Response(status=204) if there else web.json_response({"code": 20404}, status=404)


@dataclass
class TelnyxRegistry(Asked):
    """A campaign of an account, and how far each number is with it."""

    status: str = "MNO_PROVISIONED"
    numbers: dict[str, dict[str, Any]] = field(default_factory=dict)
    refuses: int | None = None
    wrapped: bool = False

    def routes(self) -> list[web.RouteDef]:
        place = "/v2/10dlc/phone_number_campaigns"
        return [
            web.get(f"/v2/10dlc/campaign/{CAMPAIGN}", self.noted(self._campaign)),
            web.post(place, self.noted(self._assign)),
            web.get(f"{place}/{{number}}", self.noted(self._see)),
            web.delete(f"{place}/{{number}}", self.noted(self._remove)),
        ]

    def set(self, number: str, status: str, reason: str | None = None, campaign: str = CAMPAIGN) -> None:
        said = {"phoneNumber": number, "campaignId": campaign, "assignmentStatus": status}
        self.numbers[number] = said if reason is None else {**said, "failureReasons": reason}

    def _json(self, value: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({"data": value} if self.wrapped else value)

    async def _campaign(self, _: web.Request) -> web.StreamResponse:
        return self._json(
            {"campaignId": CAMPAIGN, "tcrCampaignId": "CTCR1", "campaignStatus": self.status, "failureReasons": "vague"}
        )

    async def _assign(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if self.refuses is not None:
            return web.json_response(
                {"errors": [{"code": "10015", "title": "Bad", "detail": "not yours"}]}, status=self.refuses
            )
        self.set(body["phoneNumber"], "PENDING_ASSIGNMENT", campaign=body["campaignId"])
        return self._json(self.numbers[body["phoneNumber"]])

    async def _see(self, request: web.Request) -> web.StreamResponse:
        found = self.numbers.get(request.match_info["number"])
        return web.json_response({"errors": [{"code": "10005"}]}, status=404) if found is None else self._json(found)

    async def _remove(self, request: web.Request) -> web.StreamResponse:
        number = request.match_info["number"]
        self.set(number, "PENDING_UNASSIGNMENT")
        return self._json(self.numbers[number])


@asynccontextmanager
async def played(registry: TwilioRegistry | TelnyxRegistry) -> AsyncIterator[None]:
    """The upstream on a socket of this machine."""
    app = web.Application()
    app.router.add_routes(registry.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    registry.url = f"http://{host}:{port}"
    try:
        yield
    finally:
        await runner.cleanup()


def basic(user: str, secret: str) -> str:
    return "Basic " + b64encode(f"{user}:{secret}".encode()).decode()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)
