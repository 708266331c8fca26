"""A service of an account: its switches, and whether it sends."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.responses import Response

from limpet.core.model import Account, Service
from limpet.core.ttl import Ttl
from limpet.pages.ask import Refused
from limpet.pages.console.desk import Desk
from limpet.pages.console.visit import ROOT, Visit
from limpet.store.services import ServiceSettings
from limpet.twilio.forms import filled
from limpet.twilio.service_form import PARAMETERS
from limpet.twilio.sid import is_sid
from limpet.web import services

SWITCHES = (
    ("StickySender", "sticky_sender", "Sticky Sender", "Each person always hears from the same number."),
    ("AreaCodeGeomatch", "area_code_geomatch", "Area code geomatch", "Prefers a number of the person's area code."),
    ("FallbackToLongCode", "fallback_to_long_code", "Fallback to long code", "Numbers take over where a short code cannot."),
    ("MmsConverter", "mms_converter", "MMS converter", "Sends a link where the number carries no media."),
    ("SmartEncoding", "smart_encoding", "Smart encoding", "Replaces look-alikes so that a text needs fewer segments."),
    ("ExplicitFromSticks", "explicit_from_sticks", "A named From sticks", "A first message from a named number makes a mapping."),
    ("RequireA2p", "require_a2p", "Require A2P", "Only registered numbers write to the United States."),
    ("SynchronousValidation", "synchronous_validation", "Synchronous validation", "Kept for Twilio's clients."),
    ("UseInboundWebhookOnNumber", "use_inbound_webhook_on_number", "Webhooks of the numbers",
     "Inbound texts go to the URL of their number."),
)  # fmt: skip
FIELDS = (
    ("FriendlyName", "friendly_name", "Name", "text"),
    ("InboundRequestUrl", "inbound_request_url", "URL for inbound texts", "url"),
    ("FallbackUrl", "fallback_url", "URL when that fails", "url"),
    ("StatusCallback", "status_callback", "URL for statuses", "url"),
    ("StickyTtl", "sticky_ttl", "A mapping lives for (8d, 12h, never)", "text"),
    ("ValidityPeriod", "validity_period", "A message may wait for so many seconds", "number"),
    ("SegmentsPerSecond", "segments_per_s", "Segments a second (empty: no limit)", "text"),
    ("DailySegments", "daily_segments", "Segments a day (empty: no limit)", "text"),
)
CHOICES = (
    ("StickyInbound", "sticky_inbound", "What an inbound text does to mappings", ("off", "first", "follow")),
    ("StickyOverflow", "sticky_overflow", "When the mapped number's queue is full", ("fail", "bypass")),
    ("InDoubt", "in_doubt", "A message of which nobody knows whether it left", ("resend", "fail", "hold")),
)


async def service_of(visit: Visit, account: Account) -> Service:
    """The service that the path names; Refused when the account has no such one."""
    sid = visit.ask.parts["service"]
    found = await visit.deps.services.by_sid(account.id, sid) if is_sid("MG", sid) else None
    if found is None:
        raise Refused("The account has no such service.", 404)
    return found


async def both(visit: Visit) -> tuple[Account, Service]:
    """The account and the service that the path names."""
    account = await visit.account()
    return account, await service_of(visit, account)


def place_of(account: Account, service: Service, part: str = "") -> str:
    """Where a page of a service is."""
    return f"{ROOT}/accounts/{account.sid}/services/{service.sid}{part}"


async def show(_: Desk, visit: Visit) -> Response:
    """GET …/services/{service}/settings."""
    account, service = await both(visit)
    return visit.html(
        "service.html",
        account=account,
        service=service,
        values=_shown(service),
        switches=SWITCHES,
        fields=FIELDS,
        choices=CHOICES,
        tab="settings",
    )


async def change(_: Desk, visit: Visit) -> Response:
    """POST …/services/{service}/settings: the parameters of `POST /v1/Services/{MG}`; what is not given stays."""
    account, service = await both(visit)
    form = {name: visit.ask.form[name] for name in PARAMETERS if name in visit.ask.form}
    async with visit.deed(f"{service.friendly_name} {service.sid}", account) as changes:
        await visit.call(services.update, account, {"service_sid": service.sid}, form=form)
        changes.note(_told(service), _told(await service_of(visit, account)))
    return visit.go(place_of(account, service, "/settings"), "changed")


async def pause(_: Desk, visit: Visit) -> Response:
    """POST …/services/{service}/pause: `Paused`, true or false."""
    account, service = await both(visit)
    paused = filled(visit.ask.form, "Paused") == "true"
    async with visit.deed(f"{service.friendly_name} {service.sid}", account) as changes:
        await visit.deps.services.pause(service.sid, paused, visit.deps.clock.now())
        changes.note({"paused": service.paused}, {"paused": paused})
    return visit.go(place_of(account, service, "/settings"), "paused" if paused else "resumed")


def _shown(service: Service) -> dict[str, Any]:
    """What the form shows, as its parameters take it."""
    return {**asdict(service), "sticky_ttl": str(Ttl(service.sticky_ttl_days, service.sticky_ttl_hours))}


def _told(service: Service) -> dict[str, Any]:
    names = tuple(ServiceSettings.__slots__)
    return {name: value for name, value in asdict(service).items() if name in names}
