"""Brand registrations and campaigns over HTTP.

Sources: twilio.com/docs/messaging/api/brand-registration-resource, …/usapptoperson-resource, …/usapptopersonusecase-resource.
"""

from __future__ import annotations

from limpet.core.campaign import Campaign, use_cases_of
from limpet.core.errors import ApiError
from limpet.core.page import Page, PageRequest
from limpet.store.brands import NewBrand, RecordRefusal
from limpet.store.campaigns import CampaignRefusal, NewCampaign
from limpet.twilio.compliance_form import parse_brand, parse_brand_filter, parse_campaign, parse_campaign_changes
from limpet.twilio.compliance_resources import Json, brand_resource, campaign_resource, use_cases_resource
from limpet.twilio.forms import invalid
from limpet.twilio.lists import parse_page
from limpet.twilio.pages import page_v1
from limpet.twilio.sid import is_sid
from limpet.web.answer import NO_CONTENT, Answer, created, json_answer, ok
from limpet.web.door import Call
from limpet.web.services import service_of

_VERSION, _V2 = b"x-twilio-api-version", b"v2"
ACCEPTED = 202


async def create_brand(call: Call) -> Answer:
    """POST /v1/a2p/BrandRegistrations."""
    asked = parse_brand(call.form)
    new = NewBrand(asked.customer_profile_sid, asked.a2p_profile_sid, asked.brand_type, asked.mock, asked.skip_vetting)
    made = await call.deps.compliance.brands.create(call.account.id, new, call.now)
    return created(brand_resource(made, call.account.sid, call.root))


async def page_brands(call: Call) -> Answer:
    """GET /v1/a2p/BrandRegistrations, newest first."""
    request = parse_page(call.query)
    found = await call.deps.compliance.brands.page(call.account.id, request)
    shown = [brand_resource(brand, call.account.sid, call.root) for brand in found.items]
    return ok(page_v1("data", shown, found, request, call.url, call.query))


async def fetch_brand(call: Call) -> Answer:
    """GET /v1/a2p/BrandRegistrations/{BN}."""
    found = await call.deps.compliance.brands.by_sid(call.account.id, _sid(call, "sid", "BN"))
    if found is None:
        raise call.not_found()
    return ok(brand_resource(found, call.account.sid, call.root))


async def update_brand(call: Call) -> Answer:
    """POST /v1/a2p/BrandRegistrations/{BN}: a brand that failed is asked about again; 21725 for any other."""
    done = await call.deps.compliance.brands.resubmit(call.account.id, _sid(call, "sid", "BN"), call.now)
    if done is RecordRefusal.GONE:
        raise call.not_found()
    if isinstance(done, RecordRefusal):
        raise ApiError(21725)
    return json_answer(ACCEPTED, brand_resource(done, call.account.sid, call.root))


async def create_campaign(call: Call) -> Answer:
    """POST /v1/Services/{MG}/Compliance/Usa2p."""
    service, asked = await service_of(call), parse_campaign(call.form)
    new = NewCampaign(asked.brand_sid, asked.usecase, asked.fields)
    made = await call.deps.compliance.campaigns.create(service, new, call.now)
    if isinstance(made, CampaignRefusal):
        raise _refused(call, made, asked.brand_sid, asked.usecase)
    return created(_shown(call, made, service.sid))


async def page_campaigns(call: Call) -> Answer:
    """GET /v1/Services/{MG}/Compliance/Usa2p: the service's campaign, if it has one."""
    request, service = parse_page(call.query), await service_of(call)
    found = await call.deps.compliance.campaigns.of_service(service.id)
    shown = [_shown(call, found, service.sid)] if found is not None and request.after is None else []
    page = Page(tuple(shown), None, None)
    return ok(page_v1("compliance", shown, page, PageRequest(request.size), call.url, call.query))


async def fetch_campaign(call: Call) -> Answer:
    """GET /v1/Services/{MG}/Compliance/Usa2p/{QE}."""
    service = await service_of(call)
    found = await call.deps.compliance.campaigns.by_sid(service.id, _sid(call, "sid", "QE"))
    if found is None:
        raise call.not_found()
    return ok(_shown(call, found, service.sid))


async def update_campaign(call: Call) -> Answer:
    """POST /v1/Services/{MG}/Compliance/Usa2p/{QE}."""
    service, sid, changes = await service_of(call), _sid(call, "sid", "QE"), parse_campaign_changes(call.form)
    done = await call.deps.compliance.campaigns.change(service, sid, changes, call.now)
    if done is CampaignRefusal.GONE:
        raise call.not_found()
    if isinstance(done, CampaignRefusal):
        raise invalid("Sid", "the campaign is suspended")
    return ok(_shown(call, done, service.sid))


async def delete_campaign(call: Call) -> Answer:
    """DELETE /v1/Services/{MG}/Compliance/Usa2p/{QE}: every number is taken out of it."""
    service = await service_of(call)
    if not await call.deps.compliance.campaigns.delete(service, _sid(call, "sid", "QE"), call.now):
        raise call.not_found()
    return NO_CONTENT


async def use_cases(call: Call) -> Answer:
    """GET /v1/Services/{MG}/Compliance/Usa2p/Usecases: what a campaign may be for, by a brand or by standard ones."""
    await service_of(call)
    brand_sid = parse_brand_filter(call.query)
    if brand_sid is None:
        return ok(use_cases_resource(use_cases_of(None)))
    brand = await call.deps.compliance.brands.by_sid(call.account.id, brand_sid)
    if brand is None:
        raise ApiError(20404, resource=brand_sid)
    return ok(use_cases_resource(use_cases_of(brand.brand_type)))


def _shown(call: Call, campaign: Campaign, service_sid: str) -> Json:
    v2 = call.headers.get(_VERSION, b"").lower() == _V2
    return campaign_resource(campaign, call.account.sid, service_sid, call.root, v2=v2)


def _refused(call: Call, why: CampaignRefusal, brand_sid: str, usecase: str) -> Exception:
    if why is CampaignRefusal.GONE:
        return call.not_found()
    if why is CampaignRefusal.EXISTS:
        return invalid("MessagingServiceSid", "the service has a campaign already")
    codes = {CampaignRefusal.BRAND: 21717, CampaignRefusal.SERVICE: 21719, CampaignRefusal.USECASE: 21720}
    return ApiError(codes[why], value=brand_sid if why is CampaignRefusal.BRAND else usecase)


def _sid(call: Call, part: str, prefix: str) -> str:
    sid = call.parts[part]
    if not is_sid(prefix, sid):
        raise call.not_found()
    return sid
