"""Why not the others: a decision taken apart, for whoever asks who a message would come from.

The answer is `limpet.core.sticky.decide`'s, the same that is asked for every message; what is added is, for each other member
of the pool, what kept it from being the one (S-90).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from limpet.core.pool import Candidate, Pool, WhyNot, carries_media, why_unused
from limpet.core.selection import Passed, Reason, Refusal, passed_over
from limpet.core.sticky import QUEUE_FULL, Ask, Binding, Crowd, Outcome


@dataclass(frozen=True, slots=True)
class Question:
    """What a decision was asked, and what was known then. The pool is as it was, `loads` how busy its members were."""

    ask: Ask
    pool: Pool
    loads: Mapping[int, float]
    crowd: Crowd


def others(question: Question, answer: Binding | Refusal) -> list[Passed]:
    """The members of the pool that the message does not come from, in the order in which they joined, each with why not.

    Empty for a refusal that asked no member, such as one of a person who opted out.
    """
    if isinstance(answer, Refusal):
        return _refused(question.pool, answer)
    ask = question.ask
    if ask.media and not carries_media(answer.candidate):  # a link goes out in the media's place
        ask = replace(ask, media=False)
    if answer.reason is Reason.STICKY:
        return _not_chosen(question.pool, answer.candidate, ask, WhyNot.MAPPED_ELSEWHERE)
    if answer.reason is Reason.EXPLICIT:
        return _not_chosen(question.pool, answer.candidate, ask, WhyNot.NOT_NAMED)
    return _climbed(replace(question, ask=ask), answer)


def _climbed(question: Question, answer: Binding) -> list[Passed]:
    """A choice by the ladder. One that passes a mapping by asks neither load nor caps, so that it is always the same (S-24)."""
    ask, pool, crowd = question.ask, question.pool, question.crowd
    if answer.outcome is not Outcome.BYPASSED:
        capped = crowd.at_cap if pool.service.sticky_sender else ()
        return passed_over(pool, ask.to, answer.candidate, question.loads, media=ask.media, without=capped)
    if answer.cause != QUEUE_FULL:
        return passed_over(pool, ask.to, answer.candidate, {}, media=ask.media)
    full = {c.member_id for c in pool.candidates if crowd.is_full(c)}
    found = passed_over(pool, ask.to, answer.candidate, {}, media=ask.media, without=full)
    return [replace(one, why=WhyNot.QUEUE_FULL) if one.why is WhyNot.DAILY_CONTACTS else one for one in found]


def _not_chosen(pool: Pool, chosen: Candidate, ask: Ask, why: WhyNot) -> list[Passed]:
    """No ladder was climbed: `why` is said of all who could carry the message at all."""
    return [
        Passed(c, why_unused(c, media=ask.media) or why) for c in pool.candidates if c.member_id != chosen.member_id
    ]  # fmt: skip


def _refused(pool: Pool, refusal: Refusal) -> list[Passed]:
    reasons = dict(refusal.why_not)
    return [Passed(c, reasons[c.sender.address]) for c in pool.candidates if c.sender.address in reasons]
