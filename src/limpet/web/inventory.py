"""Numbers to buy over HTTP: the countries, the searches, and which offer a purchase takes.

Sources: twilio.com/docs/phone-numbers/api/availablephonenumber-resource and …/incomingphonenumber-resource. A number that
somebody owns is not shown; that two buyers may want the same one is settled where it is bought.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial

from limpet.core.inventory import NumberType, Offer, Search
from limpet.core.page import Page, PageRequest, page_of
from limpet.twilio.inventory_form import available_resource, country_resource, parse_search
from limpet.twilio.lists import parse_page
from limpet.twilio.pages import page_2010
from limpet.web.answer import Answer, ok
from limpet.web.door import Call, Handler

ASKED_AT_ONCE = 500
"""Of how many numbers the owner is asked in one statement."""
TRIED_MAX = 20
"""How many offers of an area code a purchase tries, when others buy at the same time."""


async def countries(call: Call) -> Answer:
    """GET …/AvailablePhoneNumbers.json."""
    shown = [country_resource(*each, call.account.sid) for each in call.deps.inventory.types().items()]
    return ok({"countries": shown, "uri": call.path})


async def country(call: Call) -> Answer:
    """GET …/AvailablePhoneNumbers/{CC}.json."""
    code = call.parts["country_code"].upper()
    types = call.deps.inventory.types().get(code)
    if types is None:
        raise call.not_found()
    return ok(country_resource(code, types, call.account.sid))


def numbers_of(kind: NumberType) -> Handler:
    """GET …/AvailablePhoneNumbers/{CC}/Local.json, Mobile and TollFree: by number, those that nobody owns."""
    return partial(_numbers, kind=kind)


async def _numbers(call: Call, kind: NumberType) -> Answer:
    code = call.parts["country_code"].upper()
    if code not in call.deps.inventory.types():
        raise call.not_found()
    request, search = parse_page(call.query), parse_search(call.query, code, kind)
    found = await _page(call, search, request)
    shown = [available_resource(offer) for offer in found.items]
    return ok(page_2010("available_phone_numbers", shown, found, request, call.path, call.query))


async def _page(call: Call, search: Search, request: PageRequest) -> Page[Offer]:
    fitting = call.deps.inventory.fitting(search, after=request.after, before=request.before)
    backwards = request.before is not None
    rows = [offer async for offer in free(call, fitting[::-1] if backwards else fitting, request.size + 1)]
    if backwards:
        rows.reverse()
    return page_of(request, rows, [offer.key for offer in rows])


async def free(call: Call, offers: Sequence[Offer], most: int) -> AsyncIterator[Offer]:
    """Those offers that nobody owns, in their order, at most `most`."""
    for start in range(0, len(offers), ASKED_AT_ONCE):
        some = offers[start : start + ASKED_AT_ONCE]
        owned = await call.deps.senders.owned([offer.address.value for offer in some])
        for offer in some:
            if offer.address.value not in owned and most > 0:
                most -= 1
                yield offer
        if most == 0:
            return


async def of_area_code(call: Call, area_code: str) -> AsyncIterator[Offer]:
    """The free offers that a purchase by area code tries one after the other."""
    for country_code in ("US", "CA"):
        fitting = call.deps.inventory.fitting(Search(country_code, NumberType.LOCAL, area_code))
        async for offer in free(call, fitting, TRIED_MAX):
            yield offer
