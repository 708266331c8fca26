"""What campaigns may still send to the United States today: decided by what is remembered, counted last, else decided again.

Rule S-54. As with new people (`limpet.flow.share`) the decision comes before the count, since only the sender that was chosen
tells whether a campaign is concerned. Nothing here asks the database anything for a service without a campaign.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from limpet.core.limits import DAILY_SEGMENTS_REACHED, TMOBILE_REACHED, CampaignShare, carriers_day
from limpet.core.selection import Refusal
from limpet.store import tallies
from limpet.store.database import Connection, OutOfDate
from limpet.store.tallies import Tally

COUNTS_MAX = 100_000
Count = tuple[Tally, int]
"""What is counted, and of whom."""
CODES = {Tally.CAMPAIGN: DAILY_SEGMENTS_REACHED, Tally.TMOBILE: TMOBILE_REACHED}
_IN_ORDER = (Tally.CAMPAIGN, Tally.TMOBILE)


class CampaignCounts:
    """What a process remembers of the counts. `is_tmobile` tells of a person's number whether its network is T-Mobile's."""

    def __init__(self, is_tmobile: Callable[[str], bool] = lambda _: False) -> None:
        self.is_tmobile = is_tmobile
        self._known: dict[Count, tuple[int, int]] = {}

    def remembered(self, count: Count, day: int) -> int | None:
        """A count of a day as it was last seen."""
        seen = self._known.get(count)
        return seen[1] if seen is not None and seen[0] == day else None

    def remember(self, count: Count, day: int, value: int) -> None:
        """What a count was when it was last seen."""
        if len(self._known) >= COUNTS_MAX:
            self._known = {c: seen for c, seen in self._known.items() if seen[0] == day}
        self._known[count] = day, value


class _Taken(NamedTuple):
    """What a message has taken out of a share."""

    share: CampaignShare
    recipient: str
    segments: int


class CampaignUse:
    """What one transaction sends out of campaigns' shares."""

    def __init__(self, counts: CampaignCounts, now: datetime) -> None:
        self._counts = counts
        self._day = carriers_day(now)
        self._before: dict[Count, int] = {}
        self._fresh: set[Count] = set()
        self._caps: dict[Count, int] = {}
        self._made: Counter[Count] = Counter()
        self._taken: dict[int, _Taken] = {}

    async def prepare(self, connection: Connection, wanted: Iterable[tuple[CampaignShare, str, int]]) -> None:
        """Know enough to decide about messages, each with its campaign, whom it goes to and its segments: what is remembered
        where all of them fit, what is committed where they may not."""
        sums: Counter[Count] = Counter()
        for share, recipient, segments in wanted:
            for count, cap in self._of(share, recipient):
                self._caps[count] = max(cap, self._caps.get(count, 0))
                sums[count] += segments
        for count, segments in sums.items():
            if count in self._fresh:
                continue
            known = self._counts.remembered(count, self._day)
            if known is None or known + self._made[count] + segments > self._caps[count]:
                known = (await tallies.read(connection, count[0], self._day, [count[1]])).get(count[1], 0)
                self._fresh.add(count)
                self._counts.remember(count, self._day, known)
            self._before[count] = known

    def take(self, share: CampaignShare | None, message_id: int, recipient: str, segments: int) -> Refusal | None:
        """Take a message's segments out of a share; why not, where they are not to be had. The campaign's own cap comes first."""
        if share is None:
            return None
        counts = self._of(share, recipient)
        for count, cap in counts:
            if self._before[count] + self._made[count] + segments > cap:
                return Refusal(CODES[count[0]])
        self._made.update({count: segments for count, _ in counts})
        self._taken[message_id] = _Taken(share, recipient, segments)
        return None

    def share(self, message_id: int) -> CampaignShare | None:
        """Out of which share a message has taken."""
        taken = self._taken.get(message_id)
        return None if taken is None else taken.share

    def keep(self, message_id: int, segments: int) -> None:
        """A message needs so many segments and not what it has taken: it has become shorter, or with 0 it does not leave. One
        that has become longer counts as it was decided on."""
        taken = self._taken.get(message_id)
        if taken is not None and segments < taken.segments:
            self._made.update({count: segments - taken.segments for count, _ in self._of(taken.share, taken.recipient)})
            self._taken[message_id] = taken._replace(segments=segments)

    async def settle(self, connection: Connection) -> None:
        """Count what was sent, after everything that binds people. OutOfDate when others have had the same room meanwhile: what
        is true is read then, and the transaction decides again."""
        passed = False
        for kind in _IN_ORDER:
            made = {of_id: segments for (tally, of_id), segments in self._made.items() if tally is kind and segments}
            if not made:
                continue
            for of_id, value in (await tallies.add(connection, kind, self._day, made)).items():
                count = kind, of_id
                over = made[of_id] > 0 and value > self._caps[count]
                passed = passed or over
                self._counts.remember(count, self._day, value - made[of_id] if over else value)
        if passed:
            raise OutOfDate

    def _of(self, share: CampaignShare, recipient: str) -> list[tuple[Count, int]]:
        """The counts that a message to a person goes into, each with its cap."""
        found: list[tuple[Count, int]] = []
        if share.daily_segments is not None:
            found.append(((Tally.CAMPAIGN, share.campaign_id), share.daily_segments))
        if share.tmobile_segments is not None and self._counts.is_tmobile(recipient):
            found.append(((Tally.TMOBILE, share.brand_id), share.tmobile_segments))
        return found
