"""Accounts: all of them, and each with its services."""

from __future__ import annotations

from starlette.responses import Response

from limpet.core.model import AccountStatus
from limpet.core.page import PageRequest
from limpet.pages.ask import Refused
from limpet.pages.console.desk import Desk
from limpet.pages.console.visit import PAGE_SIZE, ROOT, Pager, Visit
from limpet.twilio.forms import filled
from limpet.twilio.lists import parse_page
from limpet.web import limits, services


def request_of(visit: Visit) -> PageRequest:
    """The page that a request asks for, of a list that is walked by key."""
    token = visit.ask.asked("PageToken")
    return parse_page({"PageSize": [str(PAGE_SIZE)], **({"PageToken": [token]} if token else {})})


async def show_all(_: Desk, visit: Visit) -> Response:
    """GET /console/accounts, newest first."""
    found = await visit.deps.accounts.page(request_of(visit))
    pager = Pager(visit.place(found.next_token), visit.place(found.previous_token))
    return visit.html("accounts.html", accounts=found.items, pager=pager)


async def show(_: Desk, visit: Visit) -> Response:
    """GET /console/accounts/{account}: its services and limits."""
    account = await visit.account()
    found = await visit.call(services.page, account, query=visit.paged())
    may = await visit.call(limits.of_account, account)
    return visit.html(
        "account.html",
        account=account,
        services=found["services"],
        limits=may,
        pager=visit.pager(found),
        tab="services",
    )


async def change(_: Desk, visit: Visit) -> Response:
    """POST /console/accounts/{account}: `Status`, active or suspended. Closing is for the API: nothing brings it back."""
    account, wanted = await visit.account(), filled(visit.ask.form, "Status")
    if wanted not in (AccountStatus.ACTIVE, AccountStatus.SUSPENDED):
        raise Refused("An account can be made active or suspended here.")
    async with visit.deed(account.friendly_name, account) as changes:
        if account.status is AccountStatus.CLOSED:
            raise Refused("The account is closed, and stays so.")
        changed = await visit.deps.accounts.update(account.id, None, AccountStatus(wanted), visit.deps.clock.now())
        visit.auth.invalidate(account.sid)
        changes.note({"status": account.status}, {"status": changed.status})
    return visit.go(f"{ROOT}/accounts/{account.sid}", "account")
