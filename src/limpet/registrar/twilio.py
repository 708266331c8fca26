"""Twilio as the registrar: numbers join and leave a Messaging Service of an account there, whose campaign registers them.

    GET    {messaging}/v1/Services/{MG}/Compliance/Usa2p                the campaign's status
    GET    {messaging}/v1/a2p/BrandRegistrations/{BN}                   its brand's score
    GET    {api}/2010-04-01/Accounts/{AC}/IncomingPhoneNumbers.json     Twilio's SID of a number
    POST   {messaging}/v1/Services/{MG}/PhoneNumbers                    it joins
    GET    {messaging}/v1/Services/{MG}/PhoneNumbers/{PN}               whether it has, and when
    DELETE {messaging}/v1/Services/{MG}/PhoneNumbers/{PN}               it leaves

Source: Twilio's OpenAPI documents (messaging v1, api 2010-04-01). No field of them shows how far carriers are with one number, so
one that has been in the service of a verified campaign for `settle_s` counts as registered.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from limpet.config_http import TwilioConfig
from limpet.config_registration import RegistrationConfig
from limpet.registrar.port import Answer, Approved, Pending, Rejected, Request, Subject, Trouble, Unknown
from limpet.registrar.upstream import (
    FIELDS_MAX,
    NOT_FOUND,
    Campaigns,
    Reply,
    UpstreamApi,
    code,
    in_time,
    recorded,
    text,
)

NOT_OWNED = "The account at Twilio has no such number"
ALREADY_HERE = 21710
_FAILED = frozenset({"FAILED", "SUSPENDED"})


class TwilioRegistrar:
    """Implements `Registrar`. To be made inside a running event loop. `now` is the clock by which numbers settle."""

    def __init__(self, config: RegistrationConfig, carrier: TwilioConfig, now: Callable[[], datetime]) -> None:
        user, secret = (
            (carrier.api_key_sid, carrier.api_key_secret)
            if carrier.api_key_sid
            else (carrier.account_sid, carrier.auth_token)
        )
        credentials = b64encode(f"{user}:{secret}".encode()).decode()
        self._api = UpstreamApi("Twilio", {"Authorization": f"Basic {credentials}"}, config.timeout_s)
        self._numbers = f"{carrier.base_url}/2010-04-01/Accounts/{carrier.account_sid}/IncomingPhoneNumbers.json"
        self._messaging = f"{messaging_url(carrier.base_url)}/v1"
        self._campaigns = Campaigns(config.campaigns)
        self._settle_s = config.settle_s
        self._now = now

    async def submit(self, request: Request) -> Answer:
        """Let a number join or leave, or look at a campaign; a number that is there already has joined."""
        return await in_time("Twilio", self._answer(request, again=True))

    async def status(self, request: Request) -> Answer:
        """What is there of it."""
        return await in_time("Twilio", self._answer(request, again=False))

    async def close(self) -> None:
        """Close every connection."""
        await self._api.close()

    async def _answer(self, request: Request, *, again: bool) -> Answer:
        if (known := recorded(request)) is not None:
            return known
        service = self._campaigns.of(request)
        if isinstance(service, Rejected):
            return service
        if request.subject is Subject.CAMPAIGN:
            return await self._campaign(service)
        sid = await self._sid(request)
        if not isinstance(sid, str):
            # what the account has not is in no service of it either
            return (
                Approved(request.key)
                if sid == Rejected(NOT_OWNED) and request.subject is Subject.NUMBER_REMOVAL
                else sid
            )
        if request.subject is Subject.NUMBER_REMOVAL:
            return await (self._leave(service, sid) if again else self._has_left(service, sid))
        return await (self._join(service, sid) if again else self._has_joined(service, sid))

    # ── campaigns ──

    async def _campaign(self, service: str) -> Answer:
        found = await self._usa2p(service)
        if not isinstance(found, Mapping):
            return found
        status, sid = found.get("campaign_status"), text(found.get("sid"))
        if status == "VERIFIED":
            details = {"tcr_id": found.get("campaign_id"), "score": await self._score(found)}
            return Approved(sid, {name: value for name, value in details.items() if value is not None})
        if status in _FAILED:
            return _rejected(found, f"The campaign is {status} at Twilio", sid)
        return Pending(sid or service)

    async def _usa2p(self, service: str) -> Mapping[str, Any] | Answer:
        """The campaign of a service there; undecided while there is none."""
        reply = await self._api.ask("GET", f"{self._messaging}/Services/{service}/Compliance/Usa2p")
        if isinstance(reply, Trouble):
            return reply
        if not reply.ok:
            return Trouble(f"Twilio answered {reply.status} about the campaign of its service {service}")
        campaigns = reply.value.get("compliance")
        first = campaigns[0] if isinstance(campaigns, list) and campaigns else None
        return first if isinstance(first, dict) else Pending(service)

    async def _score(self, campaign: Mapping[str, Any]) -> int | None:
        """Its brand's score, by which its limits go; None where Twilio does not tell."""
        brand = text(campaign.get("brand_registration_sid"))
        if brand is None:
            return None
        reply = await self._api.ask("GET", f"{self._messaging}/a2p/BrandRegistrations/{quote(brand, safe='')}")
        score = reply.value.get("brand_score") if isinstance(reply, Reply) and reply.ok else None
        return score if type(score) is int else None

    # ── numbers ──

    async def _sid(self, request: Request) -> str | Answer:
        """Twilio's SID of a number: what it was called before, or what the account has it under."""
        if request.reference is not None and request.reference.startswith("PN"):
            return request.reference
        number = str(request.details.get("phone_number", ""))
        reply = await self._api.ask("GET", self._numbers, params={"PhoneNumber": number})
        if isinstance(reply, Trouble):
            return reply
        if not reply.ok:
            return Trouble(f"Twilio answered {reply.status} about its numbers")
        owned = reply.value.get("incoming_phone_numbers")
        for one in owned if isinstance(owned, list) else []:
            if (
                isinstance(one, dict)
                and one.get("phone_number") == number
                and (sid := text(one.get("sid"))) is not None
            ):
                return sid
        return Rejected(NOT_OWNED)

    def _place(self, service: str, sid: str) -> str:
        return f"{self._messaging}/Services/{service}/PhoneNumbers/{quote(sid, safe='')}"

    async def _join(self, service: str, sid: str) -> Answer:
        url = f"{self._messaging}/Services/{service}/PhoneNumbers"
        reply = await self._api.ask("POST", url, data={"PhoneNumberSid": sid})
        if isinstance(reply, Trouble):
            return reply
        if reply.ok or reply.value.get("code") == ALREADY_HERE:
            return await self._has_joined(service, sid)
        if reply.status == NOT_FOUND:
            return Trouble(f"Twilio has no service {service}, or not this number any more")
        return Rejected(text(reply.value.get("message")) or "Twilio gave no reason", code(reply.value.get("code")), sid)

    async def _has_joined(self, service: str, sid: str) -> Answer:
        reply = await self._api.ask("GET", self._place(service, sid))
        if isinstance(reply, Trouble):
            return reply
        if reply.status == NOT_FOUND:
            return Unknown()
        if not reply.ok:
            return Trouble(f"Twilio answered {reply.status} about a number of its service {service}")
        campaign = await self._campaign(service)
        if isinstance(campaign, Rejected):
            return Rejected(campaign.reason, campaign.error_code, sid)
        settled = isinstance(campaign, Approved) and self._is_settled(reply.value.get("date_created"))
        return campaign if isinstance(campaign, Trouble) else Approved(sid) if settled else Pending(sid)

    def _is_settled(self, joined: object) -> bool:
        try:
            at = datetime.fromisoformat(str(joined))
        except ValueError:
            return False
        at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        return (self._now() - at).total_seconds() >= self._settle_s

    async def _leave(self, service: str, sid: str) -> Answer:
        reply = await self._api.ask("DELETE", self._place(service, sid))
        if isinstance(reply, Trouble):
            return reply
        if reply.ok or reply.status == NOT_FOUND:
            return Approved(sid)
        return Rejected(text(reply.value.get("message")) or "Twilio gave no reason", code(reply.value.get("code")), sid)

    async def _has_left(self, service: str, sid: str) -> Answer:
        reply = await self._api.ask("GET", self._place(service, sid))
        if isinstance(reply, Trouble):
            return reply
        return Approved(sid) if reply.status == NOT_FOUND else Unknown()


def _rejected(campaign: Mapping[str, Any], otherwise: str, sid: str | None) -> Rejected:
    """The first of a campaign's errors."""
    errors = campaign.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    fields = first.get("fields")
    named = tuple(map(str, fields[:FIELDS_MAX])) if isinstance(fields, list) else ()
    return Rejected(text(first.get("description")) or otherwise, code(first.get("error_code")), sid, named)


def messaging_url(base_url: str) -> str:
    """Where Messaging Services are asked about: beside Twilio's API, and on any other host at the same place."""
    parts = urlsplit(base_url)
    if parts.netloc.startswith("api.") and parts.netloc.endswith("twilio.com"):
        return f"{parts.scheme}://messaging.{parts.netloc.removeprefix('api.')}"
    return base_url
