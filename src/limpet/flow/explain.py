"""Explaining a choice before it is made: the decision that a message would get, taken on what is stored and written nowhere.

It is taken by `Assigner`, as for a message, in a transaction that cannot write and sees one moment (S-90).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from limpet.core.address import Address
from limpet.core.explain import Question, others
from limpet.core.ids import BUCKETS, day_number
from limpet.core.model import Account
from limpet.core.pool import Pool, carries_media
from limpet.core.selection import Passed, Refusal
from limpet.core.sticky import Ask, Binding, Standing, StoredMapping, standing
from limpet.flow.assign import Assigner, Foreseen, Wanted
from limpet.flow.directory import Directory
from limpet.flow.draft import barred
from limpet.store.database import Database
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


async def explain(
    database: Database, directory: Directory, assigner: Assigner, service_id: int, supposed: Supposed, person: int
) -> Explained | None:
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
        foreseen = await assigner.foresee(connection, wanted, pool, now)
    return _explained(supposed, foreseen)


def _explained(supposed: Supposed, foreseen: Foreseen) -> Explained:
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
    return standing(pool, mapping, question.ask.to, day_number(at), question.crowd.at_cap)
