"""Usage records and the balance over HTTP."""

from __future__ import annotations

from functools import partial

from limpet.core.page import page_of
from limpet.core.usage import Period, pieces, used
from limpet.store.usage import MESSAGES_MAX
from limpet.twilio.forms import invalid
from limpet.twilio.lists import parse_page
from limpet.twilio.pages import page_2010
from limpet.twilio.usage_resource import balance_resource, parse_usage_query, usage_resource
from limpet.web.answer import Answer, ok
from limpet.web.door import Call, Handler


def records_of(period: Period) -> Handler:
    """GET …/Usage/Records.json and its periods: by category, then newest first."""
    return partial(_records, period=period)


async def _records(call: Call, period: Period) -> Answer:
    request = parse_page(call.query)
    asked = parse_usage_query(call.query, period, call.now.date(), call.account.created_at.date())
    accounts = await call.deps.messages.usage_accounts(call.account.sid) if asked.subaccounts else [call.account.id]
    days = await call.deps.messages.usage(accounts, asked.start, asked.end)
    if days is None:
        raise invalid("StartDate", f"more than {MESSAGES_MAX} messages since then: ask for fewer days")
    rows = list(enumerate(used(days, asked.categories, pieces(period, asked.start, asked.end))))
    if request.before is not None:
        rows = rows[: request.before][-request.size - 1 :]
    else:
        rows = rows[0 if request.after is None else request.after + 1 :][: request.size + 1]
    found = page_of(request, rows, [place for place, _ in rows])
    shown = [usage_resource(record, call.account.sid, call.now) for _, record in found.items]
    return ok(page_2010("usage_records", shown, found, request, call.path, call.query))


async def balance(call: Call) -> Answer:
    """GET …/Balance.json."""
    return ok(balance_resource(call.account.sid))
