"""Explaining a choice before it is made: the decision that a message would get, taken on what is stored and written nowhere.

It is taken by `Assigner`, as for a message, in a transaction that cannot write and sees one moment (S-90).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from limpet.core.address import Address
from limpet.core.explain import Question, others
from limpet.core.ids import BUCKETS, day_number, hour_of_day
from limpet.core.model import Account
from limpet.core.optout import OPTED_OUT
from limpet.core.pool import Pool, carries_media, share_of
from limpet.core.selection import Passed, Refusal
from limpet.core.sticky import Ask, Binding, Standing, StoredMapping, standing
from limpet.flow.assign import Assigner, Wanted
from limpet.flow.campaign_share import CampaignCounts, CampaignUse
from limpet.flow.directory import Directory
from limpet.flow.draft import barred
from limpet.flow.share import NO_SHARE, is_used_up
from limpet.store import sticky
from limpet.store.database import Connection, Database
from limpet.store.sticky import MappingKey


@dataclass(frozen=True, slots=True)
class Supposed:
    """A message that is only asked about, of one segment: to whom, when, with media or without, and From which number, if one is
    named."""

    account: Account
    service_sid: str
    recipient: Address
    at: datetime
    media: bool = False
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """What the message would be answered, and of each other member why not. `as_link`: a link would go in its media's place."""

    supposed: Supposed
    answer: Binding | Refusal
    passed: tuple[Passed, ...]
    pool: Pool
    mapping: StoredMapping | None
    standing: Standing | None
    """What the mapping is worth; None while Sticky Sender is off."""

    @property
    def as_link(self) -> bool:
        """Whether a link would go out in the place of the media."""
        return self.supposed.media and isinstance(self.answer, Binding) and not carries_media(self.answer.candidate)

    def why_not(self, member_id: int) -> Passed | None:
        """What is said of a member of the pool; None for the one that is chosen, and where nobody was asked."""
        return next((one for one in self.passed if one.candidate.member_id == member_id), None)


@dataclass(frozen=True, slots=True)
class _Foreseen:
    """What a message would be answered, of what, and the mapping that there is."""

    question: Question
    mapping: StoredMapping | None
    answer: Binding | Refusal


async def explain(
    database: Database, directory: Directory, assigner: Assigner, campaigns: CampaignCounts, service_id: int,
    supposed: Supposed, person: int,
) -> Explained | None:  # fmt: skip
    """Take the decision. `person` is the hash of the recipient. None when the service is gone."""
    now, to = supposed.at, supposed.recipient
    ask = Ask(to, person, supposed.sender, supposed.media)
    wanted = Wanted(MappingKey(person % BUCKETS, service_id, to.value), 0, ask, 1, linkable=supposed.media)
    async with (
        database.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        pool = await directory.pool_on(connection, service_id, day_number(now))
        if pool is None:
            return None
        use = CampaignUse(CampaignCounts(campaigns.is_tmobile), now)
        foreseen = await _foresee(connection, assigner, wanted, pool, now, use)
    return _explained(supposed, foreseen)


async def _foresee(
    connection: Connection, assigner: Assigner, wanted: Wanted, pool: Pool, now: datetime, campaigns: CampaignUse
) -> _Foreseen:
    """What `Assigner.bind` would answer for a message if nothing came in between. `pool` must be as the connection sees it, and
    `campaigns` is settled by nobody."""
    today, known = day_number(now), assigner.known
    [read] = await sticky.read(connection, [wanted.key])
    mapping = await known.homes.look(connection, wanted.key, read, pool.service)
    crowd = await known.contacts.crowd_on(connection, pool, today)
    reads = {wanted.key: read}
    await assigner.forgotten.refuse(connection, reads, {pool.service.id: pool})
    if reads[wanted.key].opted_out:
        answer: Binding | Refusal = Refusal(OPTED_OUT)
    elif await is_used_up(connection, pool, today, wanted.segments):
        answer = NO_SHARE
    else:
        answer = assigner.decide(wanted, pool, mapping, today, hour_of_day(now), crowd)
    if isinstance(answer, Binding) and (share := share_of(pool, answer.candidate, wanted.ask.to)) is not None:
        person = wanted.ask.to.value
        await campaigns.prepare(connection, [(share, person, wanted.segments)])
        answer = campaigns.take(share, wanted.message_id, person, wanted.segments) or answer
    return _Foreseen(Question(wanted.ask, pool, known.loads, crowd), mapping, answer)


def _explained(supposed: Supposed, foreseen: _Foreseen) -> Explained:
    question, mapping, answer = foreseen.question, foreseen.mapping, foreseen.answer
    if (code := barred(supposed.account, supposed.recipient)) is not None:
        answer = Refusal(code)
    return Explained(
        supposed, answer, tuple(others(question, answer)), question.pool, mapping, _worth(question, mapping, supposed.at)
    )  # fmt: skip


def _worth(question: Question, mapping: StoredMapping | None, at: datetime) -> Standing | None:
    pool = question.pool
    if not pool.service.sticky_sender:
        return None
    return standing(pool, mapping, question.ask.to, day_number(at), question.crowd.at_cap, hour_of_day(at))
