"""Brings mappings from files: reads block by block, stages what counts, merges when all of it is read, and takes it back.

Until the last block is read nothing is changed, so a file that turns out to be none changes nothing. Every step is noted in
its own transaction: after a crash, or when the connection that brought the file broke, the same file carries on from the last
block that is noted. Rules S-120, S-121, S-122.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b
from typing import Final

from limpet.clock import Clock
from limpet.core.address import parse_recipient, parse_sender
from limpet.core.ids import BUCKETS, bucket_of, day_number
from limpet.core.model import SenderKind, Service
from limpet.core.pool import reaches
from limpet.core.retention import Pseudonyms
from limpet.core.sticky_import import Import, Problem, State, Wish
from limpet.core.sticky_lines import Line, Passed, Terms, Why, read_line, terms_of
from limpet.core.sticky_records import Reader, Record, UnknownFormat
from limpet.store import sticky_bulk
from limpet.store.database import Database, Installation
from limpet.store.sticky_bulk import OtherHand, Staged, Target

BLOCK_BYTES: Final = 1 << 20
"""How much of a file is read between two notes of how far it is."""
BYTES_MAX: Final = 8 << 30
PROBLEMS_MAX: Final = 1_000_000
"""Lines that are reported; a file of which more cannot be taken is not what it was thought to be."""
WHAT_LENGTH_MAX: Final = 100
SPELLINGS_MAX: Final = 10_000
"""Spellings of senders that are remembered."""
BREATH: Final = 200
"""Records after which others of the process get their turn."""
BUCKETS_AT_ONCE: Final = 16
_CARRIED_ON: Final = (State.LOADING, State.MERGING)
Progress = Callable[[Import], None]


class NotTheSame(Exception):
    """The file is not the one that the import began with."""


class NotNow(Exception):
    """The import is in a state in which that cannot be done; the message says which."""


@dataclass(slots=True)
class _Taken:
    """What a block comes to."""

    rows: list[Staged] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    passed: Counter[str] = field(default_factory=Counter)
    lines: int = 0


class StickyImports:
    """Imports of one installation. `new_id` makes row ids."""

    def __init__(
        self, database: Database, installation: Installation, new_id: Callable[[datetime], int], clock: Clock
    ) -> None:
        self._database = database
        self._bucket_key = installation.bucket_key
        self._pseudonyms = Pseudonyms(installation.pseudonym_key)
        self._new_id = new_id
        self._clock = clock

    async def begin(self, service: Service, sid: str, wish: Wish, credential: str) -> Import:
        """A new import, or the one of that SID, to be carried on with. NotNow when that is over."""
        now = self._clock.now()
        made = await sticky_bulk.begin(self._database, service, sid, wish, credential, self._new_id(now), now)
        if made is not None:
            return made
        found = await sticky_bulk.by_sid(self._database, service, sid)
        if found is None:
            raise NotNow("it belongs to another service")
        if found.state not in _CARRIED_ON:
            raise NotNow(f"it is {found.state}")
        return found

    async def run(
        self, one: Import, service: Service, chunks: AsyncIterator[bytes], progress: Progress = lambda _: None
    ) -> Import:
        """Read a file from its beginning and do all that is left to do; the import as it ended.

        UnknownFormat, NotTheSame, OtherHand; whatever else breaks it leaves it to be carried on with.
        """
        if not await sticky_bulk.is_staged(self._database, one):
            one = await sticky_bulk.restart(self._database, one, self._clock.now())
        if one.state is State.LOADING:
            one = await self._load(one, service, chunks, progress)
        if one.state is State.FAILED or one.wish.dry_run:
            return await self._over(one)
        return await self.merge(one, service, progress)

    async def merge(self, one: Import, service: Service, progress: Progress = lambda _: None) -> Import:
        """Put what is staged into the mappings, from the bucket on at which it stopped."""
        targets = await sticky_bulk.targets(self._database, one.scope_id)
        addresses = {each.member_id: address for address, members in targets.items() for each in members}
        while one.merged_buckets < BUCKETS:
            now = self._clock.now()
            one = await sticky_bulk.merge(
                self._database, service, one, BUCKETS_AT_ONCE, addresses, day_number(now), now
            )
            progress(one)
        return one

    async def undo(self, one: Import) -> Import:
        """Take back what an import changed and nothing else has changed since (S-122). NotNow when there is nothing to take."""
        if one.state in (State.FAILED, State.UNDONE, State.SETTLED):
            raise NotNow(f"it is {one.state}")
        if one.state is not State.UNDOING and not await sticky_bulk.begin_undoing(
            self._database, one, self._clock.now()
        ):
            raise OtherHand
        people = 0
        for bucket in range(one.merged_buckets):
            people += await sticky_bulk.undo_bucket(
                self._database, one, bucket, lambda: self._new_id(self._clock.now())
            )
        return await sticky_bulk.undone(self._database, one, people, self._clock.now())

    async def _over(self, one: Import) -> Import:
        await sticky_bulk.forget_staged(self._database, one)
        if one.state is State.FAILED:
            return one
        done = replace(one, state=State.DONE)
        return await sticky_bulk.note(self._database, one, done, self._clock.now())

    async def _fail(self, one: Import, why: str) -> Import:
        failed = replace(one, state=State.FAILED, why=why, counts=replace(one.counts, staged=0))
        return await sticky_bulk.note(self._database, one, failed, self._clock.now())

    async def _load(
        self, one: Import, service: Service, chunks: AsyncIterator[bytes], progress: Progress
    ) -> Import:  # fmt: skip
        """Read to the end what has not been read; nothing is changed by it but the note of how far it is."""
        reader, digest, number = Reader(one.wish.dialect), blake2b(digest_size=16), 0
        staging = _Staging(
            one,
            terms_of(one.created_at, service.scope.ttl.days, one.wish.log_service),
            await sticky_bulk.targets(self._database, one.scope_id),
            self._bucket_key,
            self._pseudonyms if service.scope.hides_since else None,
        )
        known, done = one.blocks, one.digest
        try:
            async for block in _blocks(chunks):
                number += 1
                digest.update(block)
                records = reader.feed(block)
                if number <= known:
                    await _pass_over(records)
                    if number == known and digest.hexdigest() != done:
                        raise NotTheSame
                    continue
                one = await self._stage(one, await self._take(staging, records), number, digest.hexdigest())
                progress(one)
                if one.counts.reported > PROBLEMS_MAX:
                    return await self._fail(one, f"more than {PROBLEMS_MAX} lines cannot be taken")
            if number < known:
                raise NotTheSame
            rest = await self._take(staging, reader.end())
        except UnknownFormat as error:
            await self._fail(one, str(error))
            raise
        one = await self._stage(one, rest, number, digest.hexdigest(), State.MERGING)
        progress(one)
        return one

    async def _take(self, staging: _Staging, records: Iterable[Record]) -> _Taken:
        taken, now = _Taken(), self._clock.now()
        for record in records:
            staging.take(record, taken, lambda: self._new_id(now))
            if taken.lines % BREATH == 0:
                await asyncio.sleep(0)
        taken.rows.sort(key=lambda row: row.bucket)
        return taken

    async def _stage(
        self, one: Import, taken: _Taken, blocks: int, digest: str, state: State = State.LOADING
    ) -> Import:
        counts = replace(
            one.counts,
            lines=one.counts.lines + taken.lines,
            staged=one.counts.staged + len(taken.rows),
            reported=one.counts.reported + len(taken.problems),
            passed=one.counts.passed + taken.passed,
        )
        last = max((row.event_id for row in taken.rows), default=one.last_event_id)
        after = replace(one, state=state, blocks=blocks, digest=digest, counts=counts, last_event_id=last)
        return await sticky_bulk.stage(self._database, one, after, taken.rows, taken.problems, self._clock.now())


class _Staging:
    """Turns records into rows, problems, or counts."""

    def __init__(
        self,
        one: Import,
        terms: Terms,
        targets: Mapping[str, tuple[Target, ...]],
        bucket_key: bytes,
        pseudonyms: Pseudonyms | None,
    ) -> None:
        self._id = one.id
        self._merged = one.merged_buckets
        self._terms = terms
        self._targets = targets
        self._spelled: dict[str, tuple[Target, ...]] = {}
        self._bucket_key = bucket_key
        self._pseudonyms = pseudonyms
        self._line = 0
        self._place = 0

    def take(self, record: Record, taken: _Taken, new_id: Callable[[], int]) -> None:
        """Put what a record says where it belongs."""
        taken.lines += 1
        self._place = self._place + 1 if record.line == self._line else 0
        self._line = record.line
        if record.layout is None or record.values is None:
            self._report(record, Why.UNREADABLE, taken)
            return
        said = read_line(record.values, self._terms, is_log=record.layout.dialect.is_log)
        if isinstance(said, Passed):
            taken.passed[said.value] += 1
        elif isinstance(said, Why):
            self._report(record, said, taken)
        else:
            self._stage(record, said, taken, new_id)

    def _stage(self, record: Record, line: Line, taken: _Taken, new_id: Callable[[], int]) -> None:
        members = self._members(line.sender)
        target = next((each for each in members if _can_write(each, line.to)), None)
        if target is None:
            self._report(record, Why.UNREACHABLE if members else Why.UNKNOWN_SENDER, taken)
            return
        bucket = bucket_of(line.to, self._bucket_key)
        if bucket < self._merged:  # read anew after a crash: it is merged already, and counted
            taken.lines -= 1
            return
        hidden = None if self._pseudonyms is None else self._pseudonyms.of(line.to)
        taken.rows.append(
            Staged(
                new_id(), line.at, self._id, target.member_id, line.last_used_day, bucket, line.created_day, line.flags,
                line.to, hidden,
            )
        )  # fmt: skip

    def _members(self, sender: str) -> tuple[Target, ...]:
        """The members that a number is, however it is spelled; a name may be several, each for other countries."""
        found = self._spelled.get(sender)
        if found is None:
            address = parse_sender(sender)
            found = self._targets.get(sender) or (self._targets.get(address.value, ()) if address else ())
            if len(self._spelled) < SPELLINGS_MAX:
                self._spelled[sender] = found
        return found

    def _report(self, record: Record, why: Why, taken: _Taken) -> None:
        what = record.text or " ".join(str(value) for value in (record.values or ())[:2])
        shown = what.replace("\0", " ").encode(errors="replace").decode()[:WHAT_LENGTH_MAX]
        taken.problems.append(Problem(record.line, self._place, why.value, shown))


def _can_write(target: Target, to: str) -> bool:
    """Whether a mapping to that member would be of use. Numbers write everywhere; RCS senders have no mappings (S-25)."""
    if target.kind is SenderKind.RCS:
        return False
    if target.kind in (SenderKind.LONG_CODE, SenderKind.TOLL_FREE) and to.startswith("+"):
        return True
    person = parse_recipient(to)
    return person is not None and reaches(target.kind, target.country, person)


async def _pass_over(records: Iterable[Record]) -> None:
    for number, _ in enumerate(records):
        if number % BREATH == 0:
            await asyncio.sleep(0)


async def _blocks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same octets in pieces of BLOCK_BYTES, the last one shorter, however they arrive."""
    kept, size, total = [], 0, 0
    async for chunk in chunks:
        total += len(chunk)
        if total > BYTES_MAX:
            raise UnknownFormat(f"it is larger than {BYTES_MAX >> 30} GiB")
        kept.append(chunk)
        size += len(chunk)
        if size >= BLOCK_BYTES:
            whole = b"".join(kept)
            while len(whole) >= BLOCK_BYTES:
                yield whole[:BLOCK_BYTES]
                whole = whole[BLOCK_BYTES:]
            kept, size = [whole], len(whole)
    if size:
        yield b"".join(kept)
