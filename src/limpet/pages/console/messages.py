"""Messages of an account, each with its story: statuses, the decision, the submission, the callbacks; and those in doubt."""

from __future__ import annotations

from starlette.responses import Response

from limpet.core.errors import ApiError
from limpet.pages.console.desk import Desk
from limpet.pages.console.visit import ROOT, Visit
from limpet.web import deliveries, messages, submissions

FILTERS = ("To", "From")


async def show_all(_: Desk, visit: Visit) -> Response:
    """GET /console/accounts/{account}/messages, newest first; with `To` or `From` only those, and `Day` only those of a day."""
    account = await visit.account()
    asked = {name: visit.ask.asked(name) for name in FILTERS}
    day = visit.ask.asked("Day")
    query = visit.paged(**asked, **({"DateSent": day} if day else {}))
    found = await visit.call(messages.page, account, query=query)
    return visit.html(
        "messages.html", account=account, tab="messages", asked=asked, day=day, messages=found["messages"],
        pager=visit.pager(found, {**asked, "Day": day}),
    )  # fmt: skip


async def show(_: Desk, visit: Visit) -> Response:
    """GET /console/accounts/{account}/messages/{message}."""
    account, sid = await visit.account(), visit.ask.parts["message"]
    parts = {"sid": sid}
    message = await visit.call(messages.fetch, account, parts)
    return visit.html(
        "message.html", account=account, tab="messages", message=message,
        decision=await visit.call(messages.decision, account, parts),
        submission=await visit.call(submissions.fetch, account, parts),
        callbacks=(await visit.call(deliveries.page, account, query={"MessageSid": sid, "PageSize": "50"}))["deliveries"],
    )  # fmt: skip


async def in_doubt(_: Desk, visit: Visit) -> Response:
    """GET /console/accounts/{account}/in-doubt, newest first."""
    account = await visit.account()
    found = await visit.call(submissions.page, account, query=visit.paged())
    return visit.html(
        "in_doubt.html", account=account, tab="in doubt", submissions=found["submissions"], pager=visit.pager(found)
    )


async def settle(_: Desk, visit: Visit) -> Response:
    """POST /console/accounts/{account}/messages/{message}/settle: `InDoubt`, resend or fail."""
    account, sid = await visit.account(), visit.ask.parts["message"]
    async with visit.deed(sid, account) as changes:
        before = await visit.call(submissions.fetch, account, {"sid": sid})
        after = await visit.call(submissions.release, account, {"sid": sid}, form=visit.ask.form)
        changes.note(_told(before), _told(after))
    return visit.go(f"{ROOT}/accounts/{account.sid}/messages/{sid}", "settled")


async def callbacks(desk: Desk, visit: Visit) -> Response:
    """GET /console/accounts/{account}/callbacks: what is owed, and the log of tries, newest first; only of one `Outcome`."""
    account, outcome = await visit.account(), visit.ask.asked("Outcome")
    found = await visit.call(deliveries.page, account, query=visit.paged(Outcome=outcome))
    owed = next((one for one in await desk.minutes.owed() if one.account_id == account.id), None)
    return visit.html(
        "callbacks.html", account=account, tab="callbacks", outcome=outcome, owed=owed, deliveries=found["deliveries"],
        pager=visit.pager(found, {"Outcome": outcome}),
    )  # fmt: skip


async def replay(_: Desk, visit: Visit) -> Response:
    """POST /console/accounts/{account}/callbacks/{delivery}/replay: the same form under the same token, at once."""
    account, sid = await visit.account(), visit.ask.parts["delivery"]
    async with visit.deed(sid, account) as changes:
        told = await visit.call(deliveries.replay, account, {"sid": sid})
        changes.note({}, {"url": told["request_url"], "message": told["message_sid"]})
    return visit.go(f"{ROOT}/accounts/{account.sid}/callbacks", "replayed")


async def owed_of_all(desk: Desk, visit: Visit) -> Response:
    """GET /console/callbacks: which accounts are owed callbacks, the longest owed first."""
    owed = sorted(await desk.minutes.owed(), key=lambda one: one.due)
    await visit.deps.directory.sids(visit.deps.database.pool, {one.account_id for one in owed}, set())
    shown = [(visit.deps.directory.account_sid(one.account_id), one) for one in owed]
    return visit.html("owed.html", owed=shown)


async def find(_: Desk, visit: Visit) -> Response:
    """GET /console/accounts/{account}/find: on to the message, service or person that `q` names."""
    account, wanted = await visit.account(), visit.ask.asked("q", 100)
    root = f"{ROOT}/accounts/{account.sid}"
    if wanted.startswith(("SM", "MM")):
        return visit.ask.go(f"{root}/messages/{wanted}")
    if wanted.startswith("MG"):
        return visit.ask.go(f"{root}/services/{wanted}")
    digits = "".join(filter(str.isdigit, wanted))
    if not digits:
        raise ApiError(20404, resource=wanted)
    return visit.ask.go(f"{root}/messages?To=%2B{digits}")


def _told(submission: dict[str, object]) -> dict[str, object]:
    return {name: submission[name] for name in ("status", "in_doubt_since", "attempts")}
