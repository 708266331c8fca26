"""Who a message would come from, over HTTP: a dry run of the choice, with why not for each other member of the pool (S-90)."""

from __future__ import annotations

from limpet.core.ids import day_date
from limpet.core.pool import Candidate
from limpet.core.sticky import Binding
from limpet.flow.explain import Explained, Supposed
from limpet.twilio.selection_resource import ShownCandidate, ShownMapping, parse_selection, selection_resource
from limpet.web.answer import Answer, ok
from limpet.web.door import Call
from limpet.web.services import service_of


async def foretell(call: Call) -> Answer:
    """POST /v1/Services/{MG}/SenderSelection: 200, whether there would be a sender or an error; nothing is written."""
    sid = (await service_of(call)).sid  # whose it is comes before what is asked of it
    asked = parse_selection(call.form, call.now)
    supposed = Supposed(call.account, sid, asked.recipient, asked.at, asked.media, asked.sender)
    found = await call.deps.accept.explain(supposed)
    if found is None:
        raise call.not_found()
    candidates = [_candidate(found, candidate) for candidate in found.pool.candidates]
    decided = _decided(found)
    return ok(selection_resource(asked, candidates, _mapping(found), decided, call.account.sid, sid, call.root))


def _candidate(found: Explained, candidate: Candidate) -> ShownCandidate:
    sender, answer = candidate.sender, found.answer
    if isinstance(answer, Binding) and answer.candidate.member_id == candidate.member_id:
        return ShownCandidate(sender.address, sender.sid, True, None, answer.reason)
    passed = found.why_not(candidate.member_id)
    if passed is None:
        return ShownCandidate(sender.address, sender.sid, False, None, None)
    return ShownCandidate(sender.address, sender.sid, False, passed.why, passed.rung)


def _mapping(found: Explained) -> ShownMapping | None:
    if found.mapping is None:
        return None
    mapped = found.pool.by_member.get(found.mapping.member_id)
    return ShownMapping(
        mapped.sender.address if mapped else None, day_date(found.mapping.last_used_day), found.standing
    )


def _decided(found: Explained) -> dict[str, object]:
    answer = found.answer
    if isinstance(answer, Binding):
        return {
            "reason": answer.reason,
            "sticky": answer.outcome,
            "cause": answer.cause,
            "as_link": found.as_link,
        }
    return {"error_code": answer.error_code}
