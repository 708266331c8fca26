"""What customers' URLs answered to callbacks, remembered for a while: the log of tries keeps what came of them only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from limpet.flow.tried import Tried
from limpet.store.dispatch import Key
from limpet.webhook import Posted

REMEMBERED_MAX: Final = 2000
BYTES_MAX: Final = 4000


class Answers:
    """The last REMEMBERED_MAX of them, each at most BYTES_MAX long."""

    def __init__(self) -> None:
        self._said: OrderedDict[tuple[Key, int], str] = OrderedDict()

    def note(self, tried: Sequence[Tried]) -> None:
        """Remember what was said to callbacks that were taken."""
        for one in tried:
            if isinstance(one.outcome, Posted) and one.outcome.body:
                self._said[one.owed.key, one.owed.attempt + 1] = one.outcome.body[:BYTES_MAX].decode(errors="replace")
                if len(self._said) > REMEMBERED_MAX:
                    self._said.popitem(last=False)

    def of(self, callback: Key, attempt: int) -> str | None:
        """What was said to a callback's try; None when nothing is remembered."""
        return self._said.get((callback, attempt))
