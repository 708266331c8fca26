"""STOP, START and HELP: what people say of their consent is written in the transaction of their text, and answered from there.
Mappings are left as they are, so that after START a person hears from the same number (rule S-42).

The answer is a message like any other, from the number that was written to, but it asks neither consent nor mapping. What the
words are is `limpet.core.optout`'s question; who asks before sending are `limpet.flow.assign` and `limpet.flow.accept`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from limpet.core.address import parse_recipient
from limpet.core.encoding import segment
from limpet.core.health import hour_number
from limpet.core.ids import bucket_of
from limpet.core.model import Direction
from limpet.core.optout import STANDARD, Keyword, OptOutType, is_answered_by_network, is_undone_by, keyword
from limpet.core.status import Status
from limpet.flow.forgotten import Forgotten
from limpet.flow.lanes import Fleet
from limpet.store import dispatch, health, messages, opt_outs
from limpet.store.database import Connection
from limpet.store.dispatch import Due
from limpet.store.messages import MessageRow
from limpet.store.opt_outs import Addressed, NewOptOut, OptOutKey, Origin

REPLY_VALIDITY = timedelta(hours=10)


@dataclass(frozen=True, slots=True)
class Text:
    """A text as consent sees it: from whom, to which of our numbers, and what it says."""

    recipient: str
    sender: str
    body: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A keyword that a text was. `advanced`: the service has words of its own, so its webhook is told of it (`OptOutType`)."""

    keyword: Keyword
    to: Addressed
    key: OptOutKey
    advanced: bool


class Consent:
    """Hears keywords. `bucket_key` places people, `new_id` makes row ids."""

    def __init__(
        self, fleet: Fleet, bucket_key: bytes, new_id: Callable[[datetime], int], forgotten: Forgotten
    ) -> None:
        self._fleet = fleet
        self._bucket_key = bucket_key
        self._new_id = new_id
        self._forgotten = forgotten

    async def hear(self, connection: Connection, texts: Sequence[Text], now: datetime) -> list[Heard | None]:
        """Write what these texts say of consent, in their order, and the replies to them; None for a text that says nothing.

        Once the transaction is committed `answered` must be told.
        """
        heard = await self._recognise(connection, texts)
        replies: list[MessageRow] = []
        gone: list[str] = []
        for together in _rounds(heard):
            replies += await self._apply(connection, together, gone, now)
        if replies:
            await messages.insert(connection, replies, now)
            await dispatch.enqueue(connection, [Due(r.bucket, r.id, r.lane or "", now, r.expires_at) for r in replies])
        if gone:
            await health.count_opted_out(connection, hour_number(now), sorted(gone))
        return heard

    def answered(self, heard: Iterable[Heard | None]) -> None:
        """The transaction is committed: replies wait in the lanes of the numbers that were written to."""
        self._fleet.waiting(self._lane(one.to, one.key.recipient) for one in heard if one is not None)

    async def _recognise(self, connection: Connection, texts: Sequence[Text]) -> list[Heard | None]:
        """Which texts are keywords. Most are none by anybody's words: only short ones are looked at further."""
        settings = await opt_outs.settings_of(connection, sorted({text.sender for text in texts}))
        found = [keyword(t.body, _country(t.recipient), settings.get(t.sender, STANDARD)) for t in texts]
        written_to = sorted({text.sender for text, word in zip(texts, found, strict=True) if word is not None})
        numbers = await opt_outs.addressed(connection, written_to) if written_to else {}
        return [
            Heard(word, to, self._key(text, to), text.sender in settings)
            if word is not None and (to := numbers.get(text.sender)) is not None
            else None
            for text, word in zip(texts, found, strict=True)
        ]

    async def _apply(
        self, connection: Connection, together: Sequence[Heard], gone: list[str], now: datetime
    ) -> list[MessageRow]:
        """Write what at most one keyword a person says; answers the replies. `gone` gets the numbers that people left (S-91)."""
        stops = [h for h in together if h.keyword.kind is OptOutType.STOP]
        starts = [h for h in together if h.keyword.kind is OptOutType.START and is_undone_by(h.keyword.word, h.to.kind)]
        helps = [h for h in together if h.keyword.kind is OptOutType.HELP]
        known = await self._known_by_hash(connection, stops, helps)
        stops = [h for h in stops if h.key not in known]
        new = [NewOptOut(h.key, self._new_id(now), h.to.account_id, h.keyword.word, Origin.TEXT) for h in stops]
        made = await opt_outs.insert(connection, new)
        gone += [h.to.address for h in stops if h.key in made]
        ended = await self._end(connection, [h.key for h in starts])
        blocked = known | await opt_outs.find(connection, [h.key for h in helps])
        told = [
            *(h for h in stops if h.key in made and not is_answered_by_network(h.keyword.word, h.to.kind)),
            *(h for h in starts if h.key in ended),
            *(h for h in helps if h.key not in blocked),
        ]
        return [self._reply(h, now) for h in told if h.keyword.reply]

    async def _known_by_hash(self, connection: Connection, *heard: Iterable[Heard]) -> set[OptOutKey]:
        """Those who had opted out before they were forgotten (rule S-112)."""
        hidden = {self._forgotten.hidden(one.key): one.key for some in heard for one in some}
        return {hidden[key] for key in await opt_outs.find(connection, hidden)}

    async def _end(self, connection: Connection, keys: Sequence[OptOutKey]) -> set[OptOutKey]:
        """End opt-outs, under numbers and under hashes; answers those that were there."""
        hidden = {self._forgotten.hidden(key): key for key in keys}
        return {hidden.get(key, key) for key in await opt_outs.delete(connection, [*keys, *hidden])}

    def _reply(self, heard: Heard, now: datetime) -> MessageRow:
        """Said once, from the number that was written to. It has no service: no mapping is read or written for it (rule S-41)."""
        return MessageRow(
            bucket=heard.key.bucket, id=self._new_id(now), account_id=heard.to.account_id, service_id=None, member_id=None,
            direction=Direction.OUTBOUND_REPLY, status=Status.QUEUED, recipient=heard.key.recipient, sender=heard.to.address,
            body=heard.keyword.reply, num_segments=segment(heard.keyword.reply).count, send_at=None,
            expires_at=now + REPLY_VALIDITY, status_callback=None, callback_events="all",
            lane=self._lane(heard.to, heard.key.recipient),
        )  # fmt: skip

    def _lane(self, to: Addressed, recipient: str) -> str:
        return self._fleet.lane_for(to.carrier, to.address, to.country, to.also_through, recipient)

    def _key(self, text: Text, to: Addressed) -> OptOutKey:
        """For the whole service, or for a number that is in none."""
        sender_id = 0 if to.service_id else to.sender_id
        return OptOutKey(bucket_of(text.recipient, self._bucket_key), text.recipient, to.service_id, sender_id)


def _rounds(heard: Iterable[Heard | None]) -> list[list[Heard]]:
    """What was heard, so that no round has two keywords of one person and each person's keep their order."""
    places: dict[OptOutKey, count[int]] = {}
    rounds: list[list[Heard]] = []
    for one in heard:
        if one is not None:
            place = next(places.setdefault(one.key, count()))
            if place == len(rounds):
                rounds.append([])
            rounds[place].append(one)
    return rounds


def _country(recipient: str) -> str | None:
    address = parse_recipient(recipient)
    return None if address is None else address.country
