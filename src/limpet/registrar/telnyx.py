"""Telnyx as the registrar: numbers are assigned to a 10DLC campaign of an account there, and taken out of it.

    GET    /v2/10dlc/campaign/{id}                          the campaign's status
    POST   /v2/10dlc/phone_number_campaigns                 a number is assigned
    GET    /v2/10dlc/phone_number_campaigns/{number}        how far that has come
    DELETE /v2/10dlc/phone_number_campaigns/{number}        it is taken out

Source: developers.telnyx.com, API reference of phone number campaigns and campaigns (API v2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from limpet.config_http import TelnyxConfig
from limpet.config_registration import RegistrationConfig
from limpet.registrar.port import Answer, Approved, Pending, Rejected, Request, Subject, Trouble, Unknown
from limpet.registrar.upstream import NOT_FOUND, Campaigns, Reply, UpstreamApi, recorded, text

PROVISIONED = "MNO_PROVISIONED"
FAILED_CAMPAIGNS = frozenset(
    {"TCR_FAILED", "TCR_SUSPENDED", "TCR_EXPIRED", "TELNYX_FAILED", "MNO_REJECTED", "MNO_PROVISIONING_FAILED"}
)
NO_REASON = "Telnyx gave no reason"
_IDS = ("campaignId", "tcrCampaignId", "telnyxCampaignId")


class TelnyxRegistrar:
    """Implements `Registrar`. To be made inside a running event loop."""

    def __init__(self, config: RegistrationConfig, carrier: TelnyxConfig) -> None:
        self._api = UpstreamApi("Telnyx", {"Authorization": f"Bearer {carrier.api_key}"}, config.timeout_s)
        self._url = f"{carrier.base_url}/v2/10dlc"
        self._campaigns = Campaigns(config.campaigns)

    async def submit(self, request: Request) -> Answer:
        """Assign a number or take it out, or look at a campaign; what is so already is not asked for again."""
        known = await self._look(request, again=True)
        if not isinstance(known, Unknown):
            return known
        number, campaign = _number(request), self._campaigns.of(request)
        assert isinstance(campaign, str), "without one the status is a rejection"
        if request.subject is Subject.NUMBER_REMOVAL:
            return _removed(await self._api.ask("DELETE", self._place(number)), campaign, number)
        body = {"phoneNumber": number, "campaignId": campaign}
        return _assigned(
            await self._api.ask("POST", f"{self._url}/phone_number_campaigns", json=body), campaign, number
        )

    async def status(self, request: Request) -> Answer:
        """What is there of it."""
        return await self._look(request, again=False)

    async def _look(self, request: Request, *, again: bool) -> Answer:
        """The same; with `again` what has failed before is Unknown, because it is to be asked for once more."""
        if (known := recorded(request)) is not None:
            return known
        campaign = self._campaigns.of(request)
        if isinstance(campaign, Rejected):
            return campaign
        if request.subject is Subject.CAMPAIGN:
            return _campaign(await self._api.ask("GET", f"{self._url}/campaign/{quote(campaign, safe='')}"), campaign)
        number = _number(request)
        reply = await self._api.ask("GET", self._place(number))
        if request.subject is Subject.NUMBER_REMOVAL:
            return _removed(reply, campaign, number, again=again)
        is_free = isinstance(reply, Reply) and reply.status == NOT_FOUND
        return Unknown() if is_free else _assigned(reply, campaign, number, again=again)

    async def close(self) -> None:
        """Close every connection."""
        await self._api.close()

    def _place(self, number: str) -> str:
        return f"{self._url}/phone_number_campaigns/{quote(number, safe='+')}"


def _number(request: Request) -> str:
    return str(request.details.get("phone_number", ""))


def _said(reply: Reply) -> Mapping[str, Any]:
    """What an answer holds; some of Telnyx's wrap it."""
    data = reply.value.get("data")
    return data if isinstance(data, dict) else reply.value


def _campaign(reply: Reply | Trouble, campaign: str) -> Answer:
    """Usable once the networks have provisioned it."""
    if isinstance(reply, Trouble):
        return reply
    if not reply.ok:
        return Trouble(f"Telnyx answered {reply.status} about its campaign {campaign}")
    said = _said(reply)
    status = said.get("campaignStatus")
    if status == PROVISIONED:
        tcr_id = text(said.get("tcrCampaignId"))
        return Approved(campaign, {} if tcr_id is None else {"tcr_id": tcr_id})
    if status in FAILED_CAMPAIGNS:
        return Rejected(_why(said) or f"The campaign is {status} at Telnyx", None, campaign)
    return Pending(campaign)


def _assigned(reply: Reply | Trouble, campaign: str, number: str, *, again: bool = False) -> Answer:
    """What an assignment has come to."""
    if isinstance(reply, Trouble):
        return reply
    said = _said(reply)
    if not reply.ok:
        return Rejected(_error(reply) or NO_REASON)
    if not _is_of(said, campaign):
        return Rejected("The number is in another campaign at Telnyx", None, number)
    match said.get("assignmentStatus"):
        case "ASSIGNED":
            return Approved(number)
        case "FAILED_ASSIGNMENT":
            return Unknown() if again else Rejected(_why(said) or NO_REASON, None, number)
        case "PENDING_UNASSIGNMENT" | "FAILED_UNASSIGNMENT":
            return Trouble("Telnyx is still taking the number out of the campaign")
    return Pending(number)


def _removed(reply: Reply | Trouble, campaign: str, number: str, *, again: bool | None = None) -> Answer:
    """What taking a number out has come to; `again` None says that this was the request for it."""
    if isinstance(reply, Trouble):
        return reply
    said = _said(reply)
    if reply.status == NOT_FOUND or (reply.ok and not _is_of(said, campaign)):
        return Approved(number)
    if not reply.ok:
        return Rejected(_error(reply) or NO_REASON)
    status = said.get("assignmentStatus")
    if status == "FAILED_UNASSIGNMENT":
        return Unknown() if again else Rejected(_why(said) or NO_REASON, None, number)
    return Pending(number) if again is None or status == "PENDING_UNASSIGNMENT" else Unknown()


def _is_of(said: Mapping[str, Any], campaign: str) -> bool:
    """Whether an assignment is to this campaign, by whichever of its names; one without any is taken to be."""
    names = {said[name] for name in _IDS if isinstance(said.get(name), str)}
    return not names or campaign in names


def _why(said: Mapping[str, Any]) -> str | None:
    reasons = said.get("failureReasons")
    if isinstance(reasons, list):
        return text("; ".join(str(one) for one in reasons))
    return text(reasons)


def _error(reply: Reply) -> str | None:
    """The first of an error's details, in whichever of Telnyx's two shapes."""
    errors = reply.value.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    return text(first.get("detail")) or text(first.get("title")) or text(reply.value.get("message"))
